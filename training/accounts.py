"""Demo accounts: one user for each role, named like the role."""

import secrets

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.db import transaction

FULL_NAMES = {
    "scheduler": ("Sofia", "Marchetti"),
    "technologist": ("Theo", "Lindqvist"),
    "biller": ("Beatrice", "Okafor"),
    "integrator": ("Ines", "Kowalczyk"),
    "instructor": ("Ian", "Fairweather"),
    "trainee": ("Tara", "Novak"),
    "admin": ("Adele", "Brandt"),
}
"""Given and family name by role. The role is user name and group."""

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike
_GROUPS, _GROUP_LENGTH = 3, 4


@transaction.atomic
def ensure_demo_accounts() -> dict[str, str | None]:
    """Make the accounts that do not exist yet; `{user name: password}`, None for an account that keeps an earlier one.

    RIS_DEMO_PASSWORD, when set, is the password of every demo account, of those made earlier too. Without it a new
    account gets a password that is kept nowhere in clear: whoever calls has the only copy. An account that exists gets
    its role back when it has lost it.
    """
    return {role: _ensure(role) for role in FULL_NAMES}


def _ensure(role: str) -> str | None:
    group, _ = Group.objects.get_or_create(name=role)
    user = get_user_model().objects.filter(username=role).first()
    password = settings.DEMO_PASSWORD or None
    if user is None:
        password = password or new_password()
        user = _make(role, password)
    elif password and not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    user.groups.add(group)
    return password


def _make(role: str, password: str) -> User:
    given, family = FULL_NAMES[role]
    is_admin = role == "admin"
    return get_user_model().objects.create_user(
        role, password=password, first_name=given, last_name=family, is_staff=is_admin, is_superuser=is_admin
    )


def new_password() -> str:
    """About 59 random bits, to be typed from a screen: `kmqt-4w9d-xezr`."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)
