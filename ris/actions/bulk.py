"""Exams by the hundred: orders with patients, visits, procedures and booked steps, as `place_order` and `schedule` make them one by one.

One call is one transaction. A caller with many exams makes many calls of some 100 ms each, so that an MPPS gets in between.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from ris import events, names
from ris.actions import numbers
from ris.actions.booked import BookedExam, BookedStep, booked_over
from ris.actions.snapshot import procedure_columns, step_columns
from ris.actor import Actor
from ris.db import action
from ris.events import StepRecords
from ris.insertion import insert, unsaved
from ris.models import (
    Order,
    Patient,
    RecordChange,
    RequestedProcedure,
    ScheduledProcedureStep,
    Site,
    StepChange,
    StepStation,
    Visit,
)
from ris.transitions import SCHEDULED


# SQLite uses an index over part of a table only when the query says so: hence `exclude(accession_number="")` and its like below.
@action
def book_exams(site: Site, exams: Sequence[BookedExam], actor: Actor, day: date) -> list[int | None]:
    """Write the exams and their worklist entries in one transaction; accession numbers are those of `day`.

    The caller has checked the columns, and that the exams do not overlap each other. Returns the primary key of each exam's patient,
    and None for an exam that was left out: somebody has booked over it meanwhile, or its patient is gone or was merged.
    """
    over = booked_over(site, exams)
    known = _known(exams)
    kept = [
        exam for number, exam in enumerate(exams) if number not in over and (not isinstance(exam.patient, int) or exam.patient in known)
    ]
    if not kept:
        return [None] * len(exams)
    patients = _patients(site, kept, known, actor)
    visits = _visits(site, kept, patients, actor)
    orders = _orders(site, kept, patients, visits, actor, day)
    procedures = _procedures(site, kept, orders)
    steps = _steps(site, kept, procedures)
    stations = _stations(kept, steps)
    _record(steps, stations, actor)
    owners = [number for number, exam in enumerate(kept) for _ in exam.steps]
    records = tuple(
        StepRecords(step, procedures[number], orders[number], patients[number], visits[number], site, (station,))
        for number, step, station in zip(owners, steps, stations, strict=True)
    )
    events.publish(events.StepsAdded(records))
    written = {id(exam): patient.pk for exam, patient in zip(kept, patients, strict=True)}
    return [written.get(id(exam)) for exam in exams]


def _known(exams: Iterable[BookedExam]) -> dict[int, Patient]:
    """Known patients by primary key, locked, so that the entries show what they are now."""
    ids = {exam.patient for exam in exams if isinstance(exam.patient, int)}
    kept = Patient.objects.select_for_update().filter(pk__in=ids, merged_into=None)
    return {one.pk: one for one in kept.order_by("pk")} if ids else {}


def _patients(site: Site, exams: Sequence[BookedExam], known: Mapping[int, Patient], actor: Actor) -> list[Patient]:
    """The patient of each exam; new ones are registered."""
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
                "requested_procedure_id": requested_procedure_id,
                "study_instance_uid": f"2.25.{uuid.uuid5(exam.study_key, requested_procedure_id).int}",
                **procedure_columns(exam.procedure),
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
    return unsaved(
        ScheduledProcedureStep,
        {
            "site_id": site.pk,
            "requested_procedure_id": procedure.pk,
            "scheduled_procedure_step_id": step_id,
            "start": booked.start,
            "end": booked.end,
            "location": booked.station.room,
            "performing_physician_name": exam.performing_physician_name,
            **step_columns(booked.template),
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
) -> None:
    """One row of history for each step, ordered and booked at once."""
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
