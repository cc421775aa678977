"""A test patient and exam to try a connection with: for one station, of today, on no other list, and never charged.

The exam keeps no slot, since it is no patient's time. What was performed of it stays, as everything that a modality reports does.
"""

from datetime import timedelta
from typing import Final

from django.db.models import Q, QuerySet

from ris import clock, events
from ris.actions import numbers, patients, removal, steps
from ris.actions.numbers import Numbers
from ris.actions.patients import PatientData
from ris.actions.stations import revise
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict, NotFound
from ris.models import (
    ConnectionCheck,
    Order,
    Patient,
    RecordChange,
    RequestedProcedure,
    ScheduledProcedureStep,
    Site,
    Station,
    StepChange,
    StepStation,
)
from ris.transitions import BEGUN, SCHEDULED, WAITING

MINUTES: Final = 15
CODE, SCHEME, MEANING = "TEST", "99STEPWISE", "Connection test, no patient"
_REMOVED: Final = "Test exam removed"


def patient_of(ae_title: str) -> PatientData:
    """One for each station, named so that nobody takes it for somebody."""
    return PatientData(
        name=f"TEST^NO PATIENT {ae_title}",
        patient_id=f"TEST-{ae_title}",
        birth_date="1900-01-01",
        sex="O",
        special_needs="Test, no patient",
    )


@action
def make(check_id: int, actor: Actor) -> Order:
    """The test exam of a check, booked on its station from now on; Conflict while there is one that waits or is under way."""
    check = ConnectionCheck.objects.select_for_update().select_related("site").get(pk=check_id)
    station = Station.objects.prefetch_related("modalities").filter(site=check.site, ae_title=check.ae_title).first()
    if station is None:
        raise NotFound(f"There is no station {check.ae_title!r} any more.")
    if check.ended_at is not None:
        raise Conflict("This check has been ended; begin again to make a test exam.")
    if steps_of(check).filter(status__in=(*WAITING, *BEGUN)).exists():
        raise Conflict(f"{check.ae_title} has a test exam already; perform or remove it first.")
    site = check.site
    patient = patients.find_or_register(site, patient_of(check.ae_title), actor)
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    order = Order.objects.create(
        site=site,
        patient=patient,
        accession_number=_accession_number(site),
        placer_order_number=numbers.order_number(site, "placer"),
        filler_order_number=numbers.order_number(site, "filler"),
        reason=MEANING,
        ordered_at=clock.now(site),
        ordered_by=actor.name,
    )
    _book(order, station, actor)
    ConnectionCheck.objects.filter(pk=check.pk).update(order=order)
    revise(site)
    return order


def steps_of(check: ConnectionCheck) -> QuerySet[ScheduledProcedureStep]:
    """Steps of its present test exam."""
    return ScheduledProcedureStep.objects.filter(requested_procedure__order=check.order_id)


def _accession_number(site: Site) -> str:
    """`T261123-001`: no number that a real order gets."""
    day = clock.today(site)
    drawn = Numbers(f"test accession {day:%y%m%d}", f"T{day:%y%m%d}-{{:03d}}")
    taken = Order.objects.filter(site=site).exclude(accession_number="")
    return numbers.until_free(lambda: drawn.draw(site, 1)[0], lambda number: taken.filter(accession_number=number).exists())


def _book(order: Order, station: Station, actor: Actor) -> ScheduledProcedureStep:
    site, now = order.site, clock.now(order.site)
    requested = RequestedProcedure.objects.create(
        site=site,
        order=order,
        requested_procedure_id=numbers.requested_procedure_id(site),
        study_instance_uid=numbers.study_instance_uid(),
        code=CODE,
        scheme=SCHEME,
        meaning=MEANING,
        description=MEANING,
        is_test=True,
    )
    start = now.replace(second=0, microsecond=0)
    step = ScheduledProcedureStep.objects.create(
        site=site,
        requested_procedure=requested,
        scheduled_procedure_step_id=numbers.scheduled_procedure_step_id(site),
        description=MEANING,
        modality=next((one.modality for one in station.modalities.all()), "OT"),
        protocol_codes=[{"code": CODE, "scheme": SCHEME, "meaning": MEANING}],
        start=start,
        duration_minutes=MINUTES,
        end=start + timedelta(minutes=MINUTES),
        location=station.room,
        status_at=now,
    )
    StepStation.objects.create(step=step, ae_title=station.ae_title, station=station)
    StepChange.by(actor, step=step, at=now, verb="order", to_status=SCHEDULED, reason=f"Test exam to connect {station.ae_title}")
    events.publish(events.StepChanged(step.pk))
    return step


def remove(check: ConnectionCheck, actor: Actor) -> str:
    """Take the test exam away, and say what became of it: gone with its patient, or discontinued where it had begun.

    Raises NotFound when there is none.
    """
    order = check.order
    if order is None:
        raise NotFound(f"{check.ae_title} has no test exam; it may have been removed by somebody else.")
    its = Q(requested_procedure__order=order, requested_procedure__is_test=True)
    under_way = list(ScheduledProcedureStep.objects.filter(its, site=check.site, status__in=BEGUN).values_list("pk", flat=True))
    for pk in under_way:
        steps.change_status(pk, "discontinue", actor, _REMOVED)
    removed = removal.remove_steps(check.site, actor, among=its, reason=_REMOVED).removed
    for pk in ScheduledProcedureStep.objects.filter(its, site=check.site, status__in=WAITING).values_list("pk", flat=True):
        steps.cancel(pk, actor, _REMOVED)  # begun once and put back
    _tidy(check, order, actor)
    if removed:
        return "The test exam is gone, as if it had never been."
    if under_way:
        return "The test exam had begun: it is discontinued, and off every list. What was reported of it stays in the log."
    return "The test exam was over, and is off every list. What was reported of it stays in the log."


@action
def _tidy(check: ConnectionCheck, order: Order, actor: Actor) -> None:
    """The patient goes when nothing hangs on the record; all processes read anew which test exams there are."""
    ConnectionCheck.objects.filter(pk=check.pk).update(order=None)
    patient = Patient.objects.filter(pk=order.patient_id, orders=None, visits=None, merged=None).first()
    if patient is not None:
        gone = {"subject_id": patient.pk, "detail": {"patient_id": [patient.patient_id, ""]}, "reason": _REMOVED}
        RecordChange.by(actor, at=clock.now(check.site), verb="remove", subject="patient", **gone)
        patient.delete()
    revise(check.site)
