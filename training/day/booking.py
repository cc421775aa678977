"""Exams are booked for a day that is to be played, by the planner of loads; now and then a patient is booked for two in a row."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random

from ris import clock
from ris.actions.additions import add_procedure
from ris.actions.orders import Booking
from ris.actor import Actor
from ris.errors import Conflict, SlotTaken
from ris.models import Order, Procedure, Site
from training.day import reading
from training.day.story import Booked
from training.load.run import Outcome, Writer, look_at, with_room_for

_ONE_IN = 40  # exams has a second one behind it
_LONGEST = 30  # minutes of a second one

Progress = Callable[[str, int, int], None]


def book(site: Site, day: date, exams: int, seed: int, actor: Actor, progress: Progress) -> Outcome:
    """Book so many scheduled steps within the opening hours of the day; stations are added when there are too few.

    Raises InvalidInput (no stations, no catalogue) or Conflict (there is no room).
    """
    pairs = exams // _ONE_IN
    outcome = Outcome(exams - pairs)
    hospital = look_at(site, 1, seed, from_day=day, emergencies=False)
    Writer(with_room_for(hospital, outcome.asked, actor, outcome, progress, may_add=True), actor, outcome, progress).write()
    outcome.asked = exams
    for _ in range(pairs):
        outcome.steps += _book_second(site, day, Random(f"{seed} second {outcome.steps}"), actor)
    if outcome.steps < exams:
        raise Conflict(f"Only {outcome.steps} of {exams} exams found a place on {day:%d-%b-%Y}; ask for fewer, or for another --date.")
    return outcome


def _book_second(site: Site, day: date, chance: Random, actor: Actor) -> bool:
    """Give somebody a second exam, right behind theirs on the same station, where that is free."""
    standing = reading.read(site, day, clock.day_bounds(day, site)[0])
    known = {one.patient.patient_id for one in standing.booked if _is_second(one, standing.booked)}
    candidates = [one for one in standing.booked if one.of == 1 and len(one.places) == 1 and one.patient.patient_id not in known]
    for one in chance.sample(candidates, len(candidates)):
        offers = _offers(site, one.modality)
        fitting = [offer for offer in offers if _is_free(standing.taken.get(one.places[0], ()), one.end, offer.duration_minutes)]
        if not fitting:
            continue
        order = Order.objects.get(requested_procedures=one.procedure)
        booking = Booking(station_ae_title=one.places[0], start=one.end)
        try:
            add_procedure(order, chance.choice(fitting).code, actor, booking)
        except SlotTaken:
            continue  # somebody was faster; the next candidate
        return True
    return False


def _is_second(one: Booked, booked: tuple[Booked, ...]) -> bool:
    """Whether somebody has two of the day already."""
    return any(other.pk != one.pk and other.patient.patient_id == one.patient.patient_id for other in booked)


def _offers(site: Site, modality: str) -> list[Procedure]:
    """Short procedures of one step on such a machine."""
    found = Procedure.objects.filter(site=site, active=True, modality=modality, duration_minutes__lte=_LONGEST).prefetch_related("steps")
    return [one for one in found.order_by("code") if one.steps.count() == 1]


def _is_free(taken: reading.Spans, start: datetime, minutes: int) -> bool:
    end = start + timedelta(minutes=minutes)
    return not any(begin < end and start < until for begin, until in taken)
