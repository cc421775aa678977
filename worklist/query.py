"""A C-FIND identifier, read: which keys are asked, with what, and how each is matched (PS3.4 C.2.2.2, K.4.1.1)."""

from dataclasses import dataclass, field, replace
from datetime import timezone
from functools import cached_property

from pydicom import Dataset
from pydicom.datadict import keyword_for_tag

from ris.titles import of_one_list
from worklist import keys, values, zones
from worklist.keys import Key, Kind
from worklist.scope import EVERYTHING, Scope
from worklist.zones import View

STATION, STATUS = "ScheduledStationAETitle", "ScheduledProcedureStepStatus"
_WILDCARDS = ("*", "?")
_MEANT_AS_EMPTY = {"PregnancyStatus": ("0",)}
"""Values that an attribute cannot have, and that clients write who have no empty number."""


class BadKey(Exception):
    """The value asked for cannot be understood for its attribute. `tag` is the attribute, the text says what is wrong."""

    def __init__(self, key: Key, value: str, expected: str) -> None:
        self.tag = key.tag
        super().__init__(f"{key.keyword} {value[:24]!r} is no {expected}")


@dataclass(frozen=True)
class Asked:
    """One key of a query. No `values` asks for everything; several ask for any of them.

    A sequence has `children` instead; `whole` asks for all of its items, as a sequence without item or with an empty one does. `also` are
    values that match beside those asked for: the aliases of a station that asks for its own list, and what a former AE title is now.
    """

    key: Key
    values: tuple[str, ...] = ()
    kind: Kind = Kind.UNIVERSAL
    children: "tuple[Asked, ...]" = ()
    whole: bool = False
    also: tuple[str, ...] = ()

    @cached_property
    def filters(self) -> bool:
        """Whether it excludes anything."""
        return self.kind is not Kind.UNIVERSAL


@dataclass(frozen=True)
class Query:
    """The keys asked at root level and in the step sequence, which is None when it was not asked for.

    `unsupported` names the asked attributes that are not supported: they make every answer FF01. `notes` say what was tolerated.
    `character_set` are the terms of SpecificCharacterSet that the identifier was written in, `offset` is its TimezoneOffsetFromUTC. `scope`
    is what the asking station is shown at all. `view` is the time zone that keys and answers are in, None for the hospital's, undeclared.
    """

    root: tuple[Asked, ...]
    sequence: Asked | None
    unsupported: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    character_set: tuple[str, ...] = ()
    offset: timezone | None = None
    scope: Scope = EVERYTHING
    view: View | None = None

    def under(self, scope: Scope) -> "Query":
        """The query as the station of the scope asks it: for its own list it asks for those of its aliases too, and who asks for a former
        AE title of a station asks for the list of the present one."""
        sequence, station = self.sequence, self.asked(STATION)
        also = _also(station.values, scope) if sequence and station else ()
        if sequence and also:
            children = tuple(replace(one, also=also) if one is station else one for one in sequence.children)
            sequence = replace(sequence, children=children)
        return replace(self, sequence=sequence, scope=scope)

    def seen_from(self, view: View | None) -> "Query":
        """The query in a time zone; its answers declare their offset."""
        return self if view is None else replace(self, view=view, root=(*self.root, Asked(zones.OFFSET)))

    def fuzzy(self) -> "Query":
        """The query with its person names matched by sound."""
        sequence = self.sequence
        if sequence is not None:
            sequence = replace(sequence, children=_fuzzy_names(sequence.children))
        return replace(self, root=_fuzzy_names(self.root), sequence=sequence)

    @property
    def narrowings(self) -> tuple[str, ...]:
        """In words, what the station's settings take from what is asked; for the journal, since the console is not told."""
        scope, station = self.scope, self.asked(STATION)
        if not scope.own_list_only or (station and {*station.values} <= {*scope.lists}):
            return ()
        what = f"the list of {', '.join(station.values)}" if station else "every station's list"
        return (f"{what} was asked for; {scope.station} is shown its own list only ({', '.join(scope.lists)})",)

    @property
    def step(self) -> tuple[Asked, ...]:
        """The keys asked of the step."""
        return self.sequence.children if self.sequence else ()

    def asked(self, keyword: str) -> Asked | None:
        """The key of this keyword when it is asked with a value, at the level where it belongs."""
        return next((one for one in (*self.step, *self.root) if one.key.keyword == keyword and one.filters), None)

    @cached_property
    def interval(self) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """First and last local (date, time) when both are ranges of the same form, which make one interval (PS3.4 K.6-1).

        Open ends are ("", "") and ("~", "~"), before and behind every date.
        """
        day, time = self.asked("ScheduledProcedureStepStartDate"), self.asked("ScheduledProcedureStepStartTime")
        if not (day and time and day.kind is time.kind is Kind.RANGE and len(day.values) == len(time.values) == 1):
            return None
        (first_day, last_day), (first_time, last_time) = (range_of(one.key, one.values[0]) for one in (day, time))
        if (bool(first_day), bool(last_day)) != (bool(first_time), bool(last_time)):
            return None
        return (first_day, first_time), ((last_day, last_time) if last_day else ("~", "~"))


