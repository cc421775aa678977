"""Exams by the hundred: orders with patients, visits, procedures and booked steps, as `place_order` and `schedule` make them one by one.

One call is one transaction. A caller with many exams makes many calls of some 100 ms each, so that an MPPS gets in between.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ris import events, names
from ris.actions import numbers
from ris.actor import Actor
from ris.db import action
from ris.events import StepRecords
from ris.insertion import insert, unsaved
from ris.models import (
    Order,
    Patient,
    Procedure,
    ProcedureStepTemplate,
    RecordChange,
    RequestedProcedure,
    ScheduledProcedureStep,
    Site,
    Station,
    StepChange,
    StepStation,
    Visit,
)
from ris.transitions import OCCUPYING, SCHEDULED


@dataclass(frozen=True, slots=True)
class BookedStep:
    """A step of the catalogue's procedure on a station from `start` (aware) on."""

    template: ProcedureStepTemplate
    station: Station
    start: datetime

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.template.duration_minutes)


@dataclass(frozen=True, slots=True)
class BookedExam:
    """An order of one procedure with all its steps booked.

    `patient`: columns of a new patient, or the primary key of a known one. `visit` and `order`: columns, without identifiers.
    """

    patient: Mapping[str, Any] | int
    visit: Mapping[str, Any] | None
    order: Mapping[str, Any]
    procedure: Procedure
    study_instance_uid: str
    performing_physician_name: str
    steps: tuple[BookedStep, ...]


@dataclass(frozen=True)
class Written:
    """`patients`: the primary key of each exam's patient, None for an exam that was left out. `seen`: the last change of a step."""

    patients: list[int | None]
    seen: int


# SQLite uses an index over part of a table only when the query says so: hence `exclude(accession_number="")` and its like below.
@action
def book_exams(site: Site, exams: Sequence[BookedExam], actor: Actor, day: date, seen: int) -> Written:
    """Write the exams and their worklist entries in one transaction; accession numbers are those of `day`.

    The caller has checked the columns, and knows what was booked on the stations up to the step change `seen`. An exam that
    somebody has booked over since then is left out. Raises KeyError for a known patient who is gone.
    """
    over = _booked_over(exams, actor, seen)
    kept = [exam for number, exam in enumerate(exams) if number not in over]
    if not kept:
        return Written([None] * len(exams), seen)
    patients = _patients(site, kept, actor)
    visits = _visits(site, kept, patients, actor)
    orders = _orders(site, kept, patients, visits, actor, day)
    procedures = _procedures(site, kept, orders)
    steps = _steps(site, kept, procedures)
    stations = _stations(kept, steps)
    last = _record(steps, stations, actor)
    owners = [number for number, exam in enumerate(kept) for _ in exam.steps]
    records = tuple(
        StepRecords(step, procedures[number], orders[number], patients[number], visits[number], site, (station,))
        for number, step, station in zip(owners, steps, stations, strict=True)
    )
    events.publish(events.StepsAdded(records))
    found = iter(patients)
    return Written([None if number in over else next(found).pk for number in range(len(exams))], last)


_MARGIN = 500
"""Changes before `seen` that are looked at again: PostgreSQL numbers a row before the row can be seen."""


def _booked_over(exams: Sequence[BookedExam], actor: Actor, seen: int) -> set[int]:
    """Positions of exams whose slot somebody else took after `seen`. The stations are locked, as by every booking."""
    stations = {step.station.pk for exam in exams for step in exam.steps}
    list(Station.objects.select_for_update().filter(pk__in=stations).order_by("pk").values_list("pk"))
    changes = StepChange.objects.filter(pk__gt=seen - _MARGIN).exclude(actor_kind=actor.kind, actor=actor.name)
    changed = set(changes.order_by().values_list("step_id", flat=True))
    if not changed:
        return set()
    rows = StepStation.objects.filter(step__in=changed, station__in=stations, step__status__in=OCCUPYING, step__start__isnull=False)
    taken: dict[int | None, list[tuple[datetime, datetime]]] = {}
    for station_id, start, end in rows.values_list("station", "step__start", "step__end"):
        if start and end:
            taken.setdefault(station_id, []).append((start, end))
    return {
        number
        for number, exam in enumerate(exams)
        for step in exam.steps
        if any(step.start < end and start < step.end for start, end in taken.get(step.station.pk, ()))
    }


