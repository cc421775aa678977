"""API tokens: everybody's for an administrator, and how one is shown once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from ris import clock, queries
from ris.actions import tokens
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput
from ris.models import ApiToken
from ris.permissions import requires
from ris.web.access import page
from ris.web.user_forms import TokenForm

MAX_SHOWN: Final = 200


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
    context = {"lines": lines(found[:MAX_SHOWN]), "is_capped": len(found) > MAX_SHOWN, "max_shown": MAX_SHOWN}
    return render(request, "ris/tokens.html", context)


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
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token at once."""
    tell_revoked(request, pk, queries.managed_by(request.user))
    return redirect("tokens")


def tell_revoked(request: HttpRequest, pk: int, of: QuerySet[User]) -> None:
    """Revoke a token of one of these users, and say so."""
    try:
        row = tokens.revoke(pk, Actor.user(request.user), of)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The token {row.name!r} of {row.user.get_username()} is revoked; its next call is refused.")
