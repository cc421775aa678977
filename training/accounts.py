"""Demo accounts: one user for each role, named like the role."""

from dataclasses import replace
from functools import cache
from typing import Final

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.db import transaction
from django.db.models import QuerySet

from ris.accounts import new_password
from ris.actions import passwords, users
from ris.actions.users import SUBJECT, UserData
from ris.actor import Actor
from ris.errors import InvalidInput
from ris.models import RecordChange
from ris.permissions import ADMIN

DEMO: Final = Actor.system("demo hospital")
"""What a start of the demo does; `demo_of` is who has it done at the shell."""
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


def demo_of(who: Actor) -> Actor:
    """The demo hospital on behalf of who runs a command."""
    return Actor.system(f"{DEMO.name}, by {who.name}")


@transaction.atomic
def ensure_demo_accounts(actor: Actor = DEMO) -> dict[str, str | None]:
    """Make the accounts that do not exist yet; `{user name: password}`, None for an account that keeps an earlier one.

    RIS_DEMO_PASSWORD, when set, is the password of every demo account, of those made earlier too, unless somebody set another one in
    the pages, or made the account; in production it keeps the rules, or CommandError says what is wrong. Without it a new account gets a
    password that is kept nowhere in clear: whoever calls has the only copy. An account that exists gets its role back when it has lost
    it, unless somebody made or changed the account in the pages: what an administrator decided holds. Who calls says where it is done
    (`ris.shell.changing`): one of these accounts is a superuser's.
    """
    wrong = weakness() if settings.HTTPS else ""
    if wrong:
        raise CommandError(f"RIS_DEMO_PASSWORD {wrong}. With RIS_HTTPS it keeps the rules of every password; choose another one.")
    one_for_all = _OneForAll(settings.DEMO_PASSWORD) if settings.DEMO_PASSWORD else None
    return {role: _ensure(role, one_for_all, actor) for role in FULL_NAMES}


def weakness() -> str:
    """Why RIS_DEMO_PASSWORD would be refused for somebody's own; empty when it would not, or none is set."""
    try:
        for role in FULL_NAMES if settings.DEMO_PASSWORD else ():
            passwords.checked(settings.DEMO_PASSWORD, _data(role))
    except InvalidInput as error:
        return error.errors["password"]
    return ""


class _OneForAll:
    """The configured password. A digest takes half a second on purpose: the accounts that share the password share its digest."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.digest = cache(lambda: make_password(password))
        self.is_in = cache(lambda digest: check_password(password, digest))


def _ensure(role: str, one_for_all: _OneForAll | None, actor: Actor) -> str | None:
    user = User.objects.filter(username=role).first()
    if user is None:
        password = one_for_all.password if one_for_all else new_password()
        digest = one_for_all.digest() if one_for_all else make_password(password)
        users.create_user(_data(role), digest, actor, must_change=False, superuser=role == ADMIN, demo=True)
        return password
    if not _decided(user).exists() and not user.groups.filter(name=role).exists():
        users.change_user(user.pk, replace(users.data_of(user), roles=(role,)), actor)
    if one_for_all is None:
        return None
    if not one_for_all.is_in(user.password):
        if _decided(user).filter(verb__in=("create user", "change password", "reset password")).exists():
            return None
        passwords.give(user.pk, one_for_all.digest(), actor)
    return one_for_all.password


def _decided(user: User) -> QuerySet[RecordChange]:
    """What people did with the account."""
    return RecordChange.objects.filter(subject=SUBJECT, subject_id=user.pk).exclude(actor_kind=DEMO.kind, actor__startswith=DEMO.name)


def _data(role: str) -> UserData:
    return UserData(role, *FULL_NAMES[role], roles=(role,))
