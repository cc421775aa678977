"""REST under `/api/v1/`: the rooms' routers put together, and how every refusal is answered.

Every refusal is `{"detail": sentence}`; 422 adds `errors` (field to reason), 409 adds `conflicts_with` where an exam is in the way.
"""

import json
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, IntegrityError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from ninja import NinjaAPI, Router, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.renderers import JSONRenderer

from billing.api import router as charges
from billing.unbilled_api import router as unbilled
from mpps.api import router as performed_steps
from mpps.destination_api import router as destinations
from ris import deeds
from ris.api.additions import router as additions
from ris.api.auth import Bearer
from ris.api.base import refusals
from ris.api.catalogue import router as catalogue
from ris.api.journal import router as journal
from ris.api.orders import router as orders
from ris.api.patients import router as patients
from ris.api.stations import router as stations
from ris.api.steps import router as steps
from ris.errors import Conflict, InvalidInput, NotFound, NotPermitted, RisError, SlotTaken, Throttled, Unavailable
from ris.web.failing import FAULT, IN_PART, failure
from ris.web.routes import route_of
from stepwise.explaining_api import router as explanations
from stepwise.findings_api import router as findings
from stepwise.web.reference import Reference
from training.api.consoles import router as consoles
from training.api.faults import router as injected_faults

log = structlog.get_logger(__name__)

_DESCRIPTION = """Orders, scheduled and performed procedure steps, charges and the message journal of Stepwise.

Send `Authorization: Bearer TOKEN`. Lists answer `{"items": […], "count": n}` and take `limit` and `offset`. Times are ISO 8601
with the hospital's offset, `date` is the hospital's local date, names are `FAMILY^GIVEN`. A slash in an AE title is
`%2F` in an address. A refusal answers `{"detail": …}`.
"""


class Utf8Renderer(JSONRenderer):
    """JSON with names in their own script. Half a surrogate pair, which UTF-8 cannot hold, stays an escape."""

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return json.dumps(data, cls=self.encoder_class, ensure_ascii=False).encode("utf-8", "backslashreplace")


api = NinjaAPI(
    title="Stepwise",
    version="1",
    description=_DESCRIPTION,
    auth=Bearer(),
    renderer=Utf8Renderer(),
    docs=Reference(),
    urls_namespace="api",
)

elsewhere = Router()


@elsewhere.api_operation(
    ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "/{path:rest}",
    auth=Bearer(any_token="only says that there is no such call"),
    include_in_schema=False,
)
def no_such_call(request: HttpRequest, rest: str) -> None:
    """A path that no call has: the answer is JSON here too."""
    raise NotFound(f"There is no call {request.path}; {reverse('api:openapi-json')} describes those there are.")


_RIS = (catalogue, stations, patients, additions, orders, steps)
_REPORTED = (performed_steps, destinations)
_TRAINING = (consoles, injected_faults)
# what is below a station before stations
for router in (explanations, findings, *_RIS, *_REPORTED, charges, unbilled, *_TRAINING, journal, elsewhere):
    api.add_router("", router)


class Index(Schema):
    name: str
    openapi_url: str
    docs_url: str


@api.get("/", auth=Bearer(any_token="says where all calls are described"), response={200: Index, **refusals()}, tags=["about"])
def index(request: HttpRequest) -> dict[str, str]:
    """Where the description of all calls is."""
    return {"name": "Stepwise", "openapi_url": reverse("api:openapi-json"), "docs_url": reverse("api:openapi-view")}


_STATUS: dict[type[RisError], int] = {InvalidInput: 422, NotFound: 404, Conflict: 409, NotPermitted: 403, Throttled: 429, Unavailable: 503}


def _refused(request: HttpRequest, error: RisError) -> HttpResponse:
    """A refusal of the domain, by the first of its classes that stands in the table."""
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    body: dict[str, Any] = {"detail": str(error)}
    if isinstance(error, InvalidInput):
        body["errors"] = error.errors
    if isinstance(error, SlotTaken):
        body["conflicts_with"] = error.clash
    response = _answer(request, status, body)
    if isinstance(error, Throttled):
        response["Retry-After"] = str(error.seconds)
    return response


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Input of the wrong shape, found before the domain saw it."""
    return _refused(request, InvalidInput({_place(fault["loc"]): _why(fault) for fault in error.errors}))


def _place(location: tuple[str | int, ...]) -> str:
    """`('body', 'body', 'patient', 'name')` → `patient.name`; the name of the view's parameter says nothing to the caller."""
    source, *rest = location
    if source in ("body", "query") and len(rest) > 1:
        rest = rest[1:]
    return ".".join(str(part) for part in rest) or str(source)


def _why(fault: dict[str, Any]) -> str:
    kind, text = fault["type"], str(fault["msg"])
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a field of this call"
    if kind == "value_error":
        return text.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    response = _answer(request, 401, {"detail": str(error)})
    response["WWW-Authenticate"] = 'Bearer realm="Stepwise"'
    return response


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == 400:
        return _answer(request, 400, {"detail": "The body is not JSON; send one object in UTF-8."})
    return _answer(request, error.status_code, {"detail": str(error)})


def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    """Not one of ours, which are `NotFound`: what Django says of it is no words for people."""
    return _answer(request, 404, {"detail": f"There is nothing at {request.path}."})


def _unavailable(request: HttpRequest, error: DatabaseError | InterfaceError) -> HttpResponse:
    """What the database lacks for a while, or what could not be recorded; anything else of it is a fault."""
    said = failure(error)
    if said is None:
        return _broken(request, error)
    log.error("a REST call failed for want of the database", call=route_of(request), exc_info=error)
    return _answer(request, 503, {"detail": said.reason})


def _raced(request: HttpRequest, error: IntegrityError) -> HttpResponse:
    """Two calls made the same thing at the same moment, past the check that would have named it."""
    became = IN_PART if deeds.known().done else "Nothing was written: look again, then decide."
    log.warning("a REST call lost a race", call=route_of(request), error=type(error).__name__)
    return _answer(request, 409, {"detail": f"Somebody else wrote the same at this moment. {became}"})


def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return _answer(request, 413, {"detail": f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes."})


def _broken(request: HttpRequest, error: Exception) -> HttpResponse:
    """What nobody foresaw: the traceback is for the log, the answer is JSON all the same."""
    log.error("a REST call failed", call=route_of(request), exc_info=error)
    return _answer(request, 500, {"detail": FAULT})


def _answer(request: HttpRequest, status: int, body: dict[str, Any]) -> HttpResponse:
    return api.create_response(request, body, status=status)


_HANDLERS: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
    RisError: _refused,
    ValidationError: _invalid,
    AuthenticationError: _unauthenticated,
    HttpError: _http_error,
    Http404: _not_found,
    DatabaseError: _unavailable,
    InterfaceError: _unavailable,
    IntegrityError: _raced,
    RequestDataTooBig: _too_big,
    Exception: _broken,
}
for kind, handler in _HANDLERS.items():
    api.add_exception_handler(kind, handler)
