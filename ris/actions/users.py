"""Accounts of people and their roles; passwords are in `ris.actions.passwords`, tokens in `ris.actions.tokens`.

Nobody locks themselves or everybody out: an administrator neither switches off nor takes the role from their own account, and the last
active administrator's cannot lose it at all, nor the last active superuser's, who alone has to do with all hospitals.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q, QuerySet

from ris import clock, queries
from ris.accounts import of_the_demo
from ris.actions.membership import set_site
from ris.actions.tokens import revoke_all
from ris.actor import SYSTEM_NAMES, Actor
from ris.crossing import CHANGE_AGAIN, crossed, since
from ris.db import action, lock
from ris.errors import ChangedMeanwhile, Conflict, NotFound
from ris.kept import forget
from ris.models import Account, RecordChange, Site, Station
from ris.permissions import ADMIN, ROLE_NAMES, ROLES
from ris.validation import Checker

SUBJECT: Final = "user"
"""What the histories call an account."""
_LONGEST_NAME: Final = 150
_ALPHABETS: Final = frozenset(("Latin", "Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic"))
"""With letters that look like those of another one."""


@dataclass(frozen=True)
class UserData:
    """An account as typed. `roles` are of `ris.permissions.ROLES`."""

    username: str
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    roles: tuple[str, ...] = ()


def data_of(user: User) -> UserData:
    """The account as it would be typed. A superuser is an administrator, whatever the groups say."""
    return UserData(user.username, user.first_name, user.last_name, user.email, roles_held(user))


def roles_held(user: User) -> tuple[str, ...]:
    """By the groups, whether the account is switched on or off."""
    held = {group.name for group in user.groups.all()} | ({ADMIN} if user.is_superuser else set())
    return tuple(role for role in ROLES if role in held)


def administrators() -> QuerySet[User]:
    """Those who get in, by id."""
    administer = Q(is_superuser=True) | Q(pk__in=User.objects.filter(groups__name=ADMIN))
    return User.objects.filter(administer, is_active=True).exclude(pk__in=of_the_demo()).order_by("pk")


def check_new(data: UserData, actor: Actor) -> None:
    """InvalidInput where no account could be made so, before anybody is asked for its password."""
    _checked(data, actor)


@action
def create_user(
    data: UserData,
    digest: str,
    actor: Actor,
    *,
    must_change: bool = True,
    site: Site | None = None,
    superuser: bool = False,
    demo: bool = False,
) -> User:
    """A new account with the digest of its password, of a hospital (None: the default one); `demo`: with one of the demo.

    Raises InvalidInput.
    """
    columns, roles = _checked(data, actor)
    user: User = User.objects.create(**columns, password=digest, is_superuser=superuser, is_staff=superuser)
    _give(user, roles)
    Account.objects.create(user=user, must_change_password=must_change, password_changed_at=clock.wall(), demo_password=demo)
    detail = {"username": ["", user.username], "roles": ["", _told(roles)]}
    record(actor, "create user", user, detail | ({"must_change_password": ["no", "yes"]} if must_change else {}))
    if site is not None:
        set_site(user, site, actor)
    return user


@action
def change_user(user_id: int, data: UserData, actor: Actor, expected_version: int | None = None, *, site: Site | None = None) -> User:
    """Change names, e-mail and roles, and the hospital unless it is None.

    Into another hospital nobody takes what people of the former one may know or hold: tokens and sessions end, and another password is due.
    Raises InvalidInput, ChangedMeanwhile, NotFound, or Conflict when it would lock out.
    """
    user, account = locked(user_id, actor, expected_version)
    columns, roles = _checked(data, actor, user)
    before = data_of(user)
    if ADMIN in before.roles and ADMIN not in roles:
        _keep_an_administrator(user, actor, "lose the role of an administrator")
    for name, value in columns.items():
        setattr(user, name, value)
    if ADMIN not in roles:
        user.is_superuser = user.is_staff = False
    user.save()
    _give(user, roles)
    after = data_of(user)
    changed = {name: [_told(getattr(before, name)), _told(getattr(after, name))] for name in UserData.__dataclass_fields__}
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    moves = site is not None and queries.site_of(user) != site
    if changed:
        record(actor, "edit user", user, changed)
    if site is not None and moves:
        set_site(user, site, actor)
        account.sessions += 1
        account.must_change_password = True
        record(actor, "end sessions", user, {"must_change_password": ["", "yes"]})
    if changed or moves:
        revise(account)
    return user


@action
def switch_user(user_id: int, on: bool, actor: Actor, expected_version: int | None = None) -> User:
    """Switch an account on, or off, which ends its sessions and its tokens' rights at once. Raises as `change_user`."""
    user, account = locked(user_id, actor, expected_version)
    if user.is_active == on:
        return user
    if not on:
        _keep_an_administrator(user, actor, "be switched off")
        account.sessions += 1
    user.is_active = on
    user.save(update_fields=["is_active"])
    revise(account)
    record(actor, "switch on" if on else "switch off", user, {"active": ["no", "yes"] if on else ["yes", "no"]})
    return user


@action
def end_sessions(
    user_id: int, actor: Actor, expected_version: int | None = None, *, sessions: int | None = None, tokens_too: bool = False
) -> int:
    """End all sessions of an account at once, and its tokens where that is asked for; the number that sessions have from now on.

    `sessions` is the number of the session that asks for its own account and is to go on: ChangedMeanwhile when that was ended itself.
    """
    user, account = locked(user_id, actor, expected_version)
    check_sessions(account, sessions)
    account.sessions += 1
    revise(account)
    if tokens_too:
        revoke_all(user, actor)
    record(actor, "end sessions", user, {})
    return account.sessions


