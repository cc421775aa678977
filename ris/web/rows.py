"""How a scheduled step is shown in a list: each column in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from ris.expiry import FORGOTTEN_AFTER, closes_at
from ris.models import ScheduledProcedureStep, StepChange
from ris.transitions import ARRIVED, BEGUN, FINAL, READY, SCHEDULED, TRANSITIONS, WAITING
from ris.web import times

ROW_VERBS = (("arrive", "Arrive"), ("ready", "Ready"))
"""Changes that a list offers as buttons, with their words; the first legal one is shown."""


@dataclass(frozen=True)
class Row:
    """`look` colours the row's edge: where somebody is present, or something is wrong. `remark` is the bad news, if any."""

    step: ScheduledProcedureStep
    look: str
    stations: str
    place: str
    by: str
    remark: str
    verb: str
    verb_word: str
    quiet: bool
    first_after_now: bool = False


def rows(found: Iterable[ScheduledProcedureStep], now: datetime, today: date, mark_now: bool = False) -> list[Row]:
    """Rows of steps in order of start. With `mark_now` the first one that starts later than now says so."""
    steps = list(found)
    latest = latest_changes(steps)
    shown, marked = [], not mark_now
    for step in steps:
        is_first = not marked and step.start is not None and step.start > now
        marked = marked or is_first
        shown.append(_row(step, latest.get(step.pk), now, today, is_first))
    return shown


def latest_changes(steps: Iterable[ScheduledProcedureStep]) -> dict[int, StepChange]:
    """For each step the change that brought it into its present status, in one query; a scheduled one's last booking."""
    present = {step.pk: step.status for step in steps}
    found: dict[int, StepChange] = {}
    for change in StepChange.objects.filter(step__in=present).order_by("pk"):
        booked = change.to_status == SCHEDULED and change.verb != "edit"
        if (change.is_move or booked) and change.to_status == present[change.step_id]:
            found[change.step_id] = change
    return found


def _row(step: ScheduledProcedureStep, last: StepChange | None, now: datetime, today: date, first_after_now: bool) -> Row:
    remark = remark_on(step, now)
    stations = [row.ae_title for row in step.stations.all()]
    verb, word = next(((verb, word) for verb, word in ROW_VERBS if step.status in TRANSITIONS[verb].sources), ("", ""))
    return Row(
        step=step,
        look=_look(step, remark),
        stations=step.pool.code if step.pool else ", ".join(stations) or "Not yet",
        place=f"any of {', '.join(stations)}" if step.pool else step.location,
        by=_by(step, last, now, today),
        remark=remark,
        verb=verb,
        verb_word=word,
        quiet=step.status == "CANCELED",
        first_after_now=first_after_now,
    )


def _look(step: ScheduledProcedureStep, remark: str) -> str:
    if remark and step.status in WAITING:
        return "WARNING"
    return "IN PROGRESS" if step.status in BEGUN else step.status if step.status in (ARRIVED, READY) else ""


def remark_on(step: ScheduledProcedureStep, now: datetime) -> str:
    """What is wrong with the exam by the clock or its station, in a few words; empty when nothing is."""
    if step.status in WAITING and any(row.station_id is None for row in step.stations.all()):
        return "station not known here"
    if step.status in WAITING and step.end is not None and step.end < now:
        return f"overdue since {times.wall(step.end)}" if times.local(step.end).date() == times.local(now).date() else _left_over(step)
    if step.status in BEGUN and now - step.status_at > FORGOTTEN_AFTER:
        return f"under way for {times.duration(now - step.status_at)}"
    if step.status in BEGUN:
        minutes = int((now - step.status_at).total_seconds()) // 60 - step.duration_minutes
        return f"{times.duration_minutes(minutes)} over" if minutes > 0 else ""
    return ""


def _left_over(step: ScheduledProcedureStep) -> str:
    closes = closes_at(step)
    return f"overdue, closes by itself on {times.day(closes)}" if closes else "overdue"


def _by(step: ScheduledProcedureStep, last: StepChange | None, now: datetime, today: date) -> str:
    """Who brought it there, and when: `Jo Moreau, 10:29 · waits 13 min`."""
    who = last.actor if last else ""
    when = times.moment_near(step.status_at, today)
    if step.status in (ARRIVED, READY):
        waits = times.duration_minutes(int((now - step.status_at).total_seconds()) // 60)
        return f"{who}, {when} · waits {waits}"
    if step.status in BEGUN:
        return f"{who}, since {when}"
    if step.status in FINAL:
        reason = f" · {last.reason}" if last and last.reason else ""
        return f"{who}, {when}{reason}"
    if step.status == SCHEDULED and last:
        return f"{who}, {times.moment_near(last.at, today)}"
    return who
