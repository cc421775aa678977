"""The audit trail of the web: what answers disclosed, who was refused, and who signed in and out, whichever view it was."""

import json
from collections.abc import Callable
from typing import Any

import structlog
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from ris import audit
from ris.actions import auditing
from ris.actions.auditing import Claimant, Place
from ris.actions.tokens import environment_mark
from ris.actor import Actor
from ris.bearer import Caller
from ris.models import AuditRecord
from ris.origin import address_of
from ris.validation import printable
from ris.web import asking, disclosure
from ris.web.failing import Failure, failure, withheld
from ris.web.routes import route_of

log = structlog.get_logger(__name__)
Answering = Callable[[HttpRequest], HttpResponseBase]


class Audited:
    """Middleware, inside of whatever knows who asks. An answer whose record cannot be written is not given, nor is a change made: 503."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        _listen()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with auditing.at(lambda: place_of(request)):
            response = self._answer(request)
        try:
            _record(request, response)
        except (DatabaseError, InterfaceError) as error:
            log.error("an answer is withheld: the audit trail cannot be written", error=type(error).__name__)
            response.close()
            return unavailable(request, withheld(response.status_code))
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """For a page whose change cannot be recorded, or whose database lacks something for a while. REST calls say so themselves."""
        said = failure(error)
        if said is None:
            return None
        log.error("a page failed for want of the database", page=route_of(request), exc_info=error)
        return unavailable(request, said)


def place_of(request: HttpRequest) -> Place:
    """The name of a page, or method and pattern of a REST call, and which token it is made with: no values of an address."""
    match = request.resolver_match
    if match is None:
        return Place(address_of(request), "")
    is_call = match.app_names[:1] == ["ninja"]
    return Place(address_of(request), f"{request.method} {route_of(request)}" if is_call else match.view_name, asking.token_of(request))


def _record(request: HttpRequest, response: HttpResponseBase) -> None:
    status, caller = response.status_code, asking.caller_of(request)
    if caller is not None and status < 500:
        _record_token(request, caller)
    if status in (401, 403, 429):
        record_refusal(request, status, _reason(response))
    elif status == 404 and caller is not None:
        _record_missed(request)
    elif (status < 300 and status != 204) or status in (409, 422):
        said = disclosure.disclosed(request)
        if said:
            who = asking.who(request)
            assert isinstance(who, Actor)  # what is shown of patients is shown to people who are known
            for one in said:
                disclosure.record_reading(who, asking.site_of(request), place_of(request), one)


def record_refusal(request: HttpRequest, status: int, reason: str = "") -> None:
    """What was asked for, and why not where that is said. How long one has to wait is another answer each second, and is left out."""
    who, event = asking.who(request), audit.REFUSED
    claims = bool(request.headers.get("Authorization"))
    reason = reason if status != 429 else "has to wait"
    if status == 401 or (status == 429 and isinstance(who, Claimant)):
        event = audit.TOKEN if claims or status == 401 else audit.SIGN_IN
    place, detail = place_of(request), _asked(request) | ({"reason": reason} if reason else {})
    # Whoever says nothing of themselves is told by where they come from alone: each address that they can think of is no other event.
    of = (status,) if event == audit.TOKEN and not claims else (status, place.name, place.token, reason)
    disclosure.record_summed(who, event, audit.SERIOUS, asking.site_of(request), place, detail, alike=of)


def _record_missed(request: HttpRequest) -> None:
    """Of what a token asks for and is not there, or is another hospital's, the first few are a script's everyday life; more is a search."""
    who, place, site = asking.who(request), place_of(request), asking.site_of(request)
    disclosure.record_summed(who, audit.MISSED, audit.SUCCESS, site, place, _asked(request), alike=(place.token,), told_from=10)


def _asked(request: HttpRequest) -> dict[str, str]:
    return {"asked": printable(f"{request.method} {request.path}")[:200]}


def _reason(response: HttpResponseBase) -> str:
    if not isinstance(response, HttpResponse) or response.get("Content-Type", "").split(";")[0] != "application/json":
        return ""
    return printable(str(json.loads(response.content).get("detail", "")))[:250]


def _record_token(request: HttpRequest, caller: Caller) -> None:
    """The first use of an API token from an address, whatever it was answered; of the environment's own, the first of each value."""
    place = place_of(request)
    which = {"token": caller.token} if caller.token else {"environment": environment_mark()[:8]}
    key = ("token", *which.items(), place.address)
    if not disclosure.recent.new([key]):
        return
    site = asking.site_of(request)
    who = {"site": site, "actor": caller.actor.name, "user": caller.user, "address": place.address}
    same = {f"detail__{name}": value for name, value in which.items()}
    if not AuditRecord.objects.filter(**who, event=audit.TOKEN, outcome=audit.SUCCESS, **same).exists():
        auditing.record(caller.actor, audit.TOKEN, audit.EXECUTE, site=site, place=place, detail=which)
    disclosure.recent.add([key])


def unavailable(request: HttpRequest, said: Failure) -> HttpResponse:
    if request.path.startswith(reverse("api:api-root")):
        return JsonResponse({"detail": said.reason}, status=503)
    return render(request, "503.html", {"heading": said.heading, "reason": said.reason}, status=503)


def not_signed(request: HttpRequest, error: DatabaseError, heading: str, reason: str) -> HttpResponse:
    """Instead of a sign-in or sign-out that could not be recorded. Of an answer of 5xx no session is kept: who was nobody stays nobody."""
    log.error("a sign-in or sign-out did not happen: the audit trail cannot be written", error=type(error).__name__)
    request.user = AnonymousUser()  # for the page
    return render(request, "503.html", {"heading": heading, "reason": reason}, status=503)


def _listen() -> None:
    """To sign-ins, sign-outs and what failed of them. A sign-in that cannot be recorded fails."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_not_signed_in, dispatch_uid="audit")


def _signed_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    _record_sign(audit.SIGN_IN, Actor.user(user), request)


def _signed_out(request: HttpRequest | None, user: User | None, **_: Any) -> None:
    if user is not None:  # a session that was over already
        _record_sign(audit.SIGN_OUT, Actor.user(user), request)


def _not_signed_in(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    name = str(credentials.get("username", ""))
    known = User.objects.filter(username=name).first()
    who = Claimant(address_of(request) if request else "", auditing.claimed(name, known is not None))
    site = auditing.site_id_of(who, known.pk if known else None)
    where = Place(address_of(request) if request else "", "sign-in")
    auditing.record(who, audit.SIGN_IN, audit.EXECUTE, site=site, place=where, outcome=audit.SERIOUS)


def _record_sign(event: str, who: Actor, request: HttpRequest | None) -> None:
    where = Place(address_of(request) if request else "", event)
    auditing.record(who, event, audit.EXECUTE, site=auditing.site_id_of(who), place=where)
