"""The words of a played day: what is booked, what each exam's script (its story) lets happen when, and how it ends. Pure data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from training.typed import TypedPatient

DESK = ""
"""Who does a deed of the front desk; a console does its own under its AE title."""


@dataclass(frozen=True)
class Patient:
    """As an order knows somebody; `birth_date` is a DA value."""

    patient_id: str
    name: str
    birth_date: str
    sex: str


@dataclass(frozen=True)
class Booked:
    """A scheduled step as it stands before the day is played: `places` are AE titles of which any may perform it.

    `pk` and `procedure` are keys of the step's and its requested procedure's rows, `position` its place in the procedure, `of` how many
    steps that has. `is_here`: the patient has arrived.
    """

    pk: int
    name: str
    accession_number: str
    procedure: int
    position: int
    of: int
    patient: Patient
    places: tuple[str, ...]
    modality: str
    start: datetime
    minutes: int
    is_here: bool = False

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class Begun:
    """A performed step that a station has in progress before the day is played. `steps` are those it is of, none when unscheduled."""

    sop_instance_uid: str
    station: str
    name: str
    steps: tuple[Booked, ...]


class Kind(StrEnum):
    """What an exam's script is about, in words that a person reads."""

    PLAIN = "as planned"
    REPORTED = "reports while it goes on"
    LATE = "patient is late"
    BROKEN_OFF = "broken off"
    NO_SHOW = "patient does not come"
    CALLED_OFF = "called off before"
    APPENDED = "more images afterwards"
    WRONG_ENTRY = "wrong entry picked first"
    POWER_LOSS = "power loss, then done again"
    GROUP = "two requests, one exam"
    WALK_IN = "walk-in, typed by hand"
    BEGUN_BEFORE = "was in progress already"
    HIT = "scanner goes down in the middle"
    MOVED = "scanner is down: moved"
    WAITS = "scanner is down: waits"
    SENT_HOME = "scanner is down: sent home"


class What(StrEnum):
    """A deed of the front desk (the first four) or of a console."""

    ARRIVE = "arrives"
    READY = "is ready"
    MOVE = "is moved"
    CANCEL = "is canceled"
    START = "start"
    WALK_IN = "start a typed patient"
    ACQUIRE = "acquire"
    REPORT = "report"
    COMPLETE = "complete"
    DISCONTINUE = "discontinue"
    APPEND = "append"
    POWER_LOSS = "lose power"


@dataclass(frozen=True)
class Deed:
    """What is done at a moment of the site's clock by `who` (an AE title, or DESK).

    `reason` is a code of CID 9300 for DISCONTINUE, words for what the desk does; `share` of the planned images is done when none was
    acquired; `exam` counts the story's performed steps from 0. `place` and `start` are where MOVE goes. `entry`: START picks this step's
    entry instead of the story's own (the wrong one).
    """

    at: datetime
    what: What
    who: str = DESK
    reason: str = ""
    share: float = 1.0
    exam: int = 0
    place: str = ""
    start: datetime | None = None
    entry: str = ""


class Worth(StrEnum):
    """What is charged for a story's requested procedures."""

    FULL = "full"
    REDUCED = "reduced"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Story:
    """One exam's script. `booked` are its scheduled steps: one, two of a group, none of a walk-in.

    `ends` is the status that they have in the end, `performed` the final states of its performed steps in order of their begin, `worth`
    what they are worth to the charge of their procedures.
    """

    number: int
    kind: Kind
    station: str
    booked: tuple[Booked, ...]
    deeds: tuple[Deed, ...]
    ends: str
    performed: tuple[str, ...]
    worth: Worth
    typed: TypedPatient | None = None
    begun: Begun | None = None

    @property
    def name(self) -> str:
        if self.booked:
            return " + ".join(one.name for one in self.booked)
        return self.begun.name if self.begun else f"walk-in {self.number}"

    @property
    def begins(self) -> datetime:
        """Its first deed."""
        return self.deeds[0].at


@dataclass(frozen=True)
class Outage:
    """A station that is down from one moment up to another."""

    station: str
    since: datetime
    until: datetime

    def covers(self, moment: datetime) -> bool:
        return self.since <= moment < self.until


@dataclass(frozen=True)
class Plan:
    """The whole day, in order of what is done first."""

    seed: int
    begins: datetime
    stories: tuple[Story, ...]
    outages: tuple[Outage, ...] = ()

    def deeds(self) -> Iterator[tuple[Story, Deed]]:
        """All of them, in order of time; those of one story stay in their order."""
        flat = ((deed.at, story.number, n, story, deed) for story in self.stories for n, deed in enumerate(story.deeds))
        return ((story, deed) for *_, story, deed in sorted(flat, key=lambda one: one[:3]))
