"""Finding records of the audit trail: what narrows it, and pages of it, the latest first, each by an index."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Final

from django.db.models import F, Prefetch, Q, QuerySet

from ris import audit
from ris.models import AuditedPatient, AuditRecord, Patient, Site
from ris.validation import whole_number

SECURITY: Final = "security"
"""For `event`: all of sign-ins, refusals and what protects the system."""
NAMED: Final = 3
"""Patients of a record that a page names; the worklist of a day has two hundred."""
_CHUNK: Final = 2000

Found = tuple[AuditRecord, list[AuditedPatient]]
"""A record with the first of its patients."""


@dataclass(frozen=True)
class Search:
    """Only what is set narrows. `person` is a name as recorded, `kind` of `ris.audit.KINDS`, `patient` the key of a patient's record,
    `number` a patient ID or an accession number as it was then; `failed`: only what did not succeed."""

    person: str = ""
    kind: str = ""
    patient: int | None = None
    number: str = ""
    event: str = ""
    action: str = ""
    failed: bool = False
    address: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def narrow(self, site: Site) -> QuerySet[AuditRecord]:
        """The site's records, the latest first."""
        found = AuditRecord.objects.filter(*self._conditions(site))
        if self._by_key:
            return found.alias(own=F("site_id") + 0).filter(own=site.pk).order_by("-pk")  # a sum, for which no index is looked for
        return found.filter(site=site).order_by("-at", "-pk")

    @property
    def _by_key(self) -> bool:
        """Of one patient the keys are found first, and give the order: SQLite would take the index of the site, and look at all it has."""
        return self.patient is not None or bool(self.number)

    def page(self, site: Site, before: str, size: int) -> tuple[list[Found], str]:
        """A page of records behind the one whose key is `before`, and the key for the next page; empty at the end."""
        found = self.narrow(site)
        key = whole_number(before)
        last = None if key is None else AuditRecord.objects.filter(pk=key).first()
        if last is not None:
            found = found.filter(pk__lt=last.pk) if self._by_key else found.filter(at__lte=last.at).exclude(at=last.at, pk__gte=last.pk)
        named = Prefetch("patients", AuditedPatient.objects.order_by("pk")[:NAMED], to_attr="named")
        rows = list(found.prefetch_related(named)[: size + 1])
        return [(row, row.named) for row in rows[:size]], str(rows[size - 1].pk) if len(rows) > size else ""

    def _conditions(self, site: Site) -> Iterator[Q]:
        if self.person:
            yield Q(actor=self.person)
        if self.patient is not None:
            yield Q(pk__in=_about(patient_key__in=_records_of(site, self.patient)))
        if self.number:
            yield from self._numbered()
        yield from self._plain()
        if self.since is not None:
            yield Q(at__gte=self.since)
        if self.until is not None:
            yield Q(at__lt=self.until)

    def _plain(self) -> Iterator[Q]:
        if self.event:
            yield Q(event__in=audit.SECURITY) if self.event == SECURITY else Q(event=self.event)
        if self.action:
            yield Q(action=self.action)
        if self.failed:
            yield Q(outcome__gt=audit.SUCCESS)
        if self.address:
            yield Q(address=self.address)
        if self.kind:
            yield Q(actor_kind=self.kind)

    def _numbered(self) -> Iterator[Q]:
        """A number is one of both as a rule; asked for both at once, SQLite would look at every record of the site. It uses the index of
        accession numbers, which leaves empty ones out, only when the query does so too."""
        kinds = [_about(patient_id=self.number), _about(accession_number=self.number).exclude(accession_number="")]
        found = [kind for kind in kinds if kind.exists()]
        yield reduce(or_, (Q(pk__in=kind) for kind in found), Q(pk__in=[]))


def _about(**patient: object) -> QuerySet[AuditedPatient, int]:
    return AuditedPatient.objects.filter(**patient).order_by().values_list("record", flat=True)


def _records_of(site: Site, patient: int) -> list[int]:
    """The record of the patient and those that were merged into it: who saw one of them saw the patient."""
    return [patient, *Patient.objects.filter(site=site, merged_into=patient).values_list("pk", flat=True)]


def all_of(found: QuerySet[AuditRecord]) -> Iterable[AuditRecord]:
    """Every record with its patients, read in portions while it is written out."""
    return found.prefetch_related("patients").iterator(chunk_size=_CHUNK)