def locked(user_id: int, actor: Actor, expected_version: int | None) -> tuple[User, Account]:
    """The account for a change, behind those of all administrators: two who take the role from each other wait for one another.

    NotFound for one that the actor has nothing to do with, as in the pages (`ris.queries.managed_by`), or no more.
    """
    lock(administrators)
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None or not queries.is_managed_by(actor, user):
        raise NotFound("There is no such account.")
    account, _ = Account.objects.get_or_create(user=user)
    if expected_version is not None and expected_version != account.version:
        raise crossed("this account", queries.site_of(user), since(SUBJECT, user.pk, account.version - expected_version), CHANGE_AGAIN)
    return user, account


def check_sessions(account: Account, sessions: int | None) -> None:
    """ChangedMeanwhile when a session with this number is over: what it asked for before would let it live on."""
    if sessions is not None and account.sessions != sessions:
        raise ChangedMeanwhile("Your sessions were ended meanwhile, this one too. Sign in again.")


def revise(account: Account) -> None:
    """Save the account as another version."""
    account.version += 1
    account.save()


def record(actor: Actor, verb: str, user: User, detail: dict[str, Any]) -> None:
    RecordChange.by(actor, at=clock.wall(), verb=verb, subject=SUBJECT, subject_id=user.pk, detail=detail)


def _keep_an_administrator(user: User, actor: Actor, what: str) -> None:
    if actor.user_id == user.pk:
        raise Conflict(f"This is your own account, which cannot {what} by you; ask another administrator.")
    others = administrators().exclude(pk=user.pk)
    if not user.is_active:
        return
    if user.is_superuser and not others.filter(is_superuser=True).exists():
        raise Conflict(
            f"{user.username} is the last active superuser and cannot {what}; make another one first, with `manage.py createsuperuser`."
        )
    if ADMIN in roles_held(user) and not others.exists():
        raise Conflict(f"{user.username} is the last active administrator and cannot {what}; make another administrator first.")


def _give(user: User, roles: Iterable[str]) -> None:
    """These roles, and whatever groups the account has that are no roles."""
    others = [group for group in user.groups.all() if group.name not in ROLES]
    user.groups.set([*others, *(Group.objects.get_or_create(name=role)[0] for role in roles)])
    forget(user, "_roles")


def _checked(data: UserData, actor: Actor, user: User | None = None) -> tuple[dict[str, Any], tuple[str, ...]]:
    checked = Checker()
    columns = {
        "username": checked("username", _username, data.username, actor, user),
        "first_name": checked("given_name", _name, data.given_name),
        "last_name": checked("family_name", _name, data.family_name),
        "email": checked("email", _email, data.email),
    }
    unknown = sorted(set(data.roles) - set(ROLES))
    if unknown:
        checked.refuse("roles", f"holds {unknown[0][:32]!r}; known roles are {', '.join(ROLE_NAMES)}")
    checked.done()
    return columns, tuple(role for role in ROLES if role in data.roles)


def _username(typed: str, actor: Actor, user: User | None) -> str:
    """How a name that is taken is spelled is told to who has to do with that account alone."""
    name = User.normalize_username(typed.strip())
    if not name:
        raise ValueError("is empty; choose a name to sign in with, e.g. jmoreau")
    try:
        UnicodeUsernameValidator()(name)
    except ValidationError:
        raise ValueError("may hold only letters, digits and @ . + - _") from None
    if not any(char.isalnum() for char in name):
        raise ValueError("holds no letter and no digit; choose a name that people can say, e.g. jmoreau")
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"is {len(name)} characters long; at most {_LONGEST_NAME} are kept")
    if user is None or user.username != name:
        _check_new_name(name)
    others = User.objects.filter(username__iexact=name)
    taken = (others if user is None else others.exclude(pk=user.pk)).first()
    if taken is not None:
        spelled = f": there is an account {taken.username}" if queries.is_managed_by(actor, taken) else ""
        raise ValueError(f"is taken{spelled}; choose another one")
    return name


def _check_new_name(name: str) -> None:
    """In histories and the trail a person is told from a part of the system, from a modality, and from each other."""
    if " ".join(re.split(r"[\W_]+", name.casefold())).strip() in SYSTEM_NAMES:
        raise ValueError("is what a part of the system is called in the histories; choose a person's name, e.g. jmoreau")
    if Station.objects.filter(ae_title__iexact=name).exists():
        raise ValueError("is the AE title of a station, which is called so in the histories; choose a person's name, e.g. jmoreau")
    alphabets = {unicodedata.name(char, "").split(" ")[0].capitalize() for char in name if char.isalpha()} & _ALPHABETS
    if len(alphabets) > 1:
        raise ValueError(f"mixes letters of {' and '.join(sorted(alphabets))}, which look alike; use those of one alphabet")


def _name(typed: str) -> str:
    name = typed.strip()
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        raise ValueError("holds a control character; type it again as plain text")
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"is {len(name)} characters long; at most {_LONGEST_NAME} are kept")
    return name


def _email(typed: str) -> str:
    address = typed.strip()
    try:
        if address:
            validate_email(address)
    except ValidationError:
        raise ValueError("is no e-mail address; write it as jo.moreau@example.org, or leave it empty") from None
    return address


def _told(value: Any) -> str:
    """A value in the history."""
    return ", ".join(value) if isinstance(value, tuple) else str(value)
