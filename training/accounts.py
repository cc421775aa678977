"""Demo accounts: one user for each role, named like the role."""

from functools import cache

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from ris.accounts import new_password
from ris.actions.users import SUBJECT
from ris.models import RecordChange

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


@transaction.atomic
def ensure_demo_accounts() -> dict[str, str | None]:
    """Make the accounts that do not exist yet; `{user name: password}`, None for an account that keeps an earlier one.

    RIS_DEMO_PASSWORD, when set, is the password of every demo account, of those made earlier too. Without it a new
    account gets a password that is kept nowhere in clear: whoever calls has the only copy. An account that exists gets
    its role back when it has lost it, unless somebody changed the account in the pages: what an administrator decided holds.
    """
    one_for_all = _OneForAll(settings.DEMO_PASSWORD) if settings.DEMO_PASSWORD else None
    return {role: _ensure(role, one_for_all) for role in FULL_NAMES}


class _OneForAll:
    """The configured password. A digest takes half a second on purpose: the accounts that share the password share its digest."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.digest = cache(lambda: make_password(password))
        self.is_in = cache(lambda digest: check_password(password, digest))


def _ensure(role: str, one_for_all: _OneForAll | None) -> str | None:
    group, _ = Group.objects.get_or_create(name=role)
    user = get_user_model().objects.filter(username=role).first()
    password = one_for_all.password if one_for_all else None
    if user is None:
        password = password or new_password()
        user = _make(role, one_for_all.digest() if one_for_all else make_password(password))
    elif one_for_all and not one_for_all.is_in(user.password):
        user.password = one_for_all.digest()
        user.save(update_fields=["password"])
    if not RecordChange.objects.filter(subject=SUBJECT, subject_id=user.pk).exists():
        user.groups.add(group)
    return password


def _make(role: str, digest: str) -> User:
    given, family = FULL_NAMES[role]
    is_admin = role == "admin"
    user: User = get_user_model()(
        username=role, password=digest, first_name=given, last_name=family, is_staff=is_admin, is_superuser=is_admin
    )
    user.save()
    return user
