"""What real modalities need of a worklist item: one table, read by the lint, the pages, the REST interface, docs/lint.md and the tests."""

from dataclasses import dataclass
from typing import Final

from dimse import statuses

NOT_IN_CHARACTER_SET: Final = "NOT_IN_CHARACTER_SET"
"""The rule that depends on the station; the answer is what shows it, so that the SCP reports it itself."""
ERROR, WARNING = "ERROR", "WARNING"
"""How bad it is: devices are known to drop or refuse the item; or they show, cut or sort the value wrongly."""


@dataclass(frozen=True)
class Rule:
    """`words` are said with the name of the attribute and, where there is more to say, `detail`; `advice` is what to do."""

    code: str
    checks: str
    paragraph: str
    words: str
    advice: str
    look: str = WARNING


RULES: Final = (
    Rule(
        "MISSING_IDENTIFIER",
        "Study Instance UID, Requested Procedure ID and Scheduled Procedure Step ID have a value",
        "PS3.4 Table K.6-1, type 1",
        "{name} has no value; some devices drop such an item, and MPPS cannot name it",
        "Give it one in the system that the item was imported from, and import it again.",
        ERROR,
    ),
    Rule(
        "MISSING_VALUE",
        "every other attribute of type 1 has a value, in items of sequences too (attributes of type 2 are always sent, empty when unknown)",
        "PS3.4 Table K.6-1, type 1",
        "{name} has no value, and it must have one",
        "Set it at the exam, the order or the patient.",
        ERROR,
    ),
    Rule(
        "NO_DESCRIPTION",
        "step and procedure have a description or a code",
        "PS3.4 Table K.6-1, type 1C",
        "{name} has no value, and there is no code either; the console shows a line without an exam",
        "Set a description or a code of the procedure.",
    ),
    Rule(
        "EMPTY_CODE",
        "a code has a value, and with it a coding scheme",
        "PS3.3 Table 8.8-1",
        "{name} is incomplete: {detail}",
        "Complete the code in the catalogue, or take it out of the order.",
    ),
    Rule(
        "MALFORMED_UID",
        "UIDs are numbers without leading zeros between single dots, at most 64 characters",
        "PS3.5 9.1",
        "{name} is no UID: {detail}",
        "Correct the system that made it; images with such a UID are refused by archives.",
        ERROR,
    ),
    Rule(
        "TOO_LONG",
        "values fit their VR: SH, AE and CS 16 characters, LO 64, PN 64 in each group, UI 64, DS 16, IS 12, ST 1024, LT 10240",
        "PS3.5 Table 6.2-1",
        "{name} is {detail}; devices cut such a value or refuse the item",
        "Shorten it.",
    ),
    Rule(
        "SEVERAL_VALUES",
        "an attribute of multiplicity 1 has one value",
        "PS3.6 6",
        "{name} has {detail} values and may have one; a backslash separates values",
        "Leave the backslash out.",
    ),
    Rule(
        "IMPOSSIBLE_DATE",
        "dates are days of a calendar, written YYYYMMDD",
        "PS3.5 Table 6.2-1, DA",
        "{name} {detail} is no day of any calendar",
        "Correct the date; devices show an empty one or refuse the item.",
        ERROR,
    ),
    Rule(
        "IMPOSSIBLE_TIME",
        "times are times of a day, written HHMMSS.FFFFFF",
        "PS3.5 Table 6.2-1, TM",
        "{name} {detail} is no time of any day",
        "Correct the time.",
        ERROR,
    ),
    Rule(
        "NO_NUMBER",
        "numbers in strings are numbers, ages are written 038Y, 007M, 003W or 012D",
        "PS3.5 Table 6.2-1, AS, DS, IS",
        "{name} {detail} is not written as its VR wants",
        "Correct the value.",
    ),
    Rule(
        "UNKNOWN_TERM",
        "values that the standard enumerates are among these: sex, pregnancy, smoking, neutered",
        "PS3.3 C.2.1.1, C.2.3, C.3.4",
        "{name} is {detail}, which the standard does not have",
        "Choose one of the values that the form offers.",
    ),
    Rule(
        "BAD_CODE_STRING",
        "code strings are capitals, digits, spaces and underscores",
        "PS3.5 Table 6.2-1, CS",
        "{name} {detail} has characters that a code string cannot have",
        "Write it with capitals, digits, spaces and underscores only.",
    ),
    Rule(
        "BAD_NAME",
        "person names have at most three groups, of at most five components each",
        "PS3.5 6.2.1",
        "{name} has {detail}",
        "Write it as FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX, groups separated by =.",
    ),
    Rule(
        "CONTROL_CHARACTER",
        "texts have no control characters (line ends and tabs in ST, LT and UT only)",
        "PS3.5 6.1.3",
        "{name} has the control character {detail}; consoles show a box or stop reading there",
        "Type the text again.",
    ),
    Rule(
        NOT_IN_CHARACTER_SET,
        "the station's character set has all characters of the answer",
        "PS3.3 C.12.1.1.2",
        "{name} has characters that {detail} lacks; the answer goes out in ISO_IR 192 (UTF-8) instead",
        "Choose another character set for the station if its console knows one, or make sure that it reads UTF-8.",
    ),
)
BY_CODE: Final = {rule.code: rule for rule in RULES}


