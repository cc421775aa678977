"""The stair of an exam, and its history, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ris import attributes, clock
from ris.models import Order, RecordChange, ScheduledProcedureStep, StepChange
from ris.models.history import Change
from ris.transitions import ARRIVED, CANCELED, COMPLETED, DISCONTINUED, READY, SCHEDULED, STARTED
from ris.web import times
from ris.web.status import shown_status


@dataclass(frozen=True)
class Tread:
    """One step of the stair; without a `look` it is still ahead."""

    title: str
    text: str
    look: str = ""


@dataclass(frozen=True)
class Moment:
    """An entry of a timeline: when, how it looks, what happened in a few words, and who or what did it."""

    at: datetime
    look: str
    title: str
    text: str = ""
    by: str = ""


def treads(step: ScheduledProcedureStep, changes: Sequence[StepChange], today: date) -> list[Tread]:
    """Ordered, scheduled, arrived, started, ended."""
    order = step.requested_procedure.order
    past = "COMPLETED"
    reached = {change.to_status: change for change in changes if change.is_move}
    stations = step.pool.code if step.pool else ", ".join(row.ae_title for row in step.stations.all())
    found = [Tread("Ordered", f"{times.moment_near(order.ordered_at, today)}, {order.ordered_by}", past)]
    if step.start:
        found.append(Tread("Scheduled", f"{stations} {times.booked_near(step.start, today)}, {step.duration_minutes} min", past))
    else:
        found.append(Tread("Scheduled", "Not yet"))
    arrived = reached.get(READY) or reached.get(ARRIVED)
    if step.status in (SCHEDULED, CANCELED):
        arrived = None
    found.append(_tread("Ready" if arrived and arrived.to_status == READY else "Arrived", arrived, today, past))
    started = reached.get(STARTED) if step.status not in (SCHEDULED, ARRIVED, READY) else None
    found.append(_tread("Started", started, today, past))
    ended = reached.get(step.status) if step.status in (COMPLETED, DISCONTINUED, CANCELED) else None
    found.append(_tread(shown_status(step.status).word if ended else "Completed", ended, today, step.status))
    return _with_present(found, step.status)


def _tread(title: str, change: StepChange | None, today: date, look: str) -> Tread:
    if change is None:
        return Tread(title, "Not yet")
    return Tread(title, f"{times.moment_near(change.at, today)}, {change.actor}", look)


def _with_present(found: list[Tread], status: str) -> list[Tread]:
    """The tread that the exam stands on wears its status."""
    position = {SCHEDULED: 1, ARRIVED: 2, READY: 2, STARTED: 3, "DEPARTED": 3}.get(status)
    if position is None or not found[position].look:
        return found
    here = found[position]
    return [*found[:position], Tread(here.title, here.text, status), *found[position + 1 :]]


_VERBS = {
    "order": "Ordered",
    "add": "Added",
    "import": "Imported",
    "edit": "Changed",
    "schedule": "Scheduled",
    "reschedule": "Moved",
    "follow_pool": "Stations of the pool changed",
    "arrive": "Arrived",
    "ready": "Ready",
    "undo_arrival": "Arrival undone",
    "start": "Started",
    "start_by_hand": "Started by hand",
    "depart": "Departed",
    "complete": "Completed",
    "discontinue": "Discontinued",
    "put_back": "Put back",
    "reopen": "Reopened",
    "cancel": "Canceled",
    "restore": "Restored",
}
_KINDS = {"modality": "modality"}


def history(changes: Sequence[StepChange]) -> list[Moment]:
    """Every change of the exam, as it was recorded."""
    return [_moment(change) for change in changes]


def _moment(change: StepChange) -> Moment:
    look = change.to_status if change.from_status != change.to_status or change.verb in ("schedule", "reschedule") else "INFO"
    kind = _KINDS.get(change.actor_kind, "")
    text = "; ".join(part for part in (_booking(change), edited(change), change.reason) if part)
    return Moment(
        change.at, look, _VERBS.get(change.verb, change.verb.replace("_", " ").capitalize()), text, " ".join((kind, change.actor)).strip()
    )


def _booking(change: StepChange) -> str:
    """`CT01 23-Nov-2026 09:30, before CT02 23-Nov-2026 09:00` of a change of place or time."""
    start, stations = change.detail.get("start"), change.detail.get("stations")
    if not start or not stations:
        return ""
    after = f"{', '.join(stations[1])} {_when(start[1])}".strip()
    before = f"{', '.join(stations[0])} {_when(start[0])}".strip()
    return f"{after}, before {before}" if before else after


_LABELS = {attribute.keyword: attribute.label for table in attributes.RECORDS.values() for attribute in table}


def edited(change: Change) -> str:
    """`Contrast agent: Iohexol, before none` of what staff set, several in a row."""
    found = [(_LABELS[keyword], values) for keyword, values in change.detail.items() if keyword in _LABELS]
    return "; ".join(f"{label}: {after or 'none'}, before {before or 'none'}" for label, (before, after) in found)


def _of_order(order: Order) -> list[Moment]:
    """What staff changed of the order, its procedures and its visit."""
    changes = RecordChange.objects.filter(subject="order", subject_id=order.pk, verb="edit")
    return [
        Moment(one.at, "INFO", "Order changed", "; ".join(filter(None, (edited(one), one.reason))), one.actor)
        for one in changes.order_by("at", "pk")
    ]


def _when(iso: str) -> str:
    return times.moment_text(datetime.fromisoformat(iso)) if iso else ""


def present(step: ScheduledProcedureStep) -> tuple[list[Tread], list[Moment]]:
    """Stair and history of a step."""
    changes = list(step.changes.order_by("pk"))
    moments = [*history(changes), *_of_order(step.requested_procedure.order)]
    return treads(step, changes, clock.today(step.site)), sorted(moments, key=lambda moment: moment.at)
