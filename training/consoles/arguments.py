"""What is given to a key that asks for something: checked before anybody is asked to do it, by pages and REST alike."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from mpps.reasons import reasons
from ris import clock, validation
from ris.errors import Conflict, InvalidInput
from ris.validation import Checker
from training.consoles import keys, listed, starting
from training.consoles.keys import Key
from training.memory import SENT, Memory
from training.models import Console
from training.query import Question, dicom_dates
from training.typed import TYPING_ERRORS

TODAY, ALL_DAYS = "today", "all"
_LO, _PN = 64, 64 * 3
_TYPED: Final = ("name", "patient_id", "birth_date", "sex", "accession_number", "description", "slip")
_QUERY: Final = ("patient_name", "patient_id", "accession_number", "days", "modality", "any_station")


def checked(key: Key, console: Console, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as an act keeps them, or InvalidInput that names every wrong field."""
    check = _CHECKS.get(key.name)
    known = _FIELDS.get(key.name, ())
    unknown = [name for name in given if name not in known]
    if unknown:
        has = f"takes {', '.join(known)}" if known else "takes nothing"
        raise InvalidInput(dict.fromkeys(unknown, f"is nothing that the key “{key.name}” knows; it {has}"))
    return check(console, given) if check else {}


def _question(console: Console, given: Mapping[str, Any]) -> dict[str, Any]:
    check = Checker()
    arguments = {
        "patient_name": check("patient_name", _key, given.get("patient_name", ""), _PN),
        "patient_id": check("patient_id", _key, given.get("patient_id", ""), _LO),
        "accession_number": check("accession_number", _key, given.get("accession_number", ""), 16),
        "days": check("days", _days, given.get("days", TODAY)),
        "modality": check("modality", validation.code_string, given.get("modality", console.kind)),
        "any_station": bool(given.get("any_station", False)),
    }
    check.done()
    return arguments


def question_of(console: Console, arguments: Mapping[str, Any]) -> Question:
    """The query of checked arguments; "today" is the hospital's when it is sent."""
    days = arguments["days"]
    first = clock.today(console.site) if days == TODAY else None if days == ALL_DAYS else date.fromisoformat(days)
    return Question(
        station="" if arguments["any_station"] else console.ae_title,
        dates=dicom_dates(first, first) if first else "",
        modality=arguments["modality"],
        patient_name=arguments["patient_name"],
        patient_id=arguments["patient_id"],
        accession_number=arguments["accession_number"],
    )


def _key(value: str, longest: int) -> str:
    """A matching key, which may hold wildcards."""
    clean = validation.printable(str(value))
    if "\\" in clean:
        raise ValueError("holds a backslash, which separates values in DICOM; leave it out")
    if len(clean) > longest:
        raise ValueError(f"is {len(clean)} characters long; at most {longest} can be asked for")
    return clean


def _days(value: str) -> str:
    word = str(value).strip().lower()
    if word in (TODAY, ALL_DAYS):
        return word
    try:
        return validation.within_reach(validation.calendar_day(word, "2026-11-23")).isoformat()
    except ValueError as error:
        raise ValueError(f"{error}; it is a day, “{TODAY}” or “{ALL_DAYS}”") from None


def _start(console: Console, given: Mapping[str, Any]) -> dict[str, Any]:
    """An entry; none when the start of an exam is to be sent again. Conflict when that is another one's than the entry that is given."""
    here = keys.open_exam(Memory.of(console.memory, lambda _: None).exams)
    if here is None or here.state != SENT:
        return _one(console, given)
    said = starting.overtaken(console.pk, str(given.get("pick", "")).strip())
    if said:
        raise Conflict(f"{said} That was not confirmed: press Start exam again without an entry of your own, which sends it once more.")
    return {}


def _one(console: Console, given: Mapping[str, Any]) -> dict[str, Any]:
    pick = str(given.get("pick", "")).strip()
    if not pick:
        raise InvalidInput({"pick": "is missing: select an entry of the list first"})
    listed.picked(console, [pick])
    return {"pick": pick}


def _several(console: Console, given: Mapping[str, Any]) -> dict[str, Any]:
    """Two or more entries of one patient (PS3.17 J.6: group case)."""
    value = given.get("picks", [])
    picks = list(dict.fromkeys(str(one) for one in value)) if isinstance(value, list) else []
    if len(picks) < 2:
        raise InvalidInput({"picks": "names fewer than two entries: a group is two or more steps of one patient"})
    names = {(row["patient_id"], row["name"]) for row in console.rows if row["key"] in picks}
    listed.picked(console, picks)
    if len(names) > 1:
        raise InvalidInput({"picks": "names entries of several patients; one exam is of one patient"})
    return {"picks": picks}


def _typed(console: Console, given: Mapping[str, Any]) -> dict[str, Any]:
    check = Checker()
    born = check("birth_date", validation.birth_date, str(given.get("birth_date", "")), clock.today(console.site))
    arguments = {
        "name": check("name", validation.person_name, str(given.get("name", ""))),
        "patient_id": check("patient_id", validation.text, str(given.get("patient_id", "")), "LO"),
        "birth_date": f"{born:%Y%m%d}" if born else "",
        "sex": check("sex", validation.sex, str(given.get("sex", ""))),
        "accession_number": check("accession_number", validation.text, str(given.get("accession_number", "")), "SH"),
        "description": check("description", validation.text, str(given.get("description", "")), "LO"),
        "slip": check("slip", _slip, str(given.get("slip", ""))),
    }
    if not check.errors and not arguments["name"]:
        check.refuse("name", "is empty; type at least a name, as FAMILY^GIVEN")
    check.done()
    return arguments


def _slip(value: str) -> str:
    if value and value not in TYPING_ERRORS:
        raise ValueError(f"is {value[:32]!r}; known slips are {', '.join(TYPING_ERRORS)}")
    return value


def _reason(console: Console, given: Mapping[str, Any]) -> dict[str, Any]:
    code = str(given.get("reason", "")).strip()
    if code not in reasons():
        wrong = f"is {code[:16]!r}, which is no code of CID 9300" if code else "is missing: say why, by a code of CID 9300"
        raise InvalidInput({"reason": f"{wrong}, for example 110513 (Discontinued for unspecified reason)"})
    return {"reason": code}


_CHECKS: Final[dict[str, Callable[[Console, Mapping[str, Any]], dict[str, Any]]]] = {
    keys.UPDATE: _question,
    keys.START: _start,
    keys.WRONG: _one,
    keys.GROUP: _several,
    keys.HAND: _typed,
    keys.DISCONTINUE: _reason,
}
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    keys.UPDATE: _QUERY,
    keys.START: ("pick",),
    keys.WRONG: ("pick",),
    keys.GROUP: ("picks",),
    keys.HAND: _TYPED,
    keys.DISCONTINUE: ("reason",),
}
"""What may be given to the keys that take something."""
