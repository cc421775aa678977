"""Who makes a request, and of which hospital: somebody signed in, somebody with a token, or somebody who only says who they are."""

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from ris import queries
from ris.actions.auditing import Claimant, claimed
from ris.actor import Actor
from ris.bearer import Caller
from ris.errors import NotFound
from ris.kept import keep
from ris.models import ApiToken, Site
from ris.origin import address_of

_NO_ACCOUNT = "as somebody who has no account"


@dataclass(frozen=True)
class Claim:
    """Whose account was named by somebody who was not let in, in words; `token` is the number of the token of it that was shown."""

    words: str
    user: User | None = None
    token: int | None = None


def claim_token(request: HttpRequest, row: ApiToken) -> None:
    """Somebody shows a token that holds no more."""
    keep(request, "_claim", Claim(claimed(row.user.get_username(), is_known=True), row.user, row.pk))


def claim_name(request: HttpRequest, name: str) -> None:
    """Somebody types a name and is made to wait. All names that no account has are one: who makes them up fills no trail."""
    user = User.objects.filter(username=name).first()
    keep(request, "_claim", Claim(claimed(name, is_known=True), user) if user else Claim(_NO_ACCOUNT))


def caller_of(request: HttpRequest) -> Caller | None:
    """Whose token was taken, if there was one."""
    found = getattr(request, "auth", None)
    return found if isinstance(found, Caller) else None


def token_of(request: HttpRequest) -> int | None:
    """The number of the token of somebody that was shown, whether it was taken or not."""
    caller = caller_of(request)
    return caller.token if caller else _claim(request).token


def who(request: HttpRequest) -> Actor | Claimant:
    """Who it is as far as it is proved, else what is said."""
    caller = caller_of(request)
    if caller is not None:
        return caller.actor
    return Actor.user(request.user) if request.user.is_authenticated else Claimant(address_of(request), _claim(request).words)


def person_of(request: HttpRequest) -> AbstractBaseUser | AnonymousUser | None:
    """Whose token was taken, or who is signed in; None for nobody, and for the environment's own token."""
    caller = caller_of(request)
    if caller is not None:
        return caller.user
    return request.user if request.user.is_authenticated else None


def site_of(request: HttpRequest) -> Site | None:
    """The hospital of whoever it is or says to be, the default one of everybody else; None before the first start has made one."""
    whose = person_of(request) or _claim(request).user
    try:
        return queries.site_of(whose) if whose is not None else queries.default_site()
    except NotFound:
        return None


def _claim(request: HttpRequest) -> Claim:
    return getattr(request, "_claim", Claim("not signed in"))
