"""Choosing where and when: the places that perform a modality, their free times, what is on them that day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django import forms

from ris import clock, queries
from ris.actions import booking
from ris.errors import Conflict, InvalidInput, RisError, SlotTaken
from ris.models import ScheduledProcedureStep, Site, Station, StationPool
from ris.transitions import OCCUPYING
from ris.web import times
from ris.web.forms import MomentField, PageForm

FREE_TIMES = 6


class BookingForm(PageForm):
    """A place (AE title of a station or code of a pool) and a start on the hospital's clock."""

    place = forms.ChoiceField(
        label="Station",
        error_messages={
            "required": "Station: choose one",
            "invalid_choice": "Station: %(value)s does not do this procedure; choose another",
        },
    )
    start = MomentField(
        label="Start", help_text="For example 23-Nov-2026 14:30, or 14:30 for today", error_messages={"required": "Start: enter a time"}
    )

    def set_places(self, site: Site, modality: str) -> None:
        """Offer the places of a modality; none when it is empty."""
        field = self.fields["place"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Choose a station" if modality else "Choose the procedure first"), *place_choices(site, modality)]

    def not_booked(self, error: RisError, fields: Mapping[str, str]) -> None:
        """Say why at the field that it is about; `fields` as `take` has them."""
        if isinstance(error, InvalidInput):
            self.take(error, fields)
        elif isinstance(error, SlotTaken):
            self.add_error("start", str(error))
        elif isinstance(error, Conflict):
            self.refuse(error)
        else:
            self.add_error(None, str(error))


def place_choices(site: Site, modality: str) -> list[tuple[str, str]]:
    """(AE title or pool code, label) of enabled stations and pools that perform the modality."""
    if not modality:
        return []
    able = Station.objects.filter(site=site, enabled=True, modalities__modality=modality)
    stations = [(one.ae_title, f"{one.ae_title}, {one.room}" if one.room else one.ae_title) for one in able.order_by("ae_title")]
    pools = StationPool.objects.filter(site=site, stations__in=able).distinct()
    return stations + [
        (pool.code, f"{pool.name} (any of {', '.join(s.ae_title for s in pool.stations.order_by('ae_title'))})") for pool in pools
    ]


@dataclass(frozen=True)
class Offer:
    """What is free at a place from a moment on, and what is there on that day. `refused` says why nothing can be offered."""

    place: str
    day: date
    today: date
    free: tuple[datetime, ...] = ()
    exams: tuple[ScheduledProcedureStep, ...] = ()
    refused: str = ""

    @property
    def fills(self) -> list[tuple[str, datetime, dict[str, str]]]:
        """Each free time: how it is called, the moment, and what it puts into the form."""
        return [(times.soon(moment, self.today), moment, {"f-start": times.moment_text(moment)}) for moment in self.free]


def offer(site: Site, place_name: str, modality: str, minutes: int, start: datetime | None) -> Offer:
    """Free times at the place from `start` on, not before now; the day is that of the start, else of the first free time."""
    now, today = clock.now(site), clock.today(site)
    since = max(start or now, now)
    day = clock.local(since, site).date()
    if not place_name or not modality:
        return Offer("", day, today)
    try:
        place = booking.find_place(site, place_name)
        free = booking.free_slots(place, modality, minutes, since, FREE_TIMES)
    except RisError as error:
        return Offer(place_name, day, today, refused=str(error))
    if free and start is None:
        day = clock.local(free[0][0], site).date()
    exams = queries.steps_on(site, day).filter(stations__station__in=place.stations, status__in=OCCUPYING).distinct()
    return Offer(place.label, day, today, tuple(begin for begin, _ in free), tuple(exams))
