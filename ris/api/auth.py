"""Who calls: bearer tokens, and the permission that each operation asks for."""

import hmac
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.errors import AuthenticationError
from ninja.security import HttpBearer

from ris import permissions
from ris.actions.tokens import digest_of
from ris.actor import Actor
from ris.errors import NotPermitted
from ris.models import ApiToken


@dataclass(frozen=True)
class Caller:
    """`user` is None for the installation's own token (`RIS_API_TOKEN`), which may do everything and acts as the system."""

    actor: Actor
    user: User | None = None

    def check(self, permission: str) -> None:
        """Raise NotPermitted unless the caller has the permission."""
        if self.user is not None:
            permissions.check(self.user, permission)


class Bearer(HttpBearer):
    """`auth=Bearer("orders.place")` on an operation: the token must be known and its user have that permission.

    `Bearer(any_token="says nothing of a hospital")` takes every known token; the words say what makes that right. `Bearer()` is what an
    operation has that declares nothing: it refuses everybody. Runs before the input is read: 401 and 403 come before 422.
    """

    def __init__(self, permission: str | None = None, *, any_token: str = "") -> None:
        super().__init__()
        if permission is not None:
            permissions.PERMISSIONS[permission]  # a misspelled permission fails at import
        self.permission = permission
        self.any_token = any_token

    def __call__(self, request: HttpRequest) -> Caller:
        if not request.headers.get(self.header):
            raise AuthenticationError(message="A bearer token is needed: send the header “Authorization: Bearer TOKEN”.")
        caller: Caller | None = super().__call__(request)
        if caller is None:
            raise AuthenticationError(message="The Authorization header must read “Bearer TOKEN”.")
        setattr(request, "auth", caller)  # noqa: B010  # as django-ninja does it later: a refusal tells who it was
        if self.permission is not None:
            caller.check(self.permission)
        elif not self.any_token:
            raise NotPermitted("This call does not say which permission it needs, so that nobody may make it.")
        return caller

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        """The caller of a token; AuthenticationError in words otherwise."""
        token = token.strip()
        if settings.API_TOKEN and hmac.compare_digest(token.encode("utf-8", "replace"), settings.API_TOKEN.encode()):
            return Caller(Actor.system("api"))
        row = ApiToken.objects.select_related("user").filter(digest=digest_of(token)).first()
        if row is None:
            raise AuthenticationError(message="This bearer token is not known here.")
        if row.revoked_at is not None:
            raise AuthenticationError(message=f"The bearer token “{row.name}” was revoked; make a new one.")
        if not row.user.is_active:
            raise AuthenticationError(message=f"The account {row.user.get_username()} is switched off.")
        return Caller(Actor.user(row.user), row.user)


def caller(request: HttpRequest) -> Caller:
    """Who makes this request, known since `Bearer` let it in."""
    return cast(Caller, getattr(request, "auth"))  # noqa: B009  # django-ninja sets the attribute; HttpRequest declares none
