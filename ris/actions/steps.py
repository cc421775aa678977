"""Verbs of a scheduled procedure step: scheduling it, and every change of its status."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db.models import QuerySet

from ris import clock, events
from ris.actions import booking, received
from ris.actor import HOUSEKEEPING, Actor
from ris.crossing import LOOK_AGAIN, crossed
from ris.db import action, locking, part
from ris.errors import IllegalTransition, InvalidInput, NotPermitted
from ris.models import RequestedProcedure, ScheduledProcedureStep, Station, StepChange, StepStation
from ris.prepared import Prepared, PreparedUpdate
from ris.transitions import DEPARTED, DISCONTINUED, STARTED, TRANSITIONS, WAITING
from ris.validation import reason_text


def _read(step_id: Any, *related: str) -> QuerySet[ScheduledProcedureStep]:
    steps = ScheduledProcedureStep.objects.select_for_update(of=("self",)).filter(pk=step_id)
    return steps.select_related(*related) if related else steps


_alone = Prepared(_read, "pk")
_status_alone = Prepared(lambda pk: _read(pk).only("site", "requested_procedure", "status", "status_at", "version"), "pk")
_with_all = Prepared(
    lambda pk: _read(pk, "site", "requested_procedure__order__patient", "requested_procedure__order__visit"),
    "pk",
)
_lock_procedure_of = locking(lambda step: RequestedProcedure.objects.filter(steps=step), "step")


def lock_step(step_id: int, expected_version: int | None = None) -> ScheduledProcedureStep:
    """The step with all that it belongs to, locked until the transaction ends; ChangedMeanwhile when it is not the expected version."""
    return _locked(_with_all, step_id, expected_version)


def _locked(steps: Prepared[ScheduledProcedureStep], step_id: int, expected_version: int | None = None) -> ScheduledProcedureStep:
    """`lock_step` with what the query reads.

    Its requested procedure is locked before it, in the order that everybody locks them: what hears of the change may need both.
    """
    _lock_procedure_of(step_id)
    step = steps.first(step_id)
    if step is None:
        raise ScheduledProcedureStep.DoesNotExist(f"There is no scheduled step with id {step_id}.")
    if expected_version is not None and step.version != expected_version:
        changes = reversed(step.changes.order_by("-pk")[: max(step.version - expected_version, 1)])
        raise crossed("this exam", step.site, changes, f"It is {step.status} now. {LOOK_AGAIN}")
    return step


@action
def change_status(
    step_id: int, verb: str, actor: Actor, reason: str = "", *, at: datetime | None = None, expected_version: int | None = None
) -> ScheduledProcedureStep:
    """Change the status by a verb of `ris.transitions`.

    Raises IllegalTransition, NotPermitted, InvalidInput (no reason where one is needed) or ChangedMeanwhile.
    """
    return _change(_locked(_alone, step_id, expected_version), verb, actor, reason, at)


def _change(step: ScheduledProcedureStep, verb: str, actor: Actor, reason: str = "", at: datetime | None = None) -> ScheduledProcedureStep:
    """`change_status` of a step that is locked. The guard stands in the UPDATE all the same, so that no status is ever overwritten."""
    transition = TRANSITIONS[verb]
    reason = reason_text(reason, needed=transition.needs_reason)
    if actor.kind not in transition.actors:
        raise NotPermitted(f"A {actor.kind} cannot “{verb.replace('_', ' ')}” an exam.")
    moment = at or clock.now(step.site)
    if not _guarded(verb)(step.pk, status=transition.target, status_at=moment, version=step.version + 1):
        legal = " or ".join(transition.sources)
        raise IllegalTransition(
            f"The exam is {step.status} since {clock.local(step.status_at, step.site):%d-%b-%Y %H:%M}; "
            f"“{verb.replace('_', ' ')}” needs it to be {legal}."
        )
    StepChange.by(actor, step=step, at=moment, verb=verb, from_status=step.status, to_status=transition.target, reason=reason)
    step.status, step.status_at, step.version = transition.target, moment, step.version + 1
    events.publish(events.StepStatusChanged(step.pk, step.requested_procedure_id, verb, step.status, actor.kind))
    return step


@cache
def _guarded(verb: str) -> PreparedUpdate[ScheduledProcedureStep]:
    """The change of a step that is where the verb may find it."""
    sources = TRANSITIONS[verb].sources
    return PreparedUpdate(
        lambda pk: ScheduledProcedureStep.objects.filter(pk=pk, status__in=sources), "pk", columns=("status", "status_at", "version")
    )


def arrive(step_id: int, actor: Actor, **options: Any) -> ScheduledProcedureStep:
    """The patient is here."""
    return change_status(step_id, "arrive", actor, **options)


def ready(step_id: int, actor: Actor, **options: Any) -> ScheduledProcedureStep:
    """The patient is prepared for the exam."""
    return change_status(step_id, "ready", actor, **options)


def cancel(step_id: int, actor: Actor, reason: str, **options: Any) -> ScheduledProcedureStep:
    """Take an exam that has not begun off the worklist; `restore` undoes it."""
    return change_status(step_id, "cancel", actor, reason, **options)


@part
def start(step_id: int, actor: Actor, at: datetime | None = None) -> ScheduledProcedureStep:
    """A performed step refers to this one. A step that is under way or was completed already stays as it is (append)."""
    step = _locked(_status_alone, step_id)
    if step.status not in TRANSITIONS["start"].sources:
        return step
    return _change(step, "start", actor, at=at)


@part
def end(step_id: int, verb: str, actor: Actor, reason: str = "", at: datetime | None = None) -> ScheduledProcedureStep:
    """`complete`, `discontinue` or `put_back` a step that is under way; one that is not stays as it is.

    One that was given up by rule, because no news of it came, is under way again: here they are.
    """
    step = _locked(_status_alone, step_id)
    if _was_given_up(step):
        step = _change(step, "start", actor, at=at)
    if step.status not in (STARTED, DEPARTED):
        return step
    return _change(step, verb, actor, reason, at)


def _was_given_up(step: ScheduledProcedureStep) -> bool:
    last = step.last_move() if step.status == DISCONTINUED else None
    return last is not None and (last.verb, last.actor_kind, last.actor) == ("discontinue", HOUSEKEEPING.kind, HOUSEKEEPING.name)


@action
def schedule(
    step_id: int,
    place_name: str,
    start: datetime,
    actor: Actor,
    *,
    end: datetime | None = None,
    reason: str = "",
    expected_version: int | None = None,
) -> ScheduledProcedureStep:
    """Book the step on a station (AE title) or pool (code) from `start` (aware) on, or move it there.

    Without `end` (aware) it keeps its planned length.
    Raises NotFound (no such place), InvalidInput (modality, start, end), IllegalTransition (it has begun), SlotTaken.
    """
    step = lock_step(step_id, expected_version)
    if step.status not in WAITING:
        raise IllegalTransition(f"The exam is {step.status}; only one that has not begun can be scheduled or moved.")
    if start.tzinfo is None:
        raise InvalidInput({"start": "has no time zone; write it as 2026-11-23T09:30:00-05:00"})
    place = booking.find_place(step.site, place_name)
    stations = booking.check_place(place, step.modality)
    step.duration_minutes = booking.minutes_until(end, start, step.site) if end else step.duration_minutes
    booking.refuse_clash(stations, place.label, step, start)
    return _book(step, place, stations, start, actor, reason)


def _book(
    step: ScheduledProcedureStep, place: booking.Place, stations: Iterable[Any], start: datetime, actor: Actor, reason: str
) -> ScheduledProcedureStep:
    before = [station.ae_title for station in step.stations.all()]
    fresh = Station.objects.in_bulk([station.pk for station in stations])  # one may have been renamed until it was locked
    booked = [fresh[station.pk] for station in stations]
    after = [station.ae_title for station in booked]
    detail = {
        "start": [step.start.isoformat() if step.start else "", start.isoformat()],
        "stations": [before, after],
    }
    verb = "reschedule" if step.start else "schedule"
    step.start, step.end = start, start + timedelta(minutes=step.duration_minutes)
    step.pool = place.pool
    step.location = "" if place.pool else place.stations[0].room
    step.received_item = received.without(step.received_item, step=_BOOKING_TAGS)
    step.version += 1
    step.save(update_fields=["start", "end", "duration_minutes", "pool", "location", "received_item", "version"])
    step.stations.all().delete()
    StepStation.objects.bulk_create([StepStation(step=step, ae_title=s.ae_title, station=s, position=i) for i, s in enumerate(booked)])
    StepChange.by(
        actor,
        step=step,
        at=clock.now(step.site),
        verb=verb,
        from_status=step.status,
        to_status=step.status,
        reason=reason_text(reason),
        detail=detail,
    )
    events.publish(events.StepChanged(step.pk))
    return step


_BOOKING_TAGS = ("00400001", "00400002", "00400003", "00400004", "00400005", "00400010", "00400011")
"""What a booking made here replaces: station, start, end and location."""
