"""The lint of a worklist item by the rules of `worklist.lint_rules`: what is wrong with it, whichever station gets it.

It walks the encoded item (Explicit VR Little Endian, UTF-8, defined lengths: `worklist.item.encode`). What is as it should be is told by
one expression for each VR; only the rest is read into text. An item is looked at once and remembered by its bytes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from struct import Struct
from typing import Final

from pydicom.datadict import keyword_for_tag

from dimse import charsets, uids
from worklist import keys, values, verdicts
from worklist.keys import Key
from worklist.lint_rules import BY_CODE, NOT_IN_CHARACTER_SET, Rule

_REMEMBERED: Final = 4096
_LONG: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_header, _length = Struct("<HH2sH").unpack_from, Struct("<I").unpack_from
_TEXT: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_LONGEST: Final = {
    "AE": 16,
    "AS": 4,
    "CS": 16,
    "DS": 16,
    "DT": 26,
    "IS": 12,
    "LO": 64,
    "LT": 10240,
    "PN": 64,
    "SH": 16,
    "ST": 1024,
    "UI": 64,
}
"""Characters that a value may have (PS3.5 Table 6.2-1), of PN in each group."""
_CLEAN: Final[dict[str, Callable[[bytes], re.Match[bytes] | None]]] = {
    vr: re.compile(pattern).fullmatch
    for vr, pattern in {
        "AE": rb"[ -\[\]-~]{0,16}",
        "AS": rb"(\d{3}[DWMY])?",
        "CS": rb"[A-Z0-9_ ]{0,16}",
        "DS": rb" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *",
        "IS": rb" *[+-]?\d{1,11} *",
        "LO": rb"[ -\[\]-~]{0,64}",
        "LT": rb"[ -~\t\n\f\r]{0,10240}",
        "PN": rb"[ -<>-\[\]_-~]{0,60}(\^[ -<>-\[\]_-~]{0,12}){0,4}",
        "SH": rb"[ -\[\]-~]{0,16}",
        "ST": rb"[ -~\t\n\f\r]{0,1024}",
        "TM": rb"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)? *",
        "UI": rb"(?=.{1,64}\0?\Z)(0|[1-9]\d*)(\.(0|[1-9]\d*))*\0?",
        "UT": rb"[ -~\t\n\f\r]*",
    }.items()
}
"""What needs no second look, by VR."""
_TERMS: Final[Mapping[str, tuple[str, ...]]] = {
    "PatientSex": ("M", "F", "O"),
    "PregnancyStatus": ("1", "2", "3", "4"),
    "SmokingStatus": ("YES", "NO", "UNKNOWN"),
    "PatientSexNeutered": ("ALTERED", "UNALTERED"),
}
_IDENTIFIERS: Final = frozenset({"StudyInstanceUID", "RequestedProcedureID", "ScheduledProcedureStepID"})
_DESCRIBED: Final = (
    ("RequestedProcedureDescription", "RequestedProcedureCodeSequence"),
    ("ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence"),
)
_CODE_VALUES: Final = ("CodeValue", "LongCodeValue", "URNCodeValue")


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that an item breaks. `attribute` is a path of keywords, as findings of the worklist have it."""

    code: str
    attribute: str
    text: str

    @property
    def rule(self) -> Rule:
        return BY_CODE[self.code]


def _finding(code: str, path: str, detail: str = "") -> Finding:
    name = verdicts.name_of(path.rpartition(".")[2])
    return Finding(code, path, BY_CODE[code].words.format(name=name, detail=detail))


@lru_cache(maxsize=_REMEMBERED)
def lint(item: bytes) -> tuple[Finding, ...]:
    """What is wrong with an item, in the order of its attributes, what is missing last."""
    return tuple(dict.fromkeys(_level(item, 0, len(item), _ROOT, "")))


