"""One line of the checklist, and what a button does about it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

PASS, ERROR, WARNING, WAITING = "PASS", "ERROR", "WARNING", ""
NOT_YET: Final = "Nothing heard yet."


@dataclass(frozen=True)
class Fix:
    """What a button does about it: `kind` names it, `value` is what it is done with."""

    kind: str
    label: str
    value: str = ""


@dataclass(frozen=True)
class Line:
    """`look` is PASS, ERROR (wrong), WARNING (seen, and not as it should be) or WAITING. `next` is what to do. `later` is what went wrong
    after the line was proved; `next` and `fixes` are about that then.

    `call`, `performed`, `charge` and `explain` are where the evidence is."""

    key: str
    title: str
    look: str
    said: str
    next: str = ""
    at: datetime | None = None
    call: UUID | None = None
    performed: int | None = None
    charge: int | None = None
    explain: str = ""
    later: str = ""
    fixes: tuple[Fix, ...] = ()

    def but_later(self, wrong: "Line") -> "Line":
        """The line that was proved, with what is wrong since, what to do about that and its buttons."""
        return replace(self, later=wrong.said, next=wrong.next, fixes=wrong.fixes)

    @property
    def word(self) -> str:
        return {PASS: "seen", ERROR: "failed", WARNING: "not as it should be", WAITING: "not seen"}[self.look]


def proved(found: Iterable[Line]) -> int:
    return sum(line.look == PASS for line in found)


def in_the_end(line: Line) -> Line:
    """The line of a check that is over: nothing comes next, and what was waited for did not come."""
    said = "Nothing was heard." if line.said == NOT_YET else line.said
    return replace(line, said=said, next="", fixes=())


def kept(line: Line) -> dict[str, Any]:
    """The line of a check that ends, in JSON's values, as `read` takes it."""
    ended = in_the_end(line)
    at, call = ended.at.isoformat() if ended.at else None, str(ended.call) if ended.call else None
    return asdict(ended) | {"at": at, "call": call, "fixes": ()}


def read(values: Mapping[str, Any]) -> Line:
    """A line as it was kept."""
    at, call = values["at"], values["call"]
    return Line(**{**values, "at": at and datetime.fromisoformat(at), "call": call and UUID(call), "fixes": ()})
