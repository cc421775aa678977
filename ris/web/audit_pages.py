"""The audit trail for administrators: searching it, one record, and both ways to take it away. Reading it is entered in it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse

from ris import audit, audit_messages, audit_search, clock
from ris.audit import ACTIONS, EVENTS, KINDS, OUTCOMES
from ris.audit_search import SECURITY, Search
from ris.models import AuditedPatient, AuditRecord, Patient, Site
from ris.permissions import requires
from ris.validation import whole_number
from ris.web import csv_files, places
from ris.web.access import one_of, page, site_of
from ris.web.disclosure import disclose
from ris.web.filters import asked
from ris.web.forms import read_moment
from ris.web.searching import key_of, query_of, searchable, text_of

PAGE: Final = 50
_EVENTS: Final = [("", "Everything"), (SECURITY, "Security"), *((key, event.words) for key, event in EVENTS.items())]
_ACTIONS: Final = [
    ("", "Whatever was done"),
    *((code, "Signed in or out, or was refused" if code == audit.EXECUTE else words.capitalize()) for code, words in ACTIONS.items()),
]
_KINDS: Final = [("", "Whoever did it"), *((kind, words.capitalize()) for kind, words in KINDS.items())]
_LOOKS: Final = {audit.SUCCESS: "PASS", audit.MINOR: "WARNING", audit.SERIOUS: "ERROR", audit.MAJOR: "ERROR"}
_COLUMNS: Final = (
    *("Time", "Who", "Kind", "From", "Event", "Action", "Outcome", "Place"),
    *("Patients", "Patient IDs", "Accession numbers", "Detail"),
)


@dataclass(frozen=True)
class Asked:
    """What the address asks for: `search` for the records, `values` for the form and for further addresses, `faults` by field."""

    search: Search
    values: dict[str, str]
    faults: dict[str, str]
    key: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Asked":
        names = ("person", "kind", "patient", "event", "action", "failed", "address", "from", "to")
        given = {name: asked(request, name) for name in names}
        faults = {
            name: "nothing is looked for by control characters alone; leave them out" for name in names if _is_unreadable(request, name)
        }
        moments = {name: _moment(given[name], name, faults) for name in ("from", "to")}
        known = {"event": dict(_EVENTS), "action": dict(_ACTIONS), "kind": dict(_KINDS)}
        for name, choices in known.items():
            if given[name] not in choices:
                faults[name] = f"{given[name][:20]!r} is no {name} of the list; choose one, or all"
        patient = given["patient"]
        key = whole_number(patient)
        if patient and key is None:
            faults["q"] = f"{patient[:20]!r} is no patient's record; come from the page of a patient, or search for an ID here"
        search = Search(
            person=given["person"],
            kind=given["kind"],
            patient=key,
            number=text_of(request),
            event=given["event"],
            action=given["action"],
            failed=bool(given["failed"]),
            address=given["address"],
            since=moments["from"],
            until=moments["to"],
        )
        return cls(search, given, faults, key_of(request))

    def address(self, name: str, **more: str) -> str:
        """Of a page that shows the same."""
        parts = [urlencode({key: value for key, value in {**self.values, **more}.items() if value}), query_of(self.key)]
        query = "&".join(filter(None, parts))
        return reverse(name) + (f"?{query}" if query else "")

    @property
    def in_words(self) -> dict[str, str]:
        """What it is narrowed by, for the record of the reading."""
        return {one.name: str(value) for one in fields(Search) if (value := getattr(self.search, one.name)) not in ("", None, False)}


def _is_unreadable(request: HttpRequest, name: str) -> bool:
    """Whether of what was given nothing is left, so that it would narrow nothing."""
    return bool(request.GET.get(name)) and not request.GET[name].isspace() and not asked(request, name)


def _moment(text: str, name: str, faults: dict[str, str]) -> datetime | None:
    try:
        return read_moment(text) if text else None
    except ValueError as error:
        faults[name] = str(error)
        return None


@dataclass(frozen=True)
class Row:
    """A record as the list shows it: what happened, and where, in words. `people` are the first patients, `more` how many follow."""

    record: AuditRecord
    kind: str
    said: str
    place: str
    outcome: str
    look: str
    what: str
    people: list[AuditedPatient]
    more: int


def _row(record: AuditRecord, named: list[AuditedPatient]) -> Row:
    return Row(
        record=record,
        kind=KINDS[record.actor_kind],
        said=EVENTS[record.event].said(record.action, record.outcome),
        place=places.in_words(record.place),
        outcome=OUTCOMES[record.outcome],
        look=_LOOKS[record.outcome],
        what=what_of(record),
        people=named,
        more=record.total - len({(one.patient_key, one.patient_id) for one in named}),
    )


def what_of(record: AuditRecord) -> str:
    """What else is known: the verbs of a change and its reason, or what was asked for and why it was refused."""
    detail = record.detail
    verbs = ", ".join(dict.fromkeys(verb.replace("_", " ") for _, _, verb in detail.get("changes", [])))
    narrowed = detail.get("asked", "")
    said = ", ".join(f"{name} {value}" for name, value in narrowed.items()) if isinstance(narrowed, dict) else narrowed
    often = f"{detail['times']} times, the last at this moment" if detail.get("times", 1) > 1 else ""
    return "; ".join(filter(None, (verbs, ", ".join(detail.get("of", [])), said, detail.get("reason", ""), often)))


@page
@requires("audit.view")
@searchable()
def listing(request: HttpRequest) -> HttpResponse:
    """Records by person, patient, event, action, outcome, address and time, the latest first."""
    return _listed(request, site_of(request), Asked.of(request))


def _listed(request: HttpRequest, site: Site, found: Asked) -> HttpResponse:
    """422 with the reasons for what cannot be looked for, of which no file is made either."""
    rows, before = found.search.page(site, asked(request, "before"), PAGE) if not found.faults else ([], "")
    about = _patients(site, found.search)
    disclose(request, audit.AUDIT, *about, asked=found.in_words)
    context = {
        "rows": [_row(record, named) for record, named in rows],
        "asked": found.values,
        "q": found.search.number,
        "faults": [(f"f-{name}", text) for name, text in found.faults.items()],
        "patient": next(iter(about), None),
        "kinds": _KINDS,
        "events": _EVENTS,
        "actions": _ACTIONS,
        "older": found.address("audit", before=before) if before else "",
        "latest": found.address("audit") if request.GET.get("before") else "",
        "csv": found.address("audit-csv"),
        "json": found.address("audit-json"),
        "today": clock.today(site),
    }
    return render(request, "ris/audit.html", context, status=422 if found.faults else 200)


def _patients(site: Site, search: Search) -> list[Patient]:
    """The patient whose readers are looked for."""
    return list(Patient.objects.filter(site=site, pk=search.patient)) if search.patient is not None else []


@page
@requires("audit.view")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One record with everybody it is about, and as the message that DICOM makes of it."""
    site = site_of(request)
    record: AuditRecord = one_of(AuditRecord.objects.select_related("site").prefetch_related("patients"), site=site, pk=pk)
    disclose(request, audit.AUDIT, asked={"record": pk})
    people, said = list(record.patients.all()), list(audit_messages.messages(record))
    context = {
        "row": _row(record, people),
        "people": people,
        "paragraph": EVENTS[record.event].paragraph,
        "message": json.dumps(said[0] if len(said) == 1 else said, ensure_ascii=False, indent=2),
        "count": len(said),
    }
    return render(request, "ris/audit_record.html", context)