@lru_cache(maxsize=_REMEMBERED)
def lint_for(item: bytes, declared: str) -> tuple[Finding, ...]:
    """What the character set of a station, its terms separated by backslashes, cannot show of an item."""
    known = charsets.read(declared)
    texts = ((path, text) for path, vr, text in _texts(item, 0, len(item), "") if vr in _TEXT)
    lacking = dict.fromkeys(path for path, text in texts if known.lacks(text))
    return tuple(_finding(NOT_IN_CHARACTER_SET, path, declared) for path in lacking)


def _elements(data: bytes, position: int, end: int) -> Iterator[tuple[int, str, int, int]]:
    """Tag, VR, and where the value begins and ends."""
    while position < end:
        group, element, vr, length = _header(data, position)
        value = position + 8
        if vr in _LONG:
            (length,) = _length(data, value)
            value += 4
        yield group << 16 | element, vr.decode("latin-1"), value, value + length
        position = value + length


def _items(data: bytes, position: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the items of a sequence begin and end."""
    while position < end:
        (length,) = _length(data, position + 4)
        yield position + 8, position + 8 + length
        position += 8 + length


def _texts(data: bytes, position: int, end: int, path: str) -> Iterator[tuple[str, str, str]]:
    """Path, VR and text of every element that is no sequence."""
    for tag, vr, start, after in _elements(data, position, end):
        name = f"{path}{keyword_for_tag(tag) or f'{tag:08X}'}"
        if vr == "SQ":
            for first, last in _items(data, start, after):
                yield from _texts(data, first, last, f"{name}.")
        else:
            yield name, vr, data[start:after].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Table:
    """The keys of a data set or of the items of a sequence, and what it must have: attributes of type 1, descriptions or the codes
    that stand for them, a code."""

    keys: Mapping[int, Key]
    below: "Mapping[int, _Table]"
    always: tuple[str, ...]
    described: tuple[tuple[str, str], ...]
    is_code: bool


def _table(of: Mapping[int, Key]) -> _Table:
    known = {key.keyword for key in of.values()}
    return _Table(
        of,
        {tag: _table(key.by_tag) for tag, key in of.items() if key.vr == "SQ"},
        tuple(key.keyword for key in of.values() if key.returned == "1"),
        tuple(pair for pair in _DESCRIBED if pair[0] in known),
        set(_CODE_VALUES) <= known,
    )


_ROOT: Final = _table(keys.ROOT)
_UNKNOWN: Final = _table({})


def _level(data: bytes, position: int, end: int, table: _Table, path: str) -> Iterator[Finding]:
    """A data set, or an item of a sequence whose keys are `table`."""
    present: set[str] = set()
    for tag, vr, start, after in _elements(data, position, end):
        key = table.keys.get(tag)
        name = key.keyword if key is not None else keyword_for_tag(tag) or f"{tag:08X}"
        if start == after:
            continue
        if vr == "SQ":
            present.add(name)
            for first, last in _items(data, start, after):
                yield from _level(data, first, last, table.below.get(tag, _UNKNOWN), f"{path}{name}.")
            continue
        raw = data[start:after]
        if raw.strip(b" \0"):
            present.add(name)
        clean = _CLEAN.get(vr)
        if clean is None or clean(raw) is None or name in _TERMS:
            yield from _value(key, name, vr, raw, path + name)
    yield from _missing(table, present, path)


def _missing(table: _Table, present: set[str], path: str) -> Iterator[Finding]:
    for keyword in table.always:
        if keyword not in present:
            yield _finding("MISSING_IDENTIFIER" if keyword in _IDENTIFIERS else "MISSING_VALUE", path + keyword)
    for description, code in table.described:
        if description not in present and code not in present:
            yield _finding("NO_DESCRIPTION", path + description)
    if table.is_code:
        if present.isdisjoint(_CODE_VALUES):
            yield _finding("EMPTY_CODE", path + _CODE_VALUES[0], "there is no code")
        elif "CodingSchemeDesignator" not in present and "URNCodeValue" not in present:
            yield _finding("EMPTY_CODE", f"{path}CodingSchemeDesignator", "there is no coding scheme")


def _value(key: Key | None, name: str, vr: str, raw: bytes, path: str) -> Iterator[Finding]:
    """An element that needs a second look."""
    if vr in ("US", "UN"):
        yield from _binary(key, name, vr, raw, path)
        return
    text = raw.decode("utf-8", "replace")
    parts = [text] if vr in values.ONE_VALUE else text.split("\\")
    if len(parts) > 1 and key is not None and key.vm == "1":
        yield _finding("SEVERAL_VALUES", path, str(len(parts)))
    for part in parts:
        value = values.strip(part, vr)
        if value:
            yield from _text(name, vr, value, path)


def _binary(key: Key | None, name: str, vr: str, raw: bytes, path: str) -> Iterator[Finding]:
    if vr == "UN" and key is not None and key.vr != "UN":
        yield _finding("TOO_LONG", path, f"{len(raw)} bytes long, too many for its VR {key.vr}")
    elif vr == "US" and name in _TERMS and len(raw) == 2 and str(int.from_bytes(raw, "little")) not in _TERMS[name]:
        yield _finding("UNKNOWN_TERM", path, str(int.from_bytes(raw, "little")))


def _text(name: str, vr: str, value: str, path: str) -> Iterator[Finding]:
    """One value, without its padding."""
    allowed = "\t\n\f\r" if vr in values.ONE_VALUE else ""
    control = next((char for char in value if (char < " " or char == "\x7f") and char not in allowed), "")
    if control:
        yield _finding("CONTROL_CHARACTER", path, f"{ord(control):02X}H")
    longest = max(map(len, value.split("="))) if vr == "PN" else len(value)
    if longest > _LONGEST.get(vr, longest):
        yield _finding("TOO_LONG", path, f"{longest} characters long where {vr} holds {_LONGEST[vr]}")
    elif vr in _FORMS:
        yield from _FORMS[vr](value, path)
    if name in _TERMS and value not in _TERMS[name]:
        yield _finding("UNKNOWN_TERM", path, repr(value))


def _uid(value: str, path: str) -> Iterator[Finding]:
    problem = uids.problem_with(value)
    if problem:
        yield _finding("MALFORMED_UID", path, problem)


def _date(value: str, path: str) -> Iterator[Finding]:
    if not _is_day(value):
        yield _finding("IMPOSSIBLE_DATE", path, repr(value))


@lru_cache(maxsize=_REMEMBERED)
def _is_day(value: str) -> bool:
    try:
        date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return False
    return len(value) == 8 and value.isascii() and value.isdigit()


def _time(value: str, path: str) -> Iterator[Finding]:
    if values.time_text(value) is None or ":" in value:
        yield _finding("IMPOSSIBLE_TIME", path, repr(value))


def _name(value: str, path: str) -> Iterator[Finding]:
    groups = value.split("=")
    if len(groups) > 3:
        yield _finding("BAD_NAME", path, f"{len(groups)} groups, where three are allowed")
    components = max(group.count("^") for group in groups) + 1
    if components > 5:
        yield _finding("BAD_NAME", path, f"{components} components in a group, where five are allowed")


def _by_pattern(code: str, vr: str) -> Callable[[str, str], Iterator[Finding]]:
    """What does not fit the expression of its VR."""

    def check(value: str, path: str) -> Iterator[Finding]:
        if _CLEAN[vr](value.encode()) is None:
            yield _finding(code, path, repr(value))

    return check


_FORMS: Final[Mapping[str, Callable[[str, str], Iterator[Finding]]]] = {
    "AS": _by_pattern("NO_NUMBER", "AS"),
    "CS": _by_pattern("BAD_CODE_STRING", "CS"),
    "DA": _date,
    "DS": _by_pattern("NO_NUMBER", "DS"),
    "IS": _by_pattern("NO_NUMBER", "IS"),
    "PN": _name,
    "TM": _time,
    "UI": _uid,
}
"""What a value of a VR looks like, beyond its length."""
