"""Bearer tokens of the REST interface: shown once, kept as a digest, revoked rather than deleted."""

import hashlib
import secrets
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from dimse.dispatch import without_values
from ris import clock, queries, validation
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict, InvalidInput, NotFound
from ris.models import ApiToken, EnvironmentToken, RecordChange
from ris.permissions import PERMISSIONS
from ris.validation import Checker

LONGEST_NAME: Final = 64
log = structlog.get_logger(__name__)

PREFIX: Final = "sw_"
_SHOWN: Final = len(PREFIX) + 5
"""Characters of a token that are kept in clear, to recognize it by: 30 of its 256 bits."""
_REVOKE: Final = "revoke token"
_COARSE: Final = timedelta(minutes=15)
"""Between two notes of a use: a token is not written for every call."""


def digest_of(token: str) -> str:
    """SHA-256 in hex. The token holds 256 random bits, so that a salt or a slow hash would add nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@action
def create_token(
    user: User,
    name: str,
    actor: Actor | None = None,
    *,
    scope: Collection[str] | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make a token that acts with the user's roles and return it in clear, which cannot be had a second time.

    `scope` limits it to these permissions, of those that its user has when it is used. Raises InvalidInput (name, scope, expires_at, or a
    user who is switched off, or whom the actor has nothing to do with any more) or Conflict (the user has an active token of that name).
    """
    checked = Checker()
    clean = checked("name", _name, name) or ""
    if not clean and "name" not in checked.errors:
        checked.refuse("name", "is empty; say what the token is for")
    limits = None if scope is None else checked("scope", _known, scope)
    if expires_at is not None and expires_at <= clock.wall():
        checked.refuse("expires_at", "is over already; choose a time to come")
    checked.done()
    user = User.objects.select_for_update().get(pk=user.pk)
    if not queries.is_managed_by(actor or Actor.user(user), user):
        raise InvalidInput({"user": f"{user.get_username()} works for another hospital by now"})
    if not user.is_active:
        raise InvalidInput({"user": f"{user.get_username()} is switched off; switch the account on first"})
    taken = f"{user.get_username()} has a token {clean!r} already; revoke it first, or choose another name."
    if ApiToken.objects.filter(user=user, name=clean, revoked_at=None).exists():
        raise Conflict(taken)
    token = PREFIX + secrets.token_urlsafe(32)
    columns = {"digest": digest_of(token), "created_at": clock.wall(), "prefix": token[:_SHOWN], "scope": limits, "expires_at": expires_at}
    try:
        with transaction.atomic():
            row = ApiToken.objects.create(user=user, name=clean, **columns)
    except IntegrityError as error:
        raise Conflict(taken) from error  # somebody made it at this moment
    _record(row, "create token", actor, {"name": ["", row.name], "user": ["", user.get_username()], "scope": ["", scope_text(row)]})
    return token


def _name(typed: str) -> str:
    length = len(typed.strip())
    if length > LONGEST_NAME:
        raise ValueError(f"is {length} characters long; at most {LONGEST_NAME} are kept")
    return validation.text(typed, "LO")


def _known(scope: Collection[str]) -> list[str]:
    unknown = sorted(set(scope) - PERMISSIONS.keys())
    if unknown:
        raise ValueError(f"holds {unknown[0][:32]!r}, which is no permission; they are {', '.join(PERMISSIONS)}")
    if not scope:
        raise ValueError("is empty, so that the token could do nothing; choose at least one permission")
    return [permission for permission in PERMISSIONS if permission in scope]


def scope_text(row: ApiToken) -> str:
    """What a token is limited to."""
    return "all that its user may" if row.scope is None else ", ".join(row.scope)


@action
def revoke_token(user: User, name: str, actor: Actor | None = None) -> ApiToken:
    """End the user's active token of that name at once; NotFound when there is none."""
    row = ApiToken.objects.select_for_update().filter(user=user, name=name.strip(), revoked_at=None).first()
    if row is None:
        raise NotFound(f"{user.get_username()} has no active token {name.strip()!r}.")
    return _revoke(row, actor)


