"""API tokens: everybody's for an administrator, and how one is shown once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from ris import clock, queries
from ris.actions import tokens
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import ApiToken, Site
from ris.permissions import PERMISSIONS, requires
from ris.web.access import page
from ris.web.user_forms import TokenForm

MAX_SHOWN: Final = 200
_OF_LATE: Final = timedelta(days=7)
"""What was used within that is taken to be used still."""


@dataclass(frozen=True)
class Line:
    """A token as pages show it. `look` is the status of its word."""

    row: ApiToken
    word: str
    look: str
    scope: str

    @property
    def holds(self) -> bool:
        return self.look == "PASS"

    @property
    def words(self) -> list[str]:
        """What it is limited to, in words; empty where it is not, and where nobody knows its permissions any more."""
        return [PERMISSIONS[name].words for name in self.row.scope or () if name in PERMISSIONS]


@dataclass(frozen=True)
class Environment:
    """The installation's own token, set by the environment, as pages show it: no part of what is secret about it."""

    site: Site
    last_used_at: datetime | None


def lines(rows: Iterable[ApiToken]) -> list[Line]:
    now = clock.wall()
    return [Line(row, *_standing(row, now), tokens.scope_text(row)) for row in rows]


def _standing(row: ApiToken, now: datetime) -> tuple[str, str]:
    if row.revoked_at is not None:
        return "Revoked", "CANCELED"
    if row.expires_at is not None and row.expires_at <= now:
        return "Expired", "CANCELED"
    return ("Active", "PASS") if row.user.is_active else ("Account is off", "WARNING")


@page
@requires("tokens.manage")
def listing(request: HttpRequest) -> HttpResponse:
    """Every token, those that were revoked last."""
    rows = (
        ApiToken.objects.filter(user__in=queries.managed_by(request.user))
        .select_related("user")
        .order_by(F("revoked_at").desc(nulls_first=True), "user__username", "name")
    )
    found = list(rows[: MAX_SHOWN + 1])
    context = {
        "environment": _environment(request.user),
        "lines": lines(found[:MAX_SHOWN]),
        "is_capped": len(found) > MAX_SHOWN,
        "max_shown": MAX_SHOWN,
    }
    return render(request, "ris/tokens.html", context)


def _environment(administrator: AbstractBaseUser | AnonymousUser) -> Environment | None:
    """None where there is none, or for an administrator of another hospital than the one that it works for."""
    if not settings.API_TOKEN:
        return None
    site = queries.default_site()
    if not (getattr(administrator, "is_superuser", False) or queries.site_of(administrator) == site):
        return None
    return Environment(site, tokens.environment_used_at())


@page
@requires("tokens.manage")
def new(request: HttpRequest) -> HttpResponse:
    """Make a token. It is on the page that answers, once: the same form sent again is refused, since the name is taken."""
    form = TokenForm(request.POST or None, people=queries.managed_by(request.user), initial={"user": request.GET.get("user", "")})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            token = tokens.create_token(
                given["user"], given["name"], Actor.user(request.user), scope=form.scope_typed, expires_at=form.expires_at
            )
        except InvalidInput as error:
            form.take(error, {"expires_at": "expires"})
        except Conflict as error:
            form.add_error("name", str(error))
        else:
            return render(request, "ris/token_shown.html", {"token": token, "person": given["user"], "name": given["name"]})
    context = {"form": form, "back": reverse("tokens")}
    return render(request, "ris/token_form.html", context, status=422 if form.errors else 200)


@page
@requires("tokens.manage")
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what stops working, then end a token at once."""
    return revoking(request, pk, queries.managed_by(request.user), "tokens")


def revoking(request: HttpRequest, pk: int, of: QuerySet[User], listed: str) -> HttpResponse:
    """The question, and what is done when it is answered, of a token of one of these users; `listed` is the page that it stands on."""
    try:
        if request.method != "POST":
            return _asked(request, tokens.active(pk, of), listed)
        row = tokens.revoke(pk, Actor.user(request.user), of)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The token {row.name!r} of {row.user.get_username()} is revoked; its next call is refused.")
    return redirect(listed)


def _asked(request: HttpRequest, row: ApiToken, listed: str) -> HttpResponse:
    used = row.last_used_at
    context = {
        "line": lines([row])[0],
        "is_own": listed == "account",
        "is_in_use": used is not None and clock.wall() - used < _OF_LATE,
        "back": reverse(listed),
    }
    return render(request, "ris/token_revoke.html", context)
