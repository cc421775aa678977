"""REST of the message journal: which associations there were, and what was said."""

import re
from typing import Annotated, Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from pydantic import AfterValidator

from dimse.models import Association, Message, has
from dimse.services import Verb
from dimse.summaries import TRANSPORTS
from ris import audit, whom
from ris.api import base
from ris.api.auth import Bearer
from ris.api.base import Instant, Line, ListQuery, Moment, Page, refusals
from ris.models import Site
from ris.peers import Journal
from ris.web.disclosure import disclose

router = Router(tags=["journal"])

_OPEN = "open"
_STATUS = re.compile(r"(?:0x)?([0-9a-f]{4})h?", re.IGNORECASE)


def _status(value: str) -> str:
    """`A900`, `0xA900` or `A900H` as `A900`; empty stays empty."""
    if not value:
        return ""
    match = _STATUS.fullmatch(value.strip())
    if not match:
        raise ValueError("is not a DIMSE status; write it in hexadecimal, e.g. A900")
    return match[1].upper()


HexStatus = Annotated[str, AfterValidator(_status)]


class JournalQuery(ListQuery):
    """`from` is the first moment shown, `to` the first one no longer shown; `service` is a verb such as C-FIND.
    `calling` is an AE title: that of a station has what came under its former ones, too, while they were its."""

    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None
    calling: Line = ""
    service: Line = ""


class AssociationQuery(JournalQuery):
    """`status` is how it ended: released, aborted, closed, aborted here, rejected; or open. `transport` is tls, plain or failed (on the
    port for TLS, where none came about)."""

    status: Line = ""
    transport: Line = ""


class MessageQuery(JournalQuery):
    """`status` is the DIMSE status in hexadecimal."""

    status: HexStatus = ""


class ContextOut(Schema):
    """`extended` is what was agreed on in a SOP Class Extended Negotiation, in hexadecimal; empty when nothing was asked."""

    abstract_syntax: str
    transfer_syntax: str
    result: str
    extended: str = ""


class AssociationOut(Schema):
    """`status` is how it ended, or open; `services` are the operations that were asked for; `note` says what else went wrong. A
    connection that asked for no association has no AE titles; `taken_for` is a code where it spoke no DICOM. `tls_version`, `tls_cipher`
    and `tls_subject` (whom the certificate names that the peer showed) are empty for any other than over TLS."""

    id: str
    started: Instant
    ended: Instant | None
    status: str
    calling: str
    called: str
    address: str
    port: int
    implementation: str
    rejection: str
    note: str
    taken_for: str
    tls_version: str
    tls_cipher: str
    tls_subject: str
    services: list[str]
    contexts: list[ContextOut]


class MessageOut(Schema):
    """A request as it came in (`status` null) or the final response. `dataset` is DICOM JSON; calling and called are empty when
    the association's own row was lost."""

    id: int
    association: str
    time: Instant
    direction: str
    calling: str
    called: str
    address: str
    service: str
    message_id: int
    status: str | None
    status_name: str
    comment: str
    sop_class_uid: str
    sop_instance_uid: str
    dataset: dict[str, Any] | None
    note: str
    answer_count: int | None
    duration_ms: float | None


@router.get("/associations", auth=Bearer("journal.view"), response={200: Page[AssociationOut], **refusals(422)})
def list_associations(request: HttpRequest, query: Query[AssociationQuery]) -> dict[str, Any]:
    """Associations with the DICOM port, the latest first."""
    site = base.site_of(request)
    journal = Journal(site)
    heard = journal.calling(query.calling) if query.calling else journal.associations()
    found = heard.between(query.from_, query.to).order_by("-started", "pk")
    verb = base.one_of("service", query.service, Verb)
    if verb is not None:
        found = found.filter(pk__in=Message.objects.filter(service=verb).values("association"))
    ends = {end.upper(): end for end in (*Association.End.values, _OPEN)}
    status = base.one_of("status", query.status, ends)
    if status is not None:
        end = ends[status]
        found = found.filter(ended=None) if end == _OPEN else found.filter(end=end)
    transport = base.one_of("transport", query.transport, {name.upper(): name for name in TRANSPORTS})
    if transport is not None:
        found = found.filter(has("came", TRANSPORTS[transport.lower()]))
    rows, count = base.cut(request, query, found)
    services = _services([row.pk for row in rows])
    return {"items": [_association(row, services.get(row.pk, []), site) for row in rows], "count": count}


@router.get("/messages", auth=Bearer("journal.view"), response={200: Page[MessageOut], **refusals(422)})
def list_messages(request: HttpRequest, query: Query[MessageQuery]) -> dict[str, Any]:
    """DIMSE messages in and out, the latest first."""
    site = base.site_of(request)
    journal = Journal(site)
    said = journal.messages_of(query.calling) if query.calling else journal.messages()
    found = said.between(query.from_, query.to).prefetch_related("association")
    verb = base.one_of("service", query.service, Verb)
    if verb is not None:
        found = found.service(verb)
    if query.status:
        found = found.status(int(query.status, 16))
    rows, count = base.cut(request, query, found)
    items = [_message(message, site) for message in rows]
    exams = whom.of_messages(site, rows, with_answers=False)
    disclose(request, audit.LIST, *exams, total=len(exams), asked=query.model_dump(exclude_defaults=True, mode="json"))
    return {"items": items, "count": count}


def _services(ids: list[Any]) -> dict[Any, list[str]]:
    """Verbs of the requests by association."""
    asked = Message.objects.filter(association__in=ids, direction=Message.Direction.IN).order_by("association", "service")
    found: dict[Any, list[str]] = {}
    for association, service in asked.values_list("association", "service").distinct():
        found.setdefault(association, []).append(service)
    return found


_ASSOCIATION = (
    "calling", "called", "address", "port", "implementation", "rejection", "note", "taken_for", "tls_version", "tls_cipher", "tls_subject",
    "contexts",
)  # fmt: skip


def _association(row: Association, services: list[str], site: Site) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "started": base.written(row.started, site, "milliseconds"),
        "ended": base.written(row.ended, site, "milliseconds"),
        "status": row.end if row.ended else _OPEN,
        "services": services,
        **{name: getattr(row, name) for name in _ASSOCIATION},
    }


_PLAIN = ("id", "direction", "service", "message_id", "status_name", "comment", "sop_class_uid", "sop_instance_uid", "dataset", "note")


def _message(row: Message, site: Site) -> dict[str, Any]:
    try:
        peers = {"calling": row.association.calling, "called": row.association.called, "address": row.association.address}
    except ObjectDoesNotExist:
        peers = {"calling": "", "called": "", "address": ""}
    return {
        "association": str(row.association_id),
        "time": base.written(row.time, site, "milliseconds"),
        "status": None if row.status is None else f"{row.status:04X}",
        "answer_count": row.answer_count,
        "duration_ms": row.duration_ms,
        **peers,
        **{name: getattr(row, name) for name in _PLAIN},
    }