@dataclass(frozen=True)
class QueryRule:
    """Of a finding about a query: `advice` is what to tell the vendor, or to do here; `status` that of the answer, where it was refused."""

    advice: str
    paragraph: str
    look: str = WARNING
    status: int | None = None


_FEWER: Final = "Let the console ask for fewer exams, such as one day's, or raise the answer limit of the station."
OF_QUERIES: Final = {
    "TOLERATED_IN_QUERY": QueryRule(
        "Tell the vendor: the identifier has to hold what the standard defines for the key, in its VR.",
        "PS3.4 K.4.1.1.2, PS3.5 Table 6.2-1",
    ),
    "ANSWERS_CUT": QueryRule(_FEWER, "PS3.4 Table K.4-1"),
    "QUERY_UNDECODABLE": QueryRule(
        "Tell the vendor: each element has an even length, fits what is around it, comes once and in the order of the tags, and is "
        "written in the transfer syntax that was agreed. The same query gets the same answer until that is mended.",
        "PS3.5 7.1, 7.5; PS3.4 Table K.4-1",
        ERROR,
        statuses.UNDECODABLE_IDENTIFIER,
    ),
    "QUERY_KEY_REFUSED": QueryRule(
        "Tell the vendor: the key has to be written as its VR wants, dates as YYYYMMDD and times as HHMMSS or ranges of these, and a "
        "sequence has one item.",
        "PS3.4 K.4.1.1, C.2.2.2; PS3.5 Table 6.2-1",
        ERROR,
        statuses.IDENTIFIER_DOES_NOT_MATCH,
    ),
    "QUERY_TOO_WIDE": QueryRule(_FEWER, "PS3.4 Table K.4-1", ERROR, statuses.OUT_OF_RESOURCES),
    "QUERY_FAILED": QueryRule(
        "The fault is here, not at the modality: look at the server’s log, then let it ask again.",
        "PS3.4 Table K.4-1",
        ERROR,
        statuses.HANDLER_FAILED,
    ),
    "QUERY_REFUSED": QueryRule("Tell the vendor: the command of the query is not as C-FIND wants it.", "PS3.7 9.1.2, 9.3.2", ERROR),
}
"""Advice and paragraph of what `worklist.findings.Code` has beside these rules."""


def markdown() -> str:
    """The table for docs/lint.md."""
    lines = ["| code | what is checked | paragraph | what is said | what to do |", "|---|---|---|---|---|"]
    lines += [f"| `{one.code}` | {one.checks} | {one.paragraph} | {one.words} | {one.advice} |" for one in RULES]
    return "\n".join(lines)
