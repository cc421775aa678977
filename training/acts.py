"""What a virtual modality can be told to do, as a table: the verbs of the command line and of scripts, their words and options.

An `Act` is one of them with its words. `GRAMMAR` says what each takes; a check returns the value as it is used, or raises ValueError with
the end of a sentence ("… is no number of series").
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from mpps.reasons import reasons
from ris import validation
from training.typed import TYPING_ERRORS

NEXT = "next"
"""Stands for the first entry of the last list that was not begun yet."""

ALL = "all"


@dataclass(frozen=True)
class Act:
    """`names` are step IDs, accession numbers, performed step IDs or a script's own; `options` hold checked values."""

    verb: str
    names: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


Check = Callable[[str], str]


@dataclass(frozen=True)
class Grammar:
    """How a verb is written. `fewest` to `most` words stand behind it; `check` looks at each of them."""

    usage: str
    what: str
    fewest: int = 0
    most: int = 0
    options: Mapping[str, Check] = field(default_factory=dict)
    check: Check = str


def _short(value: str) -> str:
    text = validation.text(value, "SH")
    if not text:
        raise ValueError("is empty")
    return text


def _long(value: str) -> str:
    return validation.text(value, "LO")


def _day(value: str) -> str:
    if value == ALL:
        return value
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("is not a date; write it as 2026-11-23") from None


def _birth_date(value: str) -> str:
    return f"{validation.calendar_day(value):%Y%m%d}"


def _one_of(*allowed: str) -> Check:
    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"is none of {', '.join(allowed)}")
        return value

    return check


def _reason(value: str) -> str:
    if value not in reasons():
        raise ValueError("is no code of CID 9300, e.g. 110513; `discontinue` with a wrong code on the command line lists them")
    return value


def _count(value: str) -> str:
    if not validation.whole_number(value, 99):
        raise ValueError("is no number from 1 to 99")
    return value


def _share(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,3}%", value) or int(value[:-1]) > 100:
        raise ValueError("is no share of the plan; write it as 50%")
    return value


def _label(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,15}", value) or value == NEXT:
        raise ValueError("cannot name an exam; take a letter, and letters, digits, - or _ behind it, at most 16")
    return value


def _uid(value: str) -> str:
    if not 0 < len(value) <= 64:
        raise ValueError("cannot be sent as a UID: it holds 1 to 64 characters")
    return value


_STARTED = {"as": _label, "uid": _uid}
_EXAM = "[EXAM]"

GRAMMAR: Mapping[str, Grammar] = {
    "echo": Grammar("echo", "ask whether the other side answers: C-ECHO"),
    "list": Grammar(
        "list [day=YYYY-MM-DD|all] [stations=all] [patient=TEXT] [accession=NUMBER] [modality=CS] [again=yes]",
        "ask for the worklist, today's of this station unless asked otherwise: C-FIND",
        options={
            "day": _day,
            "stations": _one_of(ALL),
            "patient": _long,
            "accession": _short,
            "modality": validation.code_string,
            "again": _one_of("yes"),
        },
    ),
    "start": Grammar(
        "start STEP… [as=NAME] [stations=all] [pick=wrong] [uid=UID]",
        "begin an exam of one step, or of several steps of one patient: N-CREATE",
        1,
        9,
        {**_STARTED, "stations": _one_of(ALL), "pick": _one_of("wrong")},
        _short,
    ),
    "unscheduled": Grammar(
        "unscheduled NAME [id=ID] [born=YYYY-MM-DD] [sex=M|F|O] [accession=NUMBER] [what=TEXT] [modality=CS] [error=ERROR] [as=NAME] "
        "[uid=UID]",
        "examine a patient who is typed by hand: N-CREATE",
        1,
        1,
        {
            **_STARTED,
            "id": _long,
            "born": _birth_date,
            "sex": validation.sex,
            "accession": _short,
            "what": _long,
            "modality": validation.code_string,
            "error": _one_of(*TYPING_ERRORS),
        },
        validation.person_name,
    ),
    "append": Grammar(
        f"append {_EXAM} [as=NAME] [uid=UID]", "add a performed step to an exam that was performed: N-CREATE", 0, 1, _STARTED, _short
    ),
    "acquire": Grammar(f"acquire {_EXAM} [series=N]", "scan the next series; nothing is sent", 0, 1, {"series": _count}, _short),
    "report": Grammar(f"report {_EXAM}", "tell what was acquired so far: N-SET IN PROGRESS", 0, 1, {}, _short),
    "complete": Grammar(f"complete {_EXAM} [uid=UID]", "end an exam with its series: N-SET COMPLETED", 0, 1, {"uid": _uid}, _short),
    "discontinue": Grammar(
        f"discontinue {_EXAM} reason=CODE [done=SHARE%] [uid=UID]",
        "break an exam off: N-SET DISCONTINUED",
        0,
        1,
        {"reason": _reason, "done": _share, "uid": _uid},
        _short,
    ),
    "power-loss": Grammar(f"power-loss {_EXAM}", "pull the plug: what was not reported is forgotten; nothing is sent", 0, 1, {}, _short),
}
"""All verbs that do something, in the order of an exam."""

REQUIRED = {"discontinue": ("reason",)}
"""Options that a verb cannot do without."""