def active(token_id: int, of: QuerySet[User]) -> ApiToken:
    """A token of one of these users that is not revoked yet. Raises as `revoke` does."""
    return _not_revoked(ApiToken.objects.select_related("user").filter(pk=token_id, user__in=of).first())


@action
def revoke(token_id: int, actor: Actor, of: QuerySet[User]) -> ApiToken:
    """End a token of one of these users at once. Raises NotFound, or Conflict when it was revoked already."""
    rows = ApiToken.objects.select_for_update(of=("self",)).select_related("user")
    return _revoke(_not_revoked(rows.filter(pk=token_id, user__in=of).first()), actor)


def _not_revoked(row: ApiToken | None) -> ApiToken:
    if row is None:
        raise NotFound("There is no such token.")
    if row.revoked_at is not None:
        raise Conflict(f"The token {row.name!r} of {row.user.get_username()} was revoked already{_by_whom(row)}.")
    return row


def _by_whom(row: ApiToken) -> str:
    """`, by anna at 27-Nov-2026 14:30`, in the time of the hospital that its user works for."""
    change = RecordChange.objects.filter(subject="api token", subject_id=row.pk, verb=_REVOKE).order_by("-pk").first()
    if change is None:
        return ""
    return f", by {change.actor} at {clock.local(change.at, queries.site_of(row.user)):%d-%b-%Y %H:%M}"


def revoke_all(user: User, actor: Actor) -> int:
    """End all active tokens of the user, as a part of what ends the rest of the user's access; how many there were."""
    rows = list(ApiToken.objects.select_for_update(of=("self",)).select_related("user").filter(user=user, revoked_at=None).order_by("pk"))
    for row in rows:
        _revoke(row, actor)
    return len(rows)


def _revoke(row: ApiToken, actor: Actor | None) -> ApiToken:
    row.revoked_at = clock.wall()
    row.save(update_fields=["revoked_at"])
    _record(row, _REVOKE, actor, {"name": [row.name, ""], "user": [row.user.get_username(), ""]})
    return row


def note_use(row: ApiToken) -> None:
    """Keep when a token was used last, to a quarter of an hour; of many calls at once one writes. No call fails by it."""
    rows = ApiToken.objects.filter(pk=row.pk, last_used_at=row.last_used_at)
    _note(row.last_used_at, lambda now: rows.update(last_used_at=now), str(row.pk))


def note_environment_use() -> None:
    """As `note_use`, of the token that the environment sets."""
    mark, last = environment_mark(), environment_used_at()

    def write(now: datetime) -> None:
        if last is None:
            EnvironmentToken.objects.bulk_create([EnvironmentToken(mark=mark, last_used_at=now)], ignore_conflicts=True)
        else:
            EnvironmentToken.objects.filter(mark=mark, last_used_at=last).update(last_used_at=now)

    _note(last, write, "of the environment")


def _note(last: datetime | None, write: Callable[[datetime], object], which: str) -> None:
    now = clock.wall()
    if last is not None and now - last < _COARSE:
        return
    try:
        write(now)
    except OperationalError as error:
        log.warning("the use of a token was not noted", token=which, error=without_values(error))


def environment_used_at() -> datetime | None:
    """When the token that the environment sets now was used last, None when no use of it was noted."""
    return EnvironmentToken.objects.filter(mark=environment_mark()).values_list("last_used_at", flat=True).first()


def environment_mark() -> str:
    """What tells the value of the environment's token from the next one, and tells nothing of it."""
    return salted_hmac("ris.actions.tokens", settings.API_TOKEN, algorithm="sha256").hexdigest()


def _record(row: ApiToken, verb: str, actor: Actor | None, detail: dict[str, list[str]]) -> None:
    RecordChange.by(actor or Actor.user(row.user), at=clock.wall(), verb=verb, subject="api token", subject_id=row.pk, detail=detail)
