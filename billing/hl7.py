"""The detailed financial transaction of one charge: HL7 v2.3.1 DFT^P03. What comes back is read by `hl7_answers`.

Pure text: no database, no network, no clock. Values go in as Python and DICOM hold them (aware datetimes, DICOM PN) and are
escaped here, so no name or code can break a message.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import hl7

from billing.currency import CURRENCY

VERSION = "2.3.1"
CHARACTER_SET = "UNICODE UTF-8"  # HL7 table 0211
CHARGE = "CG"  # HL7 table 0017
CREDIT = "CD"
MAX_CONTROL_ID = 20  # MSH-10
MAX_TRANSACTION_ID = 12  # FT1-2
MAX_LINES = 99
_DELIMITERS = r"^~\&"
_CONTAINER = hl7.Message("\r")


@dataclass(frozen=True, slots=True)
class Party:
    """MSH-3/4 or MSH-5/6: an application at a facility."""

    application: str
    facility: str


@dataclass(frozen=True, slots=True)
class Person:
    """XCN: `name` is a DICOM PN, its alphabetic group is used."""

    name: str
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """PID. `name` is a DICOM PN with up to three groups; `sex` DICOM's M, F, O or empty; `account` the account charged."""

    patient_id: str
    issuer: str
    name: str
    birth_date: date | None = None
    sex: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """PV1. `patient_class` by HL7 table 0004; empty is sent as O, an outpatient."""

    patient_class: str = ""
    location: str = ""
    number: str = ""
    attending: Person | None = None
    referring: Person | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One FT1, with its PR1 when it is a procedure. `unit_amount` None leaves the pricing to the receiver.

    FT1-10 is a mere number in v2.3.1: the unit stands with the description.
    """

    code: str
    scheme: str
    meaning: str
    quantity: Decimal = Decimal(1)
    modifiers: tuple[str, ...] = ()
    unit_amount: Decimal | None = None
    is_procedure: bool = True
    unit: str = ""

    @property
    def description(self) -> str:
        return f"{self.meaning} ({self.unit})".strip() if self.unit else self.meaning


@dataclass(frozen=True, slots=True)
class ChargeMessage:
    """Everything a DFT^P03 says. Datetimes are aware and in the hospital's zone; `sent_at` is the same on every retry."""

    control_id: str
    kind: str
    sent_at: datetime
    service_at: datetime
    sender: Party
    receiver: Party
    patient: Patient
    visit: Visit
    lines: tuple[Line, ...]
    accession_number: str = ""
    filler_order_number: str = ""
    station: str = ""
    station_name: str = ""
    performed_by: tuple[Person, ...] = ()
    ordered_by: Person | None = None
    currency: str = CURRENCY


def build(message: ChargeMessage) -> str:
    """The DFT^P03 (MSH EVN PID PV1, then FT1 and, of a procedure, PR1), segments ended by CR; ValueError for what cannot be a message."""
    _check(message)
    segments = [_msh(message), _evn(message), _pid(message.patient), _pv1(message.visit)]
    for number, line in enumerate(message.lines, start=1):
        segments += [_ft1(message, number, line), *([_pr1(message, number, line)] if line.is_procedure else [])]
    return str(_CONTAINER.create_message(segments))


def transaction_id(control_id: str, line_number: int) -> str:
    """FT1-2 of a line: the control ID and the line, at most 12 characters and the same on every retry."""
    return f"{control_id}-{line_number:02d}"


def escape(text: str) -> str:
    """Text as it may stand inside a field: delimiters by the library's escapes, control characters as spaces, the rest as it is."""
    return "".join(_escape_character(character) for character in text)


def person_name(name: str) -> str:
    """A DICOM PN (PS3.5 6.2.1.2) as XPN: a repetition per component group, with the name representation code A, I or P."""
    groups = zip(name.split("=")[:3], "AIP", strict=False)
    return "~".join(_composite(*_name_parts(group), "", "L", code) for group, code in groups if group.strip("^ "))


def timestamp(moment: datetime) -> str:
    """TS to the second with the offset from UTC."""
    if moment.tzinfo is None:
        raise ValueError("A naive datetime has no place in a message: its offset from UTC is unknown.")
    return moment.strftime("%Y%m%d%H%M%S%z")


