"""What narrows the association log: as the address has it, and as conditions on one index (`association_log`).

Whatever is asked for, only that index is read to find a page; of a million messages in 400,000 associations (SQLite, a busy
machine) a page takes 21 to 37 ms where many match, and 80 to 205 ms where none does. An accession number leads to its associations by an
index of its own, in 2 ms.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, reduce
from operator import or_
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse

from dimse import summaries
from dimse.models import Association, AssociationQuerySet, Mention, Message, has
from dimse.services import Verb
from dimse.summaries import Asked, Came, asked_by, came_of
from ris import titles
from ris.models import Site
from ris.validation import printable, whole_number
from ris.web import searching
from ris.web.forms import read_bound
from stepwise.web import choosing

ABORTED: Final = (Association.End.ABORTED.value, Association.End.ABORTED_HERE.value, Association.End.CLOSED.value)
SERVICES: Final = (
    ("Verification", "Verification (C-ECHO)", Asked.C_ECHO),
    ("Worklist", "Worklist (C-FIND)", Asked.C_FIND),
    ("MPPS", "MPPS, all messages", Asked.N_CREATE | Asked.N_SET | Asked.N_GET),
    *((verb.value, f"MPPS, {verb.value}", asked_by(verb.value)) for verb in (Verb.N_CREATE, Verb.N_SET, Verb.N_GET)),
    ("other", "Not served here", Asked.OTHER),
)
"""Value in the address, words, operations. A verb is a value as well."""
RESULTS: Final = (
    ("success", "Success"),
    ("nothing", "Nothing matched"),
    ("warning", "Warning"),
    ("canceled", "Canceled"),
    ("failures", "Failures of any kind"),
    ("failed", "Failure status"),
    ("rejected", "Rejected"),
    ("aborted", "Aborted"),
    ("timed-out", "Timed out"),
    ("open", "Still open"),
)
_CAME: Final = {
    "success": Came.SUCCESS,
    "nothing": Came.NOTHING,
    "warning": Came.WARNING,
    "canceled": Came.CANCELED,
    "failed": Came.FAILURE,
    "timed-out": Came.TIMED_OUT,
}
TRANSPORTS: Final = (
    ("tls", "Over TLS"),
    ("plain", "Without TLS"),
    ("failed", "TLS that failed"),
)
"""Value in the address (of `dimse.summaries.TRANSPORTS`), words."""
_ENDS: Final = {"rejected": (Association.End.REJECTED.value,), "aborted": ABORTED, "open": ("",)}
_MOST_MENTIONS = 2000
_CODE = re.compile(r"(?:0x)?([0-9a-f]{4})h?", re.IGNORECASE)
_NAMES: Final = ("q", "service", "result", "code", "transport", "from", "to", "before", choosing.PARAMETER)
FIELDS: Final = {"accession", *_NAMES} - {"before", choosing.PARAMETER}
"""Those that a person fills in."""
_KNOWN: Final = {
    "service": {name for name, _, _ in SERVICES} | {verb.value for verb in Verb},
    "result": set(dict(RESULTS)),
    "transport": set(dict(TRANSPORTS)),
}


@dataclass(frozen=True)
class Filters:
    """The filters of the log. `values` are those of the address, `errors` say what is wrong with some of them, by name;
    `accession` is the text of a search, `search` its key."""

    values: Mapping[str, str] = field(default_factory=dict)
    accession: str = ""
    search: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: HttpRequest) -> "Filters":
        given = {name: printable(request.GET.get(name, "")).strip() for name in _NAMES}
        values = {name: value for name, value in given.items() if value}
        errors = {name: why for name, value in values.items() if (why := _fault(name, value))}
        errors |= _unknown(name for name, value in request.GET.items() if value)
        if not errors and {"from", "to"} <= values.keys() and read_bound(values["from"]) >= read_bound(values["to"], is_end=True):
            errors["to"] = f"nothing is from {values['from']} and before {values['to']}; let it end after it begins"
        return cls(values, searching.text_of(request), searching.key_of(request), errors)

    @property
    def asked(self) -> dict[str, str]:
        """Every field of the form, those left empty too."""
        return {name: self.values.get(name, "") for name in _NAMES} | {"from_": self.values.get("from", ""), "accession": self.accession}

    def url(self, **changes: str) -> str:
        values = {**self.values, searching.PARAMETER: self.search, **changes}
        query = urlencode({name: value for name, value in values.items() if value})
        return reverse("associations") + (f"?{query}" if query else "")

    def without(self, name: str) -> "Filters":
        return replace(self, values={key: value for key, value in self.values.items() if key != name})

    def narrow(self, found: AssociationQuerySet, site: Site) -> AssociationQuerySet:
        """Nothing where a filter cannot be read: a list that passes over what was typed would be believed. Who looks for a station of the
        site finds what it said under its former titles."""
        if self.errors:
            return found.none()
        conditions = [Q(has(column, flags)) for column, flags in (("asked", self._service), ("came", self._came)) if flags]
        text, code, result = (self.values.get(name, "") for name in ("q", "code", "result"))
        if text:
            its = titles.any_of(titles.of(site, text), "calling")
            conditions.append(Q(calling__icontains=text) | Q(called__icontains=text) | Q(address__startswith=text) | its)
        if result in _ENDS:
            conditions.append(Q(end__in=_ENDS[result]))
        if result == "failures":
            conditions.append(Q(has("came", Came.FAILURE | Came.NOTED)) | Q(end__in=(*ABORTED, Association.End.REJECTED.value)))
        if "transport" in self.values:
            conditions.append(Q(has("came", summaries.TRANSPORTS[self.values["transport"]])))
        if code:
            conditions.append(Q(Exists(Message.objects.filter(association=OuterRef("pk"), status=code_of(code)))))
        if self.accession:
            conditions.append(Q(pk__in=naming(self.accession)))
        return found.filter(*conditions, *self._times)

    @cached_property
    def _service(self) -> int:
        service = self.values.get("service", "")
        return int(
            reduce(or_, (flags for name, _, flags in SERVICES if name == service), Asked(0)) or (asked_by(service) if service else 0)
        )

    @cached_property
    def _came(self) -> int:
        """The class of a status code narrows too, by the index, before messages are asked."""
        wanted = _CAME.get(self.values.get("result", ""), Came(0))
        code = self.values.get("code", "")
        return int(wanted or (came_of(code_of(code), None) if code else 0))

    @property
    def _times(self) -> list[Q]:
        bounds = (("from", "started__gte"), ("to", "started__lt"))
        return [Q(**{lookup: read_bound(self.values[name], is_end=name == "to")}) for name, lookup in bounds if name in self.values]


def _unknown(given: Iterable[str]) -> dict[str, str]:
    """What the address has and the log does not know: passed over, it would show everything and be believed."""
    known = (*_NAMES, searching.PARAMETER)
    words = f"is no filter of the log; known are {', '.join(sorted(known))}"
    told = {name: f"{printable(name)[:20]!r} {words}" for name in given if name not in known}
    if "accession" in told:
        told["accession"] = "an accession number is not taken from an address, which is kept in many places; type it into the field"
    return told


def code_of(text: str) -> int:
    """`0110`, `0x0110` or `0110H`; ValueError for what is no status."""
    match = _CODE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:12]!r} is no DIMSE status; write it in hexadecimal, for example 0110")
    return int(match[1], 16)


def _fault(name: str, text: str) -> str:
    """What is wrong with a filter, in words; empty when nothing is."""
    if name in _KNOWN and text not in _KNOWN[name]:
        return f"{text[:20]!r} is no {name} of the list; choose one, or all"
    if name == choosing.PARAMETER and whole_number(text) is None:
        return f"{text[:20]!r} is no number of a message; choose the one to compare with on its page"
    if name == "before" and _moment(text.partition("~")[0]) is None:
        return f"{text[:20]!r} is no place in the log; go back to the latest"
    try:
        if name == "code":
            code_of(text)
        elif name in ("from", "to"):
            read_bound(text)
    except ValueError as error:
        return str(error)
    return ""


def naming(accession: str) -> set[UUID]:
    """Associations in which the accession number was named: by a query, by an N-CREATE, or by an N-SET of that N-CREATE's instance."""
    named = Mention.objects.filter(accession_number=accession).order_by("-time").values_list("association_id", "sop_instance_uid")
    found = list(named[:_MOST_MENTIONS])
    instances = {uid for _, uid in found if uid}
    followed = Message.objects.filter(sop_instance_uid__in=instances).order_by().values_list("association_id", flat=True)
    return {association for association, _ in found} | set(followed[:_MOST_MENTIONS] if instances else ())


def page_of(found: AssociationQuerySet, before: str, size: int) -> tuple[list[Association], str]:
    """A page of associations, the latest first, behind the cursor `before`; and the cursor of the next page, empty at the end.

    Keys are looked for first, in the index alone; rows with their contexts are read for those that are shown.
    """
    moment, _, last = before.partition("~")
    started = _moment(moment)
    if started is not None:
        found = found.filter(started__lte=started)
        found = found.exclude(started=started, pk__gte=last) if _is_uuid(last) else found.filter(started__lt=started)
    keys = [pk for pk, _ in found.order_by("-started", "-pk").values_list("pk", "started")[: size + 1]]
    rows = list(Association.objects.filter(pk__in=keys[:size]).order_by("-started", "-pk"))
    cursor = f"{rows[-1].started.isoformat()}~{rows[-1].pk}" if len(keys) > size and rows else ""
    return rows, cursor


def _moment(text: str) -> datetime | None:
    """A moment of the address; None for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