@page
@requires("audit.view")
def export_csv(request: HttpRequest) -> HttpResponseBase:
    """What the page shows, all pages of it, as CSV; the last line says who took it when."""
    site, found = site_of(request), Asked.of(request)
    if found.faults:
        return _listed(request, site, found)
    disclose(request, audit.EXPORT, asked={"what": "audit trail", "as": "CSV", **found.in_words})
    records = audit_search.all_of(found.search.narrow(site))
    return csv_files.download(_lines(records, _by(request, site)), f"audit-{clock.wall():%Y%m%dT%H%M%SZ}.csv")


def _lines(records: Iterable[AuditRecord], by: str) -> Iterator[list[str]]:
    yield list(_COLUMNS)
    count = 0
    for record in records:
        count += 1
        yield [csv_files.safe(text) for text in _cells(record)]
    yield [f"{count} records, exported by {by}", *[""] * (len(_COLUMNS) - 1)]


def _cells(record: AuditRecord) -> list[str]:
    people = list(record.patients.all())
    ids, numbers = ({getattr(one, name): None for one in people} for name in ("patient_id", "accession_number"))
    return [
        record.at.isoformat(timespec="milliseconds"),
        record.actor,
        record.actor_kind,
        record.address,
        EVENTS[record.event].words,
        record.action,
        f"{record.outcome} {OUTCOMES[record.outcome]}",
        record.place,
        str(record.total),
        " ".join(filter(None, ids)),
        " ".join(filter(None, numbers)),
        what_of(record),
    ]


def _by(request: HttpRequest, site: Site) -> str:
    at = clock.local(clock.wall(), site).isoformat(timespec="seconds")
    return f"{request.user.get_username()} at {at}"


@page
@requires("audit.view")
def export_json(request: HttpRequest) -> HttpResponseBase:
    """The same as audit messages (`ris.audit_messages`), in one object with who took it when."""
    site, found = site_of(request), Asked.of(request)
    if found.faults:
        return _listed(request, site, found)
    disclose(request, audit.EXPORT, asked={"what": "audit trail", "as": "JSON", **found.in_words})
    records = audit_search.all_of(found.search.narrow(site))
    head = {"exported_by": request.user.get_username(), "exported_at": clock.wall().isoformat(timespec="seconds"), "asked": found.in_words}
    response = StreamingHttpResponse(_json(records, head), content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{clock.wall():%Y%m%dT%H%M%SZ}.json"'
    return response


def _json(records: Iterable[AuditRecord], head: dict[str, Any]) -> Iterator[str]:
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "messages": ['
    first = True
    for record in records:
        said = ",\n".join(json.dumps(message, ensure_ascii=False) for message in audit_messages.messages(record))
        yield said if first else f",\n{said}"
        first = False
    yield "]}\n"