def _patients(site: Site, exams: Sequence[BookedExam], actor: Actor) -> list[Patient]:
    """The patient of each exam; new ones are registered. Known ones are locked, so that the entries show what they are now."""
    ids = sorted({exam.patient for exam in exams if isinstance(exam.patient, int)})
    known = {patient.pk: patient for patient in Patient.objects.select_for_update().filter(pk__in=ids).order_by("pk")} if ids else {}
    new = [exam.patient for exam in exams if not isinstance(exam.patient, int)]
    issuer = site.issuer_of_patient_id

    def taken(drawn: list[str]) -> set[str]:
        held = Patient.objects.filter(site=site, patient_id__in=drawn, issuer_of_patient_id=issuer)
        return set(held.exclude(patient_id="").values_list("patient_id", flat=True))

    made = [
        unsaved(
            Patient,
            {
                "site_id": site.pk,
                "patient_id": patient_id,
                "issuer_of_patient_id": issuer,
                "name_key": names.normalised(columns["name"]),
                **columns,
            },
        )
        for columns, patient_id in zip(new, numbers.PATIENT_ID.draw_free(site, len(new), taken), strict=True)
    ]
    insert(made)
    _register("patient", made, actor)
    rest = iter(made)
    return [known[exam.patient] if isinstance(exam.patient, int) else next(rest) for exam in exams]


def _visits(site: Site, exams: Sequence[BookedExam], patients: Sequence[Patient], actor: Actor) -> list[Visit | None]:
    def taken(drawn: list[str]) -> set[str]:
        held = Visit.objects.filter(site=site, admission_id__in=drawn, issuer_of_admission_id="")
        return set(held.exclude(admission_id="").values_list("admission_id", flat=True))

    wanted = [(exam.visit, patient) for exam, patient in zip(exams, patients, strict=True) if exam.visit is not None]
    made = [
        unsaved(Visit, {"site_id": site.pk, "patient_id": patient.pk, "admission_id": admission_id, **columns})
        for (columns, patient), admission_id in zip(wanted, numbers.ADMISSION_ID.draw_free(site, len(wanted), taken), strict=True)
    ]
    insert(made)
    _register("visit", made, actor)
    rest = iter(made)
    return [next(rest) if exam.visit is not None else None for exam in exams]


def _register(subject: str, made: Iterable[Patient] | Iterable[Visit], actor: Actor) -> None:
    said = {"verb": "register", "subject": subject, "actor_kind": actor.kind, "actor": actor.name, "user_id": actor.user_id}
    insert([unsaved(RecordChange, {**said, "at": one.created_at, "subject_id": one.pk}) for one in made])


def _orders(
    site: Site, exams: Sequence[BookedExam], patients: Sequence[Patient], visits: Sequence[Visit | None], actor: Actor, day: date
) -> list[Order]:
    def taken(drawn: list[str]) -> set[str]:
        held = Order.objects.filter(site=site, accession_number__in=drawn, issuer_of_accession_number="")
        return set(held.exclude(accession_number="").values_list("accession_number", flat=True))

    count = len(exams)
    identifiers = zip(
        numbers.accession_numbers(day).draw_free(site, count, taken),
        numbers.PLACER_ORDER.draw(site, count),
        numbers.FILLER_ORDER.draw(site, count),
        strict=True,
    )
    made = [
        unsaved(
            Order,
            {
                "site_id": site.pk,
                "patient_id": patient.pk,
                "visit_id": visit.pk if visit else None,
                "accession_number": accession,
                "placer_order_number": placer,
                "filler_order_number": filler,
                "ordered_by": actor.name,
                **exam.order,
            },
        )
        for exam, patient, visit, (accession, placer, filler) in zip(exams, patients, visits, identifiers, strict=True)
    ]
    insert(made)
    return made


