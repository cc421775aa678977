"""Who may see a page, and how a refusal of the domain becomes an answer of the web."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from ris import queries
from ris.accounts import account_of
from ris.errors import ChangedMeanwhile, NotFound, NotPermitted, SeenUnsaid
from ris.models import ScheduledProcedureStep, Site
from ris.validation import MOST
from ris.web.routes import route_of

log = structlog.get_logger(__name__)
P = ParamSpec("P")
M = TypeVar("M", bound=Model)
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(view: View[P]) -> View[P]:
    """A view for signed-in people only. NotFound is 404, as is an address with NUL, or with a number beyond all keys,
    which no database can look up; NotPermitted is 403.

    409 for the later of two people: who acted on what another one changed meanwhile (a form with fields says that itself, with what was
    typed), and who makes the same thing at one moment, past the check that would have named it.
    """

    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        if "\0" in request.path or any(isinstance(value, int) and value > MOST for value in kwargs.values()):
            raise Http404
        if account_of(request.user).must_change_password and not request.path.startswith(reverse("account-password")):
            return _to_password(request)
        try:
            response = view(request, *args, **kwargs)
        except NotFound as error:
            raise Http404(str(error)) from error
        except NotPermitted as error:
            raise PermissionDenied(error.said) from error
        except ChangedMeanwhile as error:
            response = _changed_meanwhile(request, error)
        except IntegrityError as error:
            log.warning("a page lost a race", page=route_of(request), error=type(error).__name__)
            response = render(request, "409.html", status=409)
        return response

    return functools.update_wrapper(guarded, view)


def _changed_meanwhile(request: HttpRequest, error: ChangedMeanwhile) -> HttpResponse:
    """A button of a page that is no longer true: who changed what, and from a page that updates itself, the present one at once."""
    if request.headers.get("HX-Request") == "true":
        messages.error(request, f"Not changed. {error}")
        response = render(request, "parts/messages.html", status=409)
        response["HX-Trigger"] = "changed"
        return response
    back = urlsplit(request.headers.get("Referer", ""))
    address = back.path + (f"?{back.query}" if back.query else "") if back.netloc == request.get_host() else ""
    said = {"said": str(error), "back": address, "unsaid": isinstance(error, SeenUnsaid)}
    return render(request, "409.html", said, status=409)


_NOUNS: Final[dict[type[Model], str]] = {ScheduledProcedureStep: "exam", User: "account"}
"""What people call what the code calls otherwise."""


def one_of(rows: QuerySet[M], **keys: Any) -> M:
    """The row that an address names; NotFound in the product's words, which say nothing of what other hospitals have."""
    row = rows.filter(**keys).first()
    if row is None:
        noun = _NOUNS.get(rows.model, rows.model._meta.verbose_name)
        raise NotFound(f"There is no such {noun} here. It may be gone, or the address is mistyped.")
    return row


def site_of(request: HttpRequest) -> Site:
    """The hospital of who is signed in: a page looks everything up within it, and nothing of another one is there."""
    return queries.site_of(request.user)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """A live part whose session ended sends the whole page to the sign-in, not a sign-in form into the middle of a list."""
    if request.headers.get("HX-Request") != "true":
        return redirect_to_login(request.get_full_path())
    current = urlsplit(request.headers.get("HX-Current-URL", ""))
    query = QueryDict(mutable=True)
    query["next"] = f"{current.path or '/'}{'?' + current.query if current.query else ''}"
    response = HttpResponse(status=204)
    response["HX-Redirect"] = f"{settings.LOGIN_URL}?{query.urlencode(safe='/')}"
    return response


def _to_password(request: HttpRequest) -> HttpResponse:
    """First a password of one's own. A part of a page that is open is left as it is."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204)
    return redirect("account-password")


def display_name(user: AbstractUser) -> str:
    """Full name, else the user name."""
    return user.get_full_name() or user.get_username()
