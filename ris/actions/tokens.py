"""Bearer tokens of the REST interface: shown once, kept as a digest, revoked rather than deleted."""

import hashlib
import secrets

from django.contrib.auth.models import User

from ris import clock, validation
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict, InvalidInput, NotFound
from ris.models import ApiToken, RecordChange
from ris.validation import Checker

PREFIX = "sw_"


def digest_of(token: str) -> str:
    """SHA-256 in hex. The token holds 256 random bits, so that a salt or a slow hash would add nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@action
def create_token(user: User, name: str, actor: Actor | None = None) -> str:
    """Make a token that acts with the user's roles and return it in clear, which cannot be had a second time.

    Raises InvalidInput (name, or a user who is switched off) or Conflict (the user has an active token of that name).
    """
    checked = Checker()
    clean = checked("name", validation.text, name, "LO") or ""
    if not clean and "name" not in checked.errors:
        checked.refuse("name", "is empty; say what the token is for")
    checked.done()
    if not user.is_active:
        raise InvalidInput({"user": f"{user.get_username()} is switched off; switch the account on first"})
    if ApiToken.objects.filter(user=user, name=clean, revoked_at=None).exists():
        raise Conflict(f"{user.get_username()} has a token {clean!r} already; revoke it first, or choose another name.")
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(user=user, name=clean, digest=digest_of(token), created_at=clock.wall())
    _record(row, "create token", actor, {"name": ["", row.name]})
    return token


@action
def revoke_token(user: User, name: str, actor: Actor | None = None) -> ApiToken:
    """End the user's active token of that name at once; NotFound when there is none."""
    row = ApiToken.objects.select_for_update().filter(user=user, name=name.strip(), revoked_at=None).first()
    if row is None:
        raise NotFound(f"{user.get_username()} has no active token {name.strip()!r}.")
    row.revoked_at = clock.wall()
    row.save(update_fields=["revoked_at"])
    _record(row, "revoke token", actor, {"name": [row.name, ""]})
    return row


def _record(row: ApiToken, verb: str, actor: Actor | None, detail: dict[str, list[str]]) -> None:
    RecordChange.by(actor or Actor.user(row.user), at=clock.wall(), verb=verb, subject="api token", subject_id=row.pk, detail=detail)
