"""Passwords: what they must be, and who sets them. A new one ends the sessions that the old one began."""

from typing import Final

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from ris import clock
from ris.accounts import new_password
from ris.actions.tokens import revoke_all
from ris.actions.users import UserData, check_sessions, create_user, locked, record, revise
from ris.actor import Actor
from ris.db import action
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput
from ris.models import Account, Site

LONGEST: Final = 128
FEWEST: Final = 5
"""Different characters of a password, spaces aside: long is not enough when it is one key held down."""
RULES: Final = (
    "At least 10 characters; several words are easier to remember than signs.",
    "At least 5 different characters.",
    "None of the passwords that everybody tries first.",
    "Not like the user name, the name or the e-mail address.",
)
"""What is told before a password is typed; `_REFUSALS` says what was wrong with one."""
_REFUSALS: Final = {
    "password_too_short": "is shorter than 10 characters",
    "password_too_common": "is one that everybody tries first",
    "password_too_similar": "is too much like the user name, the name or the e-mail address",
}


def checked(password: str, data: UserData) -> str:
    """The password when it keeps the rules for this account; InvalidInput at `password` says all that is wrong."""
    faults = [] if len(password) <= LONGEST else [f"is longer than {LONGEST} characters"]
    if "\0" in password:
        faults.append("holds a character that cannot be typed")
    about = User(username=data.username, first_name=data.given_name, last_name=data.family_name, email=data.email)
    try:
        validate_password(password, about)
    except ValidationError as error:
        faults += [_REFUSALS.get(str(one.code)) or f"is not allowed: {' '.join(one.messages)}" for one in error.error_list]
    if not faults and len(set("".join(password.split()))) < FEWEST:
        faults.append(f"has fewer than {FEWEST} different characters")
    if faults:
        raise InvalidInput({"password": " and ".join(faults)})
    return password


def create(data: UserData, typed: str, actor: Actor, *, must_change: bool = True, site: Site | None = None) -> tuple[User, str]:
    """A new account with the password that was typed, or one that is made when none was; the account and its password in clear."""
    password = checked(typed, data) if typed else new_password()
    return create_user(data, make_password(password), actor, must_change=must_change, site=site), password


def reset(
    user_id: int,
    typed: str,
    actor: Actor,
    expected_version: int | None = None,
    *,
    must_change: bool = True,
    tokens_too: bool = True,
) -> str:
    """Another password for somebody, typed or made, in clear; all their sessions end, and their tokens unless these are to stay.

    Raises InvalidInput, ChangedMeanwhile, NotFound.
    """
    password = typed or new_password()
    digest = make_password(password)  # takes its time on purpose, before the transaction

    @action
    def change() -> None:
        user, account = locked(user_id, actor, expected_version)
        if actor.user_id == user.pk:
            raise Conflict("This is your own account; change your password on your account's page, where you type the present one.")
        if typed:
            checked(typed, UserData(user.username, user.first_name, user.last_name, user.email))
        _set(user, account, digest, must_change)
        if tokens_too:
            revoke_all(user, actor)
        record(actor, "reset password", user, {"must_change_password": ["", "yes" if must_change else "no"]})

    change()
    return password


def change_own(user: User, present: str, wanted: str, sessions: int | None = None) -> int:
    """A password of one's own; the number of the sessions that may go on. InvalidInput at `present` or `password`.

    `sessions` is the number that the session belongs to which asks. ChangedMeanwhile when another password was set, or the sessions were
    ended, since that was looked at: an administrator who did so has the last word.
    """
    if not user.check_password(present):
        raise InvalidInput({"present": "is not right; capitals and small letters count"})
    known = user.password
    if present == wanted:
        raise InvalidInput({"password": "is the present one; choose another"})
    checked(wanted, UserData(user.username, user.first_name, user.last_name, user.email))
    digest = make_password(wanted)

    @action
    def change() -> int:
        fresh, account = locked(user.pk, Actor.user(user), None)
        if fresh.password != known:
            raise ChangedMeanwhile("Another password was set meanwhile, which stays. Sign in with that one.")
        check_sessions(account, sessions)
        _set(fresh, account, digest, must_change=False)
        record(Actor.user(user), "change password", fresh, {})
        return account.sessions

    return change()


@action
def give(user_id: int, digest: str, actor: Actor) -> None:
    """The demo's password, kept as this digest, for accounts that share one; all sessions end."""
    user, account = locked(user_id, actor, None)
    _set(user, account, digest, must_change=False, demo=True)
    record(actor, "reset password", user, {})


@action
def require_change(user_id: int, actor: Actor, expected_version: int | None = None) -> User:
    """Have somebody choose another password before anything else, from the next page on."""
    user, account = locked(user_id, actor, expected_version)
    if not account.must_change_password:
        account.must_change_password = True
        revise(account)
        record(actor, "require new password", user, {"must_change_password": ["no", "yes"]})
    return user


def _set(user: User, account: Account, digest: str, must_change: bool, demo: bool = False) -> None:
    user.password = digest
    user.save(update_fields=["password"])
    account.must_change_password, account.demo_password = must_change, demo
    account.password_changed_at = clock.wall()
    account.sessions += 1
    revise(account)