def _also(titles: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
    """The AE titles that are asked for with these."""
    if not (scope.renamed or scope.aliases):
        return ()
    same = of_one_list(scope.renamed, titles) if scope.renamed else titles
    own = scope.aliases if scope.station in same else ()
    return tuple(dict.fromkeys(title for title in (*same, *own) if title not in titles))


def _fuzzy_names(asked: tuple[Asked, ...]) -> tuple[Asked, ...]:
    return tuple(replace(one, kind=Kind.FUZZY) if one.key.vr == "PN" and one.filters else one for one in asked)


@dataclass
class _Reading:
    unsupported: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parse(identifier: Dataset) -> Query:
    """Raises BadKey for a date or time that is none. Several step items: the first is used and noted."""
    reading = _Reading()
    root = _with_documents(_read(identifier, keys.ROOT, reading, ""))
    sequence = next((asked for asked in root if asked.key is keys.STEP_SEQUENCE), None)
    declared = values.texts(identifier.get(keys.CHARACTER_SET))
    return Query(
        root=tuple(asked for asked in root if asked.key is not keys.STEP_SEQUENCE),
        sequence=sequence,
        unsupported=tuple(reading.unsupported),
        offset=_offset(identifier, reading),
        notes=tuple(reading.notes),
        character_set=declared,
    )


def _offset(identifier: Dataset, reading: _Reading) -> timezone | None:
    given = values.texts(identifier.get(zones.OFFSET.tag))
    found = zones.offset_of(given[0]) if given else None
    if given and found is None:
        reading.notes.append(f"{zones.OFFSET.keyword} {given[0][:24]!r} is no offset (+HHMM or -HHMM); it is passed over")
    return found


_DOCUMENTS = keys.ROOT[Key("PertinentDocumentsSequence").tag]
_DOCUMENT_REFERENCES = keys.ROOT[Key("HL7StructuredDocumentReferenceSequence").tag]


def _with_documents(asked: tuple[Asked, ...]) -> tuple[Asked, ...]:
    """What refers to HL7 documents comes with the references that lead to them, asked or not (PS3.4 Table K.6-1a)."""
    found = {one.key for one in asked}
    if _DOCUMENTS not in found or _DOCUMENT_REFERENCES in found:
        return asked
    return (*asked, Asked(_DOCUMENT_REFERENCES, whole=True))


def _read(dataset: Dataset, table: dict[int, Key], reading: _Reading, path: str) -> tuple[Asked, ...]:
    asked: list[Asked] = []
    for tag in sorted(dataset.keys()):
        if keys.is_no_key(tag):
            continue
        key = table.get(tag)
        if key is None:
            reading.unsupported.append(f"{path}{keyword_for_tag(tag) or ''}({tag >> 16:04X},{tag & 0xFFFF:04X})")
        elif key.vr == "SQ":
            asked.append(_read_sequence(dataset, key, reading, path))
        else:
            asked.append(_classify(key, values.texts(dataset.get(tag)), reading, path))
    return tuple(asked)


def _read_sequence(dataset: Dataset, key: Key, reading: _Reading, path: str) -> Asked:
    found = values.items(dataset, key.tag)
    if len(found) > 1:
        reading.notes.append(f"{path}{key.keyword} has {len(found)} items; the first is used")
    children = _read(found[0], key.by_tag, reading, f"{path}{key.keyword}.") if found else ()
    matched = Kind.SEQUENCE in key.kinds and any(child.filters for child in children)
    kind = Kind.SEQUENCE if matched else Kind.UNIVERSAL
    return Asked(key, children=children, kind=kind, whole=not found or all(map(keys.is_no_key, found[0].keys())))


def _classify(key: Key, raw: tuple[str, ...], reading: _Reading, path: str) -> Asked:
    if key.vr == "CS":
        raw = tuple(text.upper() for text in raw)
    if any("\0" in text for text in raw):  # no value here has one: imports leave them out too
        reading.notes.append(f"{path}{key.keyword} has NUL characters within its value; they are left out")
        raw = tuple(text.replace("\0", "") for text in raw)
    if raw == _MEANT_AS_EMPTY.get(key.keyword):
        reading.notes.append(f"{path}{key.keyword} {raw[0]!r} is no value that it can have; it is taken for an empty key")
        return Asked(key)
    asked = tuple(text for text in raw if not _is_universal(key, text))
    if not asked or len(asked) < len(raw):
        return Asked(key)
    if Kind.SINGLE not in key.kinds:
        reading.notes.append(f"{path}{key.keyword} is a return key only (PS3.4 K.6-1); its value does not filter")
        return Asked(key)
    if key.vr in ("DA", "TM"):
        asked = tuple(_checked(key, text) for text in asked)
    if key.single_only and any(sign in text for text in asked for sign in _WILDCARDS):
        reading.notes.append(f"{path}{key.keyword} is matched as a single value only (PS3.4 K.6-1); its * and ? stand for themselves")
    if len(asked) > 1 and key.vr != "UI":
        reading.notes.append(f"{path}{key.keyword} has {len(asked)} values; any of them matches")
    return Asked(key, asked, _kind(key, asked))


def _is_universal(key: Key, text: str) -> bool:
    if Kind.RANGE in key.kinds:
        return text in ("*", "-")
    if key.vr == "PN":
        return not text.strip("^= ") or set(text) == {"*"}
    return key.has_wildcards and set(text) == {"*"}


def _kind(key: Key, asked: tuple[str, ...]) -> Kind:
    if Kind.WILDCARD in key.kinds and any(sign in text for text in asked for sign in _WILDCARDS):
        return Kind.WILDCARD
    if Kind.RANGE in key.kinds and any("-" in text for text in asked):
        return Kind.RANGE
    return Kind.UID_LIST if len(asked) > 1 and key.vr == "UI" else Kind.SINGLE


def _checked(key: Key, text: str) -> str:
    """A date, time or range in the form in which values are compared; BadKey when it is none."""
    read, expected = (
        (_date, "date (YYYYMMDD) or range of dates") if key.vr == "DA" else (values.time_text, "time (HHMMSS) or range of times")
    )
    ends = [part.strip() for part in text.split("-")]
    if len(ends) > 2:
        raise BadKey(key, text, expected)
    found = [read(end) if end else "" for end in ends]
    if any(end is None for end in found):
        raise BadKey(key, text, expected)
    return "-".join(end for end in found if end is not None)


def _date(text: str) -> str | None:
    """A DA value; of a date and time in one (DT) the date."""
    if len(text) > 10 and text[:14].isdigit() and values.time_text(text[8:].split("+")[0]) is not None:
        text = text[:8]
    found = values.date_text(text)
    return found if found is None or ("01" <= found[4:6] <= "12" and "01" <= found[6:] <= "31") else None


def range_of(key: Key, text: str) -> tuple[str, str]:
    """Both ends of a range, "" where it is open."""
    first, _, last = text.partition("-")
    return first, last
