"""Who calls: bearer tokens, and the permission that each operation asks for."""

import hmac
from typing import cast

from django.conf import settings
from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security import HttpBearer

from ris import clock
from ris.accounts import DEMO_ONLY, account_of, is_of_the_demo
from ris.actions import attempts
from ris.actions.tokens import digest_of, note_environment_use, note_use
from ris.actor import Actor
from ris.bearer import Caller
from ris.errors import NotPermitted, Throttled
from ris.kept import keep
from ris.models import ApiToken
from ris.origin import address_of
from ris.permissions import PERMISSIONS
from ris.throttling import TOKEN, UNGUESSABLE, in_words, of_address
from ris.web import asking, times


class Bearer(HttpBearer):
    """`auth=Bearer("orders.place")` on an operation: the token must be known and its user have that permission.

    `Bearer(any_token="says nothing of a hospital")` takes every known token; the words say what makes that right. `Bearer()` is what an
    operation has that declares nothing: it refuses everybody. Runs before the input is read: 401 and 403 come before 422.
    """

    def __init__(self, permission: str | None = None, *, any_token: str = "") -> None:
        super().__init__()
        if permission is not None:
            PERMISSIONS[permission]  # a misspelled permission fails at import
        self.permission = permission
        self.any_token = any_token

    def __call__(self, request: HttpRequest) -> Caller:
        if not request.headers.get(self.header):
            raise AuthenticationError(message="A bearer token is needed: send the header “Authorization: Bearer TOKEN”.")
        caller: Caller | None = super().__call__(request)
        if caller is None:
            raise AuthenticationError(message="The Authorization header must read “Bearer TOKEN”.")
        keep(request, "auth", caller)  # as django-ninja does it later: a refusal tells who it was
        if self.permission is not None:
            caller.check(self.permission)
        elif not self.any_token:
            raise NotPermitted("This call does not say which permission it needs, so that nobody may make it.")
        return caller

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """The caller of a token; AuthenticationError in words otherwise, or Throttled where too many were wrong.

        Right ones never wait, but for a token of the installation that is short enough to be guessed.
        """
        token = token.strip()
        if settings.API_TOKEN and hmac.compare_digest(token.encode("utf-8", "replace"), settings.API_TOKEN.encode()):
            wait = attempts.waiting(of_address(address_of(request), TOKEN)) if len(settings.API_TOKEN) < UNGUESSABLE else 0
            if wait:
                raise _throttled(wait)
            note_environment_use()
            return Caller(Actor.system("api"))
        row = ApiToken.objects.select_related("user__account").filter(digest=digest_of(token)).first()
        wrong = _why_wrong(row)
        if row is None or wrong:
            if row is not None:
                asking.claim_token(request, row)
            raise _refusal(request, wrong)
        note_use(row)
        return Caller(Actor.user(row.user), row.user, None if row.scope is None else frozenset(row.scope), row.pk)


def _why_wrong(row: ApiToken | None) -> str:
    if row is None:
        return "This bearer token is not known here."
    if row.revoked_at is not None:
        return f"The bearer token “{row.name}” was revoked; make a new one."
    if row.expires_at is not None and row.expires_at <= clock.wall():
        return f"The bearer token “{row.name}” expired, its last day was {times.last_day(row.expires_at)}; make a new one."
    if not row.user.is_active:
        return f"The account {row.user.get_username()} is switched off."
    if is_of_the_demo(row.user):
        return f"{DEMO_ONLY}."
    if account_of(row.user).must_change_password:
        return f"The account {row.user.get_username()} has to choose another password first; sign in with it in the browser."
    return ""


def _refusal(request: HttpRequest, reason: str) -> Exception:
    """Counted by the address. While it has to wait, nothing is counted and nothing said of the token."""
    wait = attempts.begin(of_address(address_of(request), TOKEN))
    if wait:
        return _throttled(wait)
    return AuthenticationError(message=reason)


def _throttled(wait: int) -> Throttled:
    short = 0 < len(settings.API_TOKEN) < UNGUESSABLE
    spared = "" if short else "; a right one need not wait"
    return Throttled(f"Too many bearer tokens from your address were wrong. Wait {in_words(wait)}{spared}.", wait)


def caller(request: HttpRequest) -> Caller:
    """Who makes this request, known since `Bearer` let it in."""
    return cast(Caller, vars(request)["auth"])  # django-ninja sets the attribute; HttpRequest declares none
