"""Which exam gets which kind of story, which ones are done together, who walks in where, and what goes down. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from training.day import kinds
from training.day.story import Booked, Kind, Outage, Story

_DOWN_FOR = timedelta(hours=1)
_ENOUGH = 12  # exams of a day in which something rare happens
_TOGETHER = timedelta(minutes=30)  # between two exams of a patient that are done as one
_STAYS_AWAY = 0.04
_LOOKED_AT = 8  # exams in the middle of which the station might go down

Dealt = Iterator[tuple[Kind, tuple[Booked, ...]]]


def dealt(requests: Sequence[Booked], chance: Random) -> Dealt:
    """Each exam with its kind, and with a second one that is done with it. Procedures of several steps go as planned, or not at all."""
    partners = dict(pairs(requests))
    paired = {*partners, *(second.pk for second in partners.values())}
    alone = [one for one in requests if one.of == 1 and one.pk not in paired]
    kind_of = dict(zip((one.pk for one in alone), kinds.deal(len(alone), chance), strict=True))
    begun = {one.procedure for one in requests if one.is_here}
    away = {one.procedure for one in requests if one.of > 1 and one.position == 1 and chance.random() < _STAYS_AWAY} - begun
    for one in requests:
        if one.pk in partners:
            yield Kind.GROUP, (one, partners[one.pk])
        elif one.of > 1:
            yield Kind.NO_SHOW if one.procedure in away else Kind.PLAIN, (one,)
        elif one.pk not in paired:
            kind = kind_of[one.pk]
            yield Kind.PLAIN if one.is_here and kind in _BEFORE_THEY_COME else kind, (one,)


_BEFORE_THEY_COME = (Kind.NO_SHOW, Kind.CALLED_OFF, Kind.LATE)


def pairs(requests: Sequence[Booked]) -> Iterator[tuple[int, Booked]]:
    """By the key of the first: two exams of one patient on one station, one soon after the other."""
    by_place: dict[tuple[str, tuple[str, ...], str, bool], list[Booked]] = {}
    for one in requests:
        if one.of == 1 and one.patient.patient_id:
            by_place.setdefault((one.patient.patient_id, one.places, one.modality, one.is_here), []).append(one)
    for ones in by_place.values():
        for first, second in zip(ones[::2], ones[1::2], strict=False):
            if second.start - first.end <= _TOGETHER:
                yield first.pk, second


def walk_ins(requests: Sequence[Booked], chance: Random) -> Iterator[tuple[str, datetime]]:
    """On which station somebody walks in, and when: as somebody else's exam ends."""
    number = round(len(requests) * kinds.WALK_INS / 100) or int(len(requests) >= _ENOUGH)
    for one in chance.sample(requests, number):
        yield one.places[0], one.end


def outages(requests: Sequence[Booked], chance: Random) -> Iterator[Outage]:
    """One station goes down for an hour, while an exam is on it and others are to follow."""
    if len(requests) < _ENOUGH:
        return
    middle = requests[len(requests) // 4 : -len(requests) // 4]
    met = max(chance.sample(middle, min(len(middle), _LOOKED_AT)), key=lambda one: len(list(_following(one, requests))))
    since = met.start + timedelta(minutes=met.minutes * chance.uniform(0.3, 0.7))
    yield Outage(met.places[0], since, since + _DOWN_FOR)


def _following(met: Booked, requests: Sequence[Booked]) -> Iterator[Booked]:
    """Exams on the same station within the hour that it would be down."""
    return (one for one in requests if one.places[0] == met.places[0] and met.start < one.start < met.end + _DOWN_FOR)


def entry_beside(story: Story, begin: datetime, stories: Sequence[Story]) -> Booked | None:
    """Somebody else's step on the list of the story's station that nothing happens with around `begin`."""
    own = {one.patient.patient_id for one in story.booked}
    for other in stories:
        if other.kind not in (Kind.PLAIN, Kind.REPORTED, Kind.APPENDED) or other.station != story.station or len(other.booked) != 1:
            continue
        one = other.booked[0]
        suits = one.of == 1 and one.places == (story.station,) and one.patient.patient_id not in own
        if suits and not one.is_here and other.begins > begin + 3 * kinds.WRONG_FOR:
            return one
    return None
