"""How often what happens, and what the deeds of each kind of story are: tables and pure functions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from training.day.story import Deed, Kind, What, Worth
from training.performed import COMPLETED, DISCONTINUED

CANCELED = "CANCELED"

SHARES = {
    Kind.PLAIN: 58,
    Kind.REPORTED: 14,
    Kind.LATE: 8,
    Kind.BROKEN_OFF: 6,
    Kind.NO_SHOW: 4,
    Kind.CALLED_OFF: 3,
    Kind.APPENDED: 3,
    Kind.WRONG_ENTRY: 2,
    Kind.POWER_LOSS: 2,
}
"""Of a hundred booked exams. What comes by itself (walk-ins, groups, a scanner that goes down) is beside them."""

WALK_INS = 3
"""For a hundred booked exams."""


@dataclass(frozen=True)
class Reason:
    """A code of CID 9300 that a modality gives, with what is charged when something was made (`billing.rules` must agree)."""

    code: str
    worth: Worth


REASONS = (
    Reason("110505", Worth.REDUCED),  # Patient refused to continue procedure
    Reason("110503", Worth.REDUCED),  # Patient allergic to media/contrast
    Reason("110515", Worth.REDUCED),  # Patient condition prevented continuing
    Reason("110500", Worth.NOTHING),  # Doctor canceled procedure
    Reason("110512", Worth.NOTHING),  # Incorrect side ordered
)
EQUIPMENT_FAILURE, WRONG_ENTRY = "110501", "110514"

CALLED_OFF = ("Patient called: has a fever, will call again", "Referring physician withdrew the request", "Ordered twice")
DID_NOT_COME = "Patient did not come"
IS_DOWN = "{station} is down"


def deal(number: int, chance: Random) -> list[Kind]:
    """A kind for each of so many exams, close to the shares; of few exams each kind has one as long as there is room."""
    total = sum(SHARES.values())
    kinds = [kind for kind, share in SHARES.items() for _ in range(max(share * number // total, 1))]
    rare = kinds[::-1][:number] if len(kinds) > number else kinds
    dealt = rare + [Kind.PLAIN] * (number - len(rare))
    chance.shuffle(dealt)
    return dealt


@dataclass(frozen=True)
class Scan:
    """When and where an exam is performed. `gone` is how much of it is over (0 to 1) at a moment that `at` gives."""

    station: str
    begin: datetime
    length: timedelta

    def at(self, gone: float) -> datetime:
        return self.begin + self.length * gone


@dataclass(frozen=True)
class Performance:
    """The deeds of a console for one story, when it is done, and what comes of it."""

    deeds: tuple[Deed, ...]
    ends: str
    performed: tuple[str, ...]
    worth: Worth

    @property
    def done(self) -> datetime:
        return self.deeds[-1].at


def _plain(scan: Scan, chance: Random) -> Performance:
    deeds = (Deed(scan.begin, What.START, scan.station), Deed(scan.at(1), What.COMPLETE, scan.station))
    return Performance(deeds, COMPLETED, (COMPLETED,), Worth.FULL)


def _reported(scan: Scan, chance: Random) -> Performance:
    parts = chance.choice((1, 2))
    between = [Deed(scan.at(n / (parts + 1)), what, scan.station) for n in range(1, parts + 1) for what in (What.ACQUIRE, What.REPORT)]
    plain = _plain(scan, chance)
    return Performance((plain.deeds[0], *between, plain.deeds[1]), COMPLETED, (COMPLETED,), Worth.FULL)


def _broken_off(scan: Scan, chance: Random) -> Performance:
    reason, share = chance.choice(REASONS), chance.choice((0.0, 0.4, 0.6))
    end = Deed(scan.at(chance.uniform(0.2, 0.7)), What.DISCONTINUE, scan.station, reason.code, share)
    worth = reason.worth if share else Worth.NOTHING
    return Performance((Deed(scan.begin, What.START, scan.station), end), DISCONTINUED, (DISCONTINUED,), worth)


def _appended(scan: Scan, chance: Random) -> Performance:
    again = scan.at(1) + timedelta(minutes=chance.randint(3, 8))
    more = (Deed(again, What.APPEND, scan.station, exam=1), Deed(again + scan.length * 0.3, What.COMPLETE, scan.station, exam=1))
    return Performance((*_plain(scan, chance).deeds, *more), COMPLETED, (COMPLETED, COMPLETED), Worth.FULL)


def _power_loss(scan: Scan, chance: Random) -> Performance:
    """What was reported is known when the machine is back: that exam is discontinued, and all is done again."""
    lost, who = scan.at(0.5), scan.station
    back = lost + timedelta(minutes=chance.randint(12, 20))
    deeds = (
        Deed(scan.begin, What.START, who),
        Deed(scan.at(0.3), What.ACQUIRE, who),
        Deed(scan.at(0.3), What.REPORT, who),
        Deed(lost, What.POWER_LOSS, who),
        Deed(back, What.APPEND, who, exam=1),
        Deed(back + timedelta(minutes=1), What.DISCONTINUE, who, EQUIPMENT_FAILURE),
        Deed(back + scan.length, What.COMPLETE, who, exam=1),
    )
    return Performance(deeds, COMPLETED, (DISCONTINUED, COMPLETED), Worth.FULL)


def wrong_entry(scan: Scan, entry: str) -> Performance:
    """The entry `entry` of somebody else is picked first, and given back two minutes later; then the exam is in a hurry."""
    oops = (
        Deed(scan.begin, What.START, scan.station, entry=entry),
        Deed(scan.begin + WRONG_FOR, What.DISCONTINUE, scan.station, WRONG_ENTRY, share=0.0),
    )
    begin = scan.begin + WRONG_FOR + timedelta(minutes=1)
    end = max(scan.at(1), begin + timedelta(seconds=30))
    deeds = (*oops, Deed(begin, What.START, scan.station, exam=1), Deed(end, What.COMPLETE, scan.station, exam=1))
    return Performance(deeds, COMPLETED, (DISCONTINUED, COMPLETED), Worth.FULL)


WRONG_FOR = timedelta(minutes=2)


def hit(scan: Scan, since: datetime, until: datetime) -> Performance:
    """The machine goes down in the middle; what was begun is discontinued when it is back. Nothing was reported, so nothing was made."""
    deeds = (
        Deed(scan.begin, What.START, scan.station),
        Deed(since, What.POWER_LOSS, scan.station),
        Deed(until, What.DISCONTINUE, scan.station, EQUIPMENT_FAILURE, share=0.0),
    )
    return Performance(deeds, DISCONTINUED, (DISCONTINUED,), Worth.NOTHING)


_PERFORMED: dict[Kind, Callable[[Scan, Random], Performance]] = {
    Kind.REPORTED: _reported,
    Kind.BROKEN_OFF: _broken_off,
    Kind.APPENDED: _appended,
    Kind.POWER_LOSS: _power_loss,
}


def perform(kind: Kind, scan: Scan, chance: Random) -> Performance:
    """The console's part; kinds that only differ in what the desk does are plain."""
    return _PERFORMED.get(kind, _plain)(scan, chance)


def comes(arrival: datetime, begin: datetime, chance: Random) -> Iterator[Deed]:
    """The patient arrives, and is mostly made ready before it begins."""
    yield Deed(arrival, What.ARRIVE)
    prepared = arrival + (begin - arrival) * 0.6
    if chance.random() < 0.7 and prepared > arrival:
        yield Deed(prepared, What.READY)