def _procedures(site: Site, exams: Sequence[BookedExam], orders: Sequence[Order]) -> list[RequestedProcedure]:
    ids = numbers.REQUESTED_PROCEDURE_ID.draw(site, len(exams))
    made = [
        unsaved(
            RequestedProcedure,
            {
                "site_id": site.pk,
                "order_id": order.pk,
                "catalogue_procedure_id": exam.procedure.pk,
                "requested_procedure_id": requested_procedure_id,
                "study_instance_uid": exam.study_instance_uid,
                "code": exam.procedure.code,
                "scheme": exam.procedure.scheme,
                "meaning": exam.procedure.meaning,
                "description": exam.procedure.meaning,
                "laterality": exam.procedure.laterality,
                "price": exam.procedure.price,
            },
        )
        for exam, order, requested_procedure_id in zip(exams, orders, ids, strict=True)
    ]
    insert(made)
    return made


def _steps(site: Site, exams: Sequence[BookedExam], procedures: Sequence[RequestedProcedure]) -> list[ScheduledProcedureStep]:
    ids = iter(numbers.SCHEDULED_PROCEDURE_STEP_ID.draw(site, sum(len(exam.steps) for exam in exams)))
    made = [
        _step(site, exam, booked, procedure, next(ids)) for exam, procedure in zip(exams, procedures, strict=True) for booked in exam.steps
    ]
    insert(made)
    return made


def _step(site: Site, exam: BookedExam, booked: BookedStep, procedure: RequestedProcedure, step_id: str) -> ScheduledProcedureStep:
    template = booked.template
    code = {"code": template.protocol_code, "scheme": template.protocol_scheme, "meaning": template.protocol_meaning}
    return unsaved(
        ScheduledProcedureStep,
        {
            "site_id": site.pk,
            "requested_procedure_id": procedure.pk,
            "scheduled_procedure_step_id": step_id,
            "position": template.position,
            "description": template.description,
            "modality": template.modality,
            "protocol_codes": [code] if template.protocol_code else [],
            "start": booked.start,
            "duration_minutes": template.duration_minutes,
            "end": booked.end,
            "location": booked.station.room,
            "performing_physician_name": exam.performing_physician_name,
            "pre_medication": template.pre_medication,
            "requested_contrast_agent": template.requested_contrast_agent,
            "status": SCHEDULED,
            "status_at": exam.order["ordered_at"],
        },
    )


def _stations(exams: Iterable[BookedExam], steps: Iterable[ScheduledProcedureStep]) -> list[StepStation]:
    booked = (booked for exam in exams for booked in exam.steps)
    made = [
        unsaved(
            StepStation,
            {"step_id": step.pk, "ae_title": one.station.ae_title, "station_id": one.station.pk},
            station=one.station,
        )
        for step, one in zip(steps, booked, strict=True)
    ]
    insert(made)
    return made


def _record(
    steps: Iterable[ScheduledProcedureStep],
    stations: Iterable[StepStation],
    actor: Actor,
) -> int:
    """One row of history for each step, ordered and booked at once; returns the last one's primary key."""
    made = [
        unsaved(
            StepChange,
            {
                "step_id": step.pk,
                "at": step.status_at,
                "verb": "order",
                "to_status": SCHEDULED,
                "actor_kind": actor.kind,
                "actor": actor.name,
                "user_id": actor.user_id,
                "detail": {"start": ["", step.start.isoformat() if step.start else ""], "stations": [[], [station.ae_title]]},
            },
        )
        for step, station in zip(steps, stations, strict=True)
    ]
    insert(made)
    return int(made[-1].pk)
