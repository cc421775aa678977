"""The worklist's part of the conformance statement (PS3.2), written from the tables that the code goes by.

`manage.py conformance` puts it into docs/conformance.md between two marks; a test fails when what stands there is something else.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dimse import services, statuses
from dimse.repertoires import TERMS
from ris.markdown import put_between, table
from worklist import keys
from worklist.keys import Key, Kind, Row
from worklist.matching import SERVED

FILE: Final = Path(__file__).resolve().parent.parent / "docs" / "conformance.md"
BEGIN: Final = "<!-- written by manage.py conformance: change the tables it is made of instead -->"
END: Final = "<!-- end of what manage.py conformance writes -->"

_STEP: Final = keys.STEP_SEQUENCE.keyword
_MACROS: Final = "Table 8"  # of PS3.3 and PS3.4: code macros, shown once and not wherever a code stands
_STATUSES: Final[dict[int, str]] = {
    statuses.PENDING: "an answer; every key that was asked is supported",
    statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED: "an answer; a key that was asked is not supported, filtered nothing and is left out",
    statuses.SUCCESS: "all answers were sent, or as many as the station is set to",
    statuses.CANCELED: "ended by C-CANCEL",
    statuses.OUT_OF_RESOURCES: "as many answers were sent as the station is set to, there are more, and it is set to be told so",
    statuses.OUT_OF_RESOURCES: "more exams match than the station may get, and the station is set to be refused then",
    statuses.IDENTIFIER_DOES_NOT_MATCH: "no identifier, or a key that is no date or time, named in Offending Element; several items of "
    "ScheduledProcedureStepSequence from a station that is set so",
    statuses.UNDECODABLE_IDENTIFIER: "an identifier that cannot be decoded",
    statuses.HANDLER_FAILED: "a fault of this system, with its place in the log",
}


def text() -> str:
    """Markdown, without the marks."""
    return "\n".join([*_service(), *_statuses(), *_character_sets(), *_keys(), *_macros(), *_identifier(), *_not_supported()])


def put_into(document: str) -> str:
    """The document with the text of today between its marks; NoPlace when it has none."""
    return put_between(document, BEGIN, END, text())


def _service() -> Iterator[str]:
    yield from table(
        "Modality Worklist",
        "",
        lines=[
            ("SOP class", f"{services.MODALITY_WORKLIST}, SCP, C-FIND"),
            ("an answer", "one scheduled procedure step; answers come in order of their start"),
            ("shown unless ScheduledProcedureStepStatus asks for others, or the station is set otherwise", ", ".join(SERVED)),
            (
                "answers hold",
                "what was asked and nothing else, SpecificCharacterSet where it is needed, and the references to HL7 documents",
            ),
        ],
    )


def _statuses() -> Iterator[str]:
    yield "### Statuses of C-FIND\n"
    yield from table("status", "when", lines=((f"{status:04X}H", when) for status, when in _STATUSES.items()))


def _character_sets() -> Iterator[str]:
    yield "### Character sets\n"
    yield "Understood in queries, and set for a station to be answered in:\n"
    yield from table("term", "text", lines=((term.name, term.words) for term in TERMS.values()))


def _keys() -> Iterator[str]:
    yield "### Keys\n"
    yield (
        "Match: R a required matching key of PS3.4 Table K.6-1, O an optional one that is matched, - a return key only. Universal\n"
        "matching (an empty key, and `*` alone in text) always is, and is not repeated. Return: 1 with a value, 2 and 3 present and\n"
        "empty when not known, 1C and 2C present only when there is a value. Kept: *here*, set by staff or made by the RIS, or\n"
        "*as received*, for what only an imported item has. PregnancyStatus 0, which nobody has and some clients write for an empty key,\n"
        "is taken for one and noted.\n"
    )
    served = [row for row in keys.rows() if row.is_key and _MACROS not in row.source]
    shown = sorted(served, key=lambda row: not row.path.startswith(_STEP))
    for section in dict.fromkeys(row.section for row in shown):
        yield f"#### {section}\n"
        yield from table(
            "attribute",
            "tag",
            "VR",
            "VM",
            "match",
            "kinds",
            "return",
            "kept",
            lines=(_line(row) for row in shown if row.section == section),
        )


def _line(row: Row) -> tuple[str, ...]:
    key, above = _key(row.path), row.path.count(".")
    macro = next((f", items: code of {child.cites}" for child in key.children if _MACROS in child.cites), "")
    kept = "" if above and row.parent != _STEP else "here" if key.source or row.path == _STEP else "as received"
    name = f"{'> ' * above}{row.keyword}{macro}"
    return name, _tag(row), key.vr, key.vm, key.matching, _kinds(key), _returned(row), kept


def _tag(row: Row) -> str:
    return f"({row.tag[:4]},{row.tag[4:]})"


def _returned(row: Row) -> str:
    condition = f", when {row.condition}" if row.condition and row.returned.endswith("C") else ""
    return f"{_key(row.path).returned}{condition}"


def _kinds(key: Key) -> str:
    return ", ".join(kind for kind in key.kinds if kind is not Kind.UNIVERSAL) or "-"


def _key(path: str) -> Key:
    """The key that the code goes by, at the end of the path."""
    table = keys.ROOT
    for keyword in path.split("."):
        key = table[Key(keyword).tag]
        table = key.by_tag
    return key


def _macros() -> Iterator[str]:
    """Code macros as they are used: matched, or returned only where nothing of their sequence is matched."""
    first: dict[tuple[str, bool], list[Row]] = {}
    for row in keys.rows():
        if _MACROS in row.source:
            members = first.setdefault((row.source, _key(row.path).matching == "-"), [row])
            if members[0].parent == row.parent and row not in members:
                members.append(row)
    yield "### Code macros\n"
    for (source, only_returned), members in sorted(first.items()):
        yield f"#### {source}{', returned only' if only_returned else ''}\n"
        lines = ((row.keyword, _tag(row), row.vr, _kinds(_key(row.path)), _returned(row)) for row in members)
        yield from table("attribute", "tag", "VR", "kinds", "return", lines=lines)


def _not_supported() -> Iterator[str]:
    yield "### Not supported\n"
    yield (
        "Asked for, these filter nothing, are left out, and make every answer FF01H: private attributes, attributes at a level where\n"
        "they do not belong, and those of the open rows of Table K.6-1 that are not listed above. Group lengths and QueryRetrieveLevel\n"
        "are passed over in silence.\n"
    )
    others = [row for row in keys.rows() if row.keyword == keys.ANY]
    yield from table("all other attributes of", lines=dict.fromkeys((row.parent.replace(".", " > ") or row.section,) for row in others))


def _identifier() -> Iterator[str]:
    """What is no key but says how to read the others."""
    yield "### Not matched\n"
    lines = [(row.keyword, _tag(row), row.vr, row.returned) for row in keys.rows() if not row.is_key and row.keyword != keys.ANY]
    yield from table("attribute", "tag", "VR", "return", lines=lines)