def _check(message: ChargeMessage) -> None:
    if not 1 <= len(message.control_id) <= MAX_CONTROL_ID:
        raise ValueError(f"Control ID {message.control_id!r} must have 1 to {MAX_CONTROL_ID} characters (MSH-10).")
    if message.kind not in (CHARGE, CREDIT):
        raise ValueError(f"Transaction type {message.kind!r} must be {CHARGE} or {CREDIT} (HL7 table 0017).")
    if not 1 <= len(message.lines) <= MAX_LINES:
        raise ValueError(f"A charge message has 1 to {MAX_LINES} lines, this one {len(message.lines)}.")
    if len(transaction_id(message.control_id, len(message.lines))) > MAX_TRANSACTION_ID:
        raise ValueError(f"Control ID {message.control_id!r} leaves no room for a line number in FT1-2 ({MAX_TRANSACTION_ID} characters).")
    if not all(line.code.strip() for line in message.lines):
        raise ValueError("A line without a code cannot be charged (FT1-7 is required).")


def _escape_character(character: str) -> str:
    if unicodedata.category(character) == "Cc":
        return " "
    return character if ord(character) > 0x7E else str(_CONTAINER.escape(character))


def _composite(*parts: str) -> str:
    return "^".join(escape(part.strip()) for part in parts).rstrip("^")


def _name_parts(group: str) -> tuple[str, str, str, str, str]:
    """Family, given, middle, suffix, prefix: XPN's order, where PN has prefix before suffix."""
    family, given, middle, prefix, suffix = ([*group.split("^"), "", "", "", "", ""])[:5]
    return family, given, middle, suffix, prefix


def _person(person: Person | None) -> str:
    if person is None:
        return ""
    return _composite(person.identifier, *_name_parts(person.name.split("=")[0]))


def _persons(persons: Sequence[Person]) -> str:
    return "~".join(text for text in map(_person, persons) if text)


def _segment(name: str, fields: Mapping[int, str]) -> hl7.Segment:
    """A segment of already encoded fields; empty ones are left out at the end and empty in between."""
    segment = _CONTAINER.create_segment([_CONTAINER.create_field([name])])
    for number, text in fields.items():
        if text:
            segment.assign_field(text, number)
    return segment


def _msh(message: ChargeMessage) -> hl7.Segment:
    return _segment(
        "MSH",
        {
            1: "|",
            2: _DELIMITERS,
            3: escape(message.sender.application),
            4: escape(message.sender.facility),
            5: escape(message.receiver.application),
            6: escape(message.receiver.facility),
            7: timestamp(message.sent_at),
            9: "DFT^P03",
            10: escape(message.control_id),
            11: "P",
            12: VERSION,
            18: CHARACTER_SET,
        },
    )


def _evn(message: ChargeMessage) -> hl7.Segment:
    return _segment("EVN", {1: "P03", 2: timestamp(message.sent_at)})


def _pid(patient: Patient) -> hl7.Segment:
    return _segment(
        "PID",
        {
            1: "1",
            3: _composite(patient.patient_id, "", "", patient.issuer, "PI"),
            5: person_name(patient.name),
            7: patient.birth_date.isoformat().replace("-", "") if patient.birth_date else "",
            8: escape(patient.sex) or "U",
            18: _composite(patient.account),
        },
    )


def _pv1(visit: Visit) -> hl7.Segment:
    return _segment(
        "PV1",
        {
            1: "1",
            2: escape(visit.patient_class) or "O",
            3: _composite(visit.location),
            7: _person(visit.attending),
            8: _person(visit.referring),
            19: _composite(visit.number),
        },
    )


def _ft1(message: ChargeMessage, number: int, line: Line) -> hl7.Segment:
    code = _composite(line.code, line.meaning, line.scheme)
    return _segment(
        "FT1",
        {
            1: str(number),
            2: escape(transaction_id(message.control_id, number)),
            4: timestamp(message.service_at),
            5: timestamp(message.sent_at),
            6: message.kind,
            7: code,
            8: escape(line.description),
            10: f"{line.quantity.normalize():f}",
            11: _money(line.quantity * line.unit_amount, message.currency) if line.unit_amount is not None else "",
            12: _money(line.unit_amount, message.currency) if line.unit_amount is not None else "",
            13: _composite(message.station, message.station_name),
            20: _persons(message.performed_by),
            21: _person(message.ordered_by),
            23: _composite(message.filler_order_number or message.accession_number, message.sender.application),
            25: code if line.is_procedure else "",
            26: "~".join(escape(modifier) for modifier in line.modifiers),
        },
    )


def _pr1(message: ChargeMessage, number: int, line: Line) -> hl7.Segment:
    return _segment(
        "PR1",
        {
            1: str(number),
            3: _composite(line.code, line.meaning, line.scheme),
            4: escape(line.meaning),
            5: timestamp(message.service_at),
            6: "D",  # HL7 table 0230: diagnostic procedure
            16: "~".join(escape(modifier) for modifier in line.modifiers),
        },
    )


def _money(amount: Decimal, currency: str) -> str:
    """CP, of which only the price (MO: quantity and denomination) is sent."""
    return f"{amount:.2f}&{escape(currency)}"
