"""What is wrong with the data set of an N-CREATE or N-SET, and whether it is refused or becomes a finding.

Problems are found by the table of `mpps.attributes`. A strict station's message is refused by the first of: attributes that
may not be changed, missing attributes, missing values, invalid values. From a lenient one everything is a finding that can
be understood; a status that is not legal is refused from both.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from dimse import statuses
from dimse.services import Verb
from mpps import attributes, datasets
from mpps.attributes import Row, Usage
from mpps.datasets import Json
from mpps.errors import Refused
from mpps.transitions import IN_PROGRESS, STATUSES
from mpps.values import problem_with

STATUS = "PerformedProcedureStepStatus"


class Kind(IntEnum):
    """Kinds of problems, in the order in which they decide about the status of the answer."""

    NOT_ALLOWED = 1
    MISSING = 2
    EMPTY = 3
    INVALID = 4


# PS3.7 10.1.3.1.9 gives N-SET no 0120H: what a final state lacks is a missing value there.
STATUS_OF: dict[tuple[Verb, Kind], int] = {
    (Verb.N_CREATE, Kind.MISSING): statuses.MISSING_ATTRIBUTE,
    (Verb.N_CREATE, Kind.EMPTY): statuses.MISSING_ATTRIBUTE_VALUE,
    (Verb.N_CREATE, Kind.INVALID): statuses.INVALID_ATTRIBUTE_VALUE,
    (Verb.N_SET, Kind.NOT_ALLOWED): statuses.NO_SUCH_ATTRIBUTE,
    (Verb.N_SET, Kind.MISSING): statuses.MISSING_ATTRIBUTE_VALUE,
    (Verb.N_SET, Kind.EMPTY): statuses.MISSING_ATTRIBUTE_VALUE,
    (Verb.N_SET, Kind.INVALID): statuses.INVALID_ATTRIBUTE_VALUE,
}
_CODES = {
    Kind.NOT_ALLOWED: "ATTRIBUTE_CHANGED",
    Kind.MISSING: "ATTRIBUTE_MISSING",
    Kind.EMPTY: "VALUE_MISSING",
    Kind.INVALID: "VALUE_INVALID",
}
_IS_MISSING: Final = "is missing"
_MAY_NOT_CHANGE: Final = "may not be changed by an N-SET"
_QUOTED: Final = ("'", '"')
"""With which what is said of a value begins; what is said of the element as a whole does not."""


@dataclass(frozen=True)
class Notice:
    """A finding to be: its code, where in the data set (may be empty), and what it says."""

    code: str
    text: str
    attribute: str = ""


@dataclass(frozen=True)
class Problem:
    """`path` numbers the items from 1: `PerformedSeriesSequence[2].ProtocolName`. `element` is the element as received.

    `refuses`: a strict station's message is refused. `always`: everybody's is.
    """

    kind: Kind
    path: str
    row: Row
    text: str
    element: Mapping[str, Any] | None = None
    refuses: bool = True
    always: bool = False


def problems_of_create(dataset: Json) -> list[Problem]:
    """What an N-CREATE lacks or has wrong (PS3.4 F.7.2.1)."""
    return [*_absent(dataset, Usage.N_CREATE), *_wrong_status(dataset, (IN_PROGRESS,)), *_invalid(dataset)]


def problems_of_set(modification: Json, stored: Json) -> list[Problem]:
    """What an N-SET has wrong, whatever state it asks for (PS3.4 F.7.2.2)."""
    return [
        *_changed(modification, stored),
        *_absent(settable(modification), Usage.N_SET),
        *_wrong_status(modification, STATUSES),
        *_invalid(settable(modification)),
    ]


def problems_of_final(merged: Json) -> list[Problem]:
    """What a step lacks to become final (PS3.4 F.7.2.2.2)."""
    return list(_absent(merged, Usage.FINAL))


def understood_status(dataset: Json) -> str | None:
    """The status of the data set with case and underscores forgiven; None when there is none.

    Only for data sets whose problems have been settled: a strict station's status is exact then.
    """
    value = datasets.text(dataset, STATUS)
    return _forgiven(value) if value else None


def settable(modification: Json) -> Json:
    """The part of an N-SET that is applied: repeats of what may not change, and refused changes of it, stay as created."""
    return {key: element for key, element in modification.items() if key not in attributes.not_allowed_in_n_set()}


def settle(verb: Verb, problems: Iterable[Problem], strict: bool) -> list[Notice]:
    """Raise Refused for what is refused; what is left over, as findings."""
    found = list({(p.kind, p.path, p.text): p for p in problems}.values())
    fatal = [p for p in found if p.always or (strict and p.refuses)]
    if fatal:
        kind = min(p.kind for p in fatal)
        raise _refusal(STATUS_OF[verb, kind], [p for p in fatal if p.kind == kind])
    return [Notice(_code(p.kind, p.row.vr, p.text), f"{p.path} {p.text}.", p.path) for p in found]


def cause(status: int, comment: str) -> Notice | None:
    """What a message was refused for, as the finding that it would be of a lenient station; None for what is about no attribute of its own.

    `comment` is the refusal's, which begins with the keyword.
    """
    if status == statuses.INVALID_SOP_INSTANCE:
        return Notice("UID_INVALID", comment, "SOPInstanceUID")
    keyword, _, text = comment.partition(" ")
    kind = next((kind for (_, kind), answered in STATUS_OF.items() if answered == status), None)
    tag = tag_for_keyword(keyword)
    if kind is None or tag is None or (kind is Kind.NOT_ALLOWED and not text.startswith(_MAY_NOT_CHANGE)):
        return None
    return Notice(_code(Kind.MISSING if text.startswith(_IS_MISSING) else kind, dictionary_VR(tag), text), comment, keyword)


def _code(kind: Kind, vr: str, text: str) -> str:
    return "UID_INVALID" if kind is Kind.INVALID and vr == "UI" and text.startswith(_QUOTED) else _CODES[kind]


def _refusal(status: int, offending: list[Problem]) -> Refused:
    more = f" (+{len(offending) - 1} more)" if len(offending) > 1 else ""
    comment = f"{offending[0].row.keyword} {offending[0].text}{more}"
    listed: Json = {}
    if status in (statuses.MISSING_ATTRIBUTE_VALUE, statuses.INVALID_ATTRIBUTE_VALUE):
        listed = {p.row.tag: dict(p.element or {"vr": p.row.vr}) for p in offending}
    return Refused(status, comment, offending=[int(p.row.tag, 16) for p in offending], attribute_list=listed)


def _changed(modification: Json, stored: Json) -> Iterator[Problem]:
    for key, row in attributes.not_allowed_in_n_set().items():
        if key in modification and not datasets.same(modification[key], stored.get(key)):
            yield Problem(Kind.NOT_ALLOWED, row.path, row, _MAY_NOT_CHANGE, modification[key])


def _absent(dataset: Mapping[str, Any], usage: Usage, parent: str = "", where: str = "") -> Iterator[Problem]:
    """Attributes of type 1 without a value and of type 2 that are absent, at every depth; those of 1C where their condition holds."""
    for row, asked in attributes.asked_in(usage, parent):
        needed = _holds(row, dataset) if asked == "1C" else asked
        element = dataset.get(row.tag)
        if element is None:
            if needed in ("1", "2"):
                yield Problem(Kind.MISSING, where + row.keyword, row, _IS_MISSING)
        elif needed == "1" and datasets.is_empty(element):
            yield Problem(Kind.EMPTY, where + row.keyword, row, "has no item" if row.is_sequence else "has no value", {"vr": row.vr})
        elif row.is_sequence:
            for number, item in enumerate(_items(element), 1):
                yield from _absent(item, usage, row.path, f"{where}{row.keyword}[{number}].")


def _holds(row: Row, dataset: Mapping[str, Any]) -> str:
    """The type of a row of 1C in the item that holds it: 1 where its condition holds, else 3."""
    with_one, tags = row.depends_on
    has_one = any(not datasets.is_empty(dataset.get(tag)) for tag in tags)
    return "1" if has_one is with_one else "3"


def _invalid(dataset: Mapping[str, Any], parent: str = "", where: str = "") -> Iterator[Problem]:
    """Values that break their VR, VM or enumeration. What must have a value must have a readable one: UIDs, dates and times."""
    for row in attributes.rows_in(parent):
        element = dataset.get(row.tag)
        if element is None:
            continue
        path = where + row.keyword
        if row.is_sequence:
            if element["vr"] != "SQ" and not datasets.is_empty(element):
                yield Problem(Kind.INVALID, path, row, f"came as {element['vr']}, not as a sequence", refuses=row.is_required)
            for number, item in enumerate(_items(element), 1):
                yield from _invalid(item, row.path, f"{path}[{number}].")
        elif "InlineBinary" in element or element["vr"] == "SQ":
            yield Problem(
                Kind.INVALID, path, row, f"came as {element['vr']}, not as {row.vr}", None, row.is_required, row.keyword == STATUS
            )
        elif row.keyword != STATUS:
            refuses = row.is_required and row.vr in ("DA", "TM", "UI")
            for wrong in _wrong_values(row, element):
                yield Problem(Kind.INVALID, path, row, wrong, element, refuses=refuses)


def _wrong_values(row: Row, element: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the values of an element that is no sequence, in words."""
    if element["vr"] != row.vr and not datasets.is_empty(element):
        yield f"came as {element['vr']}, not as {row.vr}"
    values = [datasets.as_text(value) for value in element.get("Value", ())]
    if row.most is not None and len(values) > row.most:
        yield f"has {len(values)} values; it may have {row.most}"
    for value in values:
        wrong = problem_with(row.vr, value)
        if wrong:
            yield f"{value[:64]!r} {wrong}"
        elif value and row.enumerated and value not in row.enumerated:
            yield f"{value[:64]!r} is none of {', '.join(row.enumerated)}"


def _wrong_status(dataset: Json, legal: tuple[str, ...]) -> Iterator[Problem]:
    row = attributes.row(STATUS)
    element = dataset.get(row.tag)
    value = datasets.joined(element)
    if not value or value in legal:
        return
    text = f"{value[:16]!r} is not {' or '.join(legal)}"
    yield Problem(Kind.INVALID, STATUS, row, text, element, always=_forgiven(value) not in legal)


def _forgiven(value: str) -> str:
    return " ".join(value.upper().replace("_", " ").split())


def _items(element: Mapping[str, Any]) -> list[Json]:
    return list(element.get("Value", [])) if element.get("vr") == "SQ" else []
