"""The keys of a console: what each of them sends, and when it does nothing but say why. Pages, REST and tests read this table."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ris.errors import NotFound
from training.memory import ENDING, SENT, Exam


class Needs(StrEnum):
    """What must be the case for a key to do something."""

    NOTHING = "nothing"
    FREE_TABLE = "free table"
    """No exam is open: one patient after the other."""
    OPEN_EXAM = "open exam"
    OVER_EXAM = "over exam"
    """The table is free, and the last exam is over and can be gone on with."""


@dataclass(frozen=True)
class Key:
    """`name` in addresses and REST, `label` and `sends` on the key; `asks` opens a form first, `is_local` sends nothing.

    `look` is `go` or `stop` for the keys that end an exam. `picks` takes worklist entries: the selected ones.
    """

    name: str
    label: str
    sends: str
    needs: Needs = Needs.NOTHING
    asks: bool = False
    is_local: bool = False
    picks: bool = False
    look: str = ""

    @property
    def plain_label(self) -> str:
        """Without the sign that something is asked first."""
        return self.label.rstrip("…")


UPDATE, START, WRONG, GROUP, HAND = "update", "start", "wrong", "group", "hand"
NEXT, REPORT, APPEND, COMPLETE, DISCONTINUE, PLUG, ECHO = "next", "report", "append", "complete", "discontinue", "plug", "echo"

KEYS: Final = (
    Key(UPDATE, "Update list", "C-FIND"),
    Key(START, "Start exam", "N-CREATE", Needs.FREE_TABLE, picks=True),
    Key(NEXT, "Next series", "acquire", Needs.OPEN_EXAM, is_local=True),
    Key(REPORT, "Report", "N-SET IN PROGRESS", Needs.OPEN_EXAM),
    Key(COMPLETE, "Complete", "N-SET COMPLETED", Needs.OPEN_EXAM, look="go"),
    Key(DISCONTINUE, "Discontinue…", "N-SET DISCONTINUED", Needs.OPEN_EXAM, asks=True, look="stop"),
    Key(APPEND, "Append", "N-CREATE, same step", Needs.OVER_EXAM),
    Key(GROUP, "Group steps…", "2 scheduled → 1", Needs.FREE_TABLE, asks=True, picks=True),
    Key(WRONG, "Wrong patient", "the finger slips a row", Needs.FREE_TABLE, picks=True),
    Key(PLUG, "Pull the plug", "power loss", Needs.OPEN_EXAM, is_local=True),
    Key(ECHO, "Verify", "C-ECHO"),
    Key(HAND, "Type patient by hand…", "no worklist: no order, no charge, two IDs to repair", Needs.FREE_TABLE, asks=True),
)
BY_NAME: Final = {key.name: key for key in KEYS}


def named(name: str) -> Key:
    """The key of this name; NotFound names those there are."""
    if name not in BY_NAME:
        raise NotFound(f"A console has no key {name[:32]!r}; it has {', '.join(BY_NAME)}.")
    return BY_NAME[name]


def open_exam(exams: Sequence[Exam]) -> Exam | None:
    """The exam on the table: the latest that is open, one that lost its power only when there is no other."""
    found = [exam for exam in exams if exam.is_open]
    return next((exam for exam in reversed(found) if not exam.interrupted), found[-1] if found else None)


def why_not(key: Key, exams: Sequence[Exam]) -> str:
    """Why the key does nothing now, as a sentence; empty when it does something."""
    here = open_exam(exams)
    if key.needs is Needs.OPEN_EXAM:
        return _why_not_with(key, here)
    if key.needs is not Needs.NOTHING and here is not None and not here.interrupted and not _repeats(key, here):
        way_out = "press Start exam again, or pull the plug" if here.state == SENT else "complete or discontinue it first"
        return f"{_named(here)} is open here: {way_out}."
    if key.needs is Needs.OVER_EXAM and not exams:
        return "No exam was done here that could be gone on with."
    return ""


def _why_not_with(key: Key, exam: Exam | None) -> str:
    """Of a key that does something with the exam on the table."""
    if exam is None:
        return "No exam is open here: start one first."
    if exam.state == SENT and key.name != PLUG:
        return (
            f"Whether {_named(exam)} was started is not known: press Start exam, which sends it again with the same UID, or pull the plug."
        )
    if exam.state == ENDING and key.name in (NEXT, REPORT):
        return f"{_named(exam)} is being ended, which was not answered: press Complete or Discontinue again."
    return ""


def _repeats(key: Key, exam: Exam) -> bool:
    """Start sends once more what was not answered."""
    return key.name == START and exam.state == SENT


def _named(exam: Exam) -> str:
    return exam.name or "an exam without a step"
