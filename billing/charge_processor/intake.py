"""What the charge processor takes and what it says to the rest: DFT^P03 in, MSA-1 AA, AE or AR out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise

import hl7

from billing.character_sets import CODECS, declared
from billing.charge_processor.ledger import Posting, ReceivedMessage
from billing.hl7 import escape, timestamp
from billing.hl7_answers import field

VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
MOST = 10**10
"""Of a quantity or an amount: sums of what is booked are whole hundredths in 64 bits."""
TRANSACTION_TYPES = ("CG", "CD")
MAX_TEXT = 80
_HEADER = re.compile(rb"MSH[^\r\n\w]")


@dataclass(frozen=True, slots=True)
class Header:
    """What an acknowledgement repeats of the message it answers; all empty when the message has no readable MSH."""

    control_id: str = ""
    sending_application: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    event: str = ""
    version: str = "2.3.1"


class RejectedError(Exception):
    """The message is not booked: MSA-1 (AE or AR) and MSA-3."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def read_header(data: bytes) -> Header:
    """The header of any block of bytes, as far as it can be read."""
    if not _HEADER.match(data):
        return Header()
    try:
        msh = hl7.parse(data.split(b"\r")[0].decode("utf-8", "replace")).segment("MSH")
    except (hl7.HL7Exception, KeyError, IndexError, ValueError, AssertionError):
        return Header()
    return Header(
        control_id=field(msh, 10),
        sending_application=field(msh, 3),
        sending_facility=field(msh, 4),
        receiving_application=field(msh, 5),
        receiving_facility=field(msh, 6),
        event=field(msh, 9, 2),
        version=field(msh, 12) or "2.3.1",
    )


def read_message(data: bytes) -> ReceivedMessage:
    """The message as it can be booked; RejectedError with AR for what is not taken here, with AE for what is wrong in it."""
    message = _parse(data)
    control_id = _check_header(message.segment("MSH"))
    names = [str(segment[0]) for segment in message]
    for name in ("EVN", "PID", "FT1"):
        if name not in names:
            raise RejectedError("AE", f"Segment {name} is missing.")
    _check_order(names)
    pid = message.segment("PID")
    for number, meaning in ((3, "patient identifier"), (5, "patient name")):
        if not field(pid, number):
            raise RejectedError("AE", f"PID-{number} ({meaning}) is empty.")
    return ReceivedMessage(
        control_id=control_id,
        patient_id=field(pid, 3, 1),
        patient_name=field(pid, 5),
        account=field(pid, 18, 1),
        text=str(message),
        postings=tuple(_posting(segment) for segment in message.segments("FT1")),
    )


def acknowledge(header: Header, code: str, text: str, sent_at: datetime, own_id: str) -> bytes:
    """The ACK in UTF-8: MSH with the parties exchanged, and MSA."""
    parties = (header.receiving_application, header.receiving_facility, header.sending_application, header.sending_facility)
    msh = ["MSH", "^~\\&", *map(escape, parties), timestamp(sent_at), "", f"ACK^{escape(header.event)}".rstrip("^"), own_id, "P"]
    msh += [escape(header.version), "", "", "", "", "", "UNICODE UTF-8"]
    msa = ["MSA", code, escape(header.control_id), escape(text[:MAX_TEXT])]
    return f"{'|'.join(msh)}\r{'|'.join(msa)}\r".encode()


def _parse(data: bytes) -> hl7.Message:
    if not _HEADER.match(data):
        raise RejectedError("AR", "Not an HL7 message: it does not begin with MSH.")
    character_set = declared(data)
    try:
        if character_set not in CODECS:
            raise RejectedError("AE", f"Character set {character_set[:30]!r} in MSH-18 is not known here.")
        return hl7.parse(data.decode(CODECS[character_set]))
    except UnicodeDecodeError as error:
        raise RejectedError("AE", f"The bytes are not {character_set or 'UTF-8'} as MSH-18 says.") from error
    except (hl7.HL7Exception, KeyError, IndexError, ValueError, AssertionError) as error:
        raise RejectedError("AR", "Not an HL7 message: its segments cannot be told apart.") from error


def _check_header(msh: hl7.Segment) -> str:
    kind, event, version, control_id = field(msh, 9, 1), field(msh, 9, 2), field(msh, 12, 1), field(msh, 10)
    if (kind, event) != ("DFT", "P03"):
        raise RejectedError("AR", f"Message type {kind[:10]}^{event[:10]} is not taken here; DFT^P03 is.")
    if version not in VERSIONS:
        raise RejectedError("AR", f"Version {version[:10]!r} in MSH-12 is not one of {', '.join(VERSIONS)}.")
    if not control_id:
        raise RejectedError("AE", "MSH-10 (message control ID) is empty.")
    return control_id


def _check_order(names: Sequence[str]) -> None:
    """PID stands before the first FT1, and a PR1 follows the FT1 it belongs to, other PR1 or ROL."""
    if names.index("PID") > names.index("FT1"):
        raise RejectedError("AE", "PID must stand before FT1.")
    for before, name in pairwise(names):
        if name == "PR1" and before not in ("FT1", "PR1", "ROL"):
            raise RejectedError("AE", f"PR1 follows {before[:3]}; it must follow the FT1 it belongs to.")


def _posting(segment: hl7.Segment) -> Posting:
    where = f"FT1 {field(segment, 1) or '?'}"[:10]
    kind, code = field(segment, 6), field(segment, 7, 1)
    if not field(segment, 4):
        raise RejectedError("AE", f"{where}: FT1-4 (transaction date) is empty.")
    if kind not in TRANSACTION_TYPES:
        raise RejectedError("AE", f"{where}: transaction type {kind[:5]!r} in FT1-6 is not one of {', '.join(TRANSACTION_TYPES)}.")
    if not code:
        raise RejectedError("AE", f"{where}: FT1-7 (transaction code) is empty.")
    amount = field(segment, 11, 1).split("&")[0]
    return Posting(
        transaction_id=field(segment, 2),
        kind=kind,
        code=code,
        scheme=field(segment, 7, 3),
        meaning=field(segment, 8) or field(segment, 7, 2),
        modifiers=tuple(str(modifier) for modifier in segment[26] if str(modifier)) if len(segment) > 26 else (),
        quantity=_decimal(field(segment, 10) or "1", f"{where}: quantity in FT1-10"),
        amount=_decimal(amount, f"{where}: amount in FT1-11") if amount else None,
        service_at=field(segment, 4),
        accession=field(segment, 23, 1),
    )


def _decimal(text: str, where: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise RejectedError("AE", f"{where} is not a number: {text[:20]!r}.") from None
    if not number.is_finite():
        raise RejectedError("AE", f"{where} is not a finite number.")
    if abs(number) >= MOST:
        raise RejectedError("AE", f"{where} is {text[:20]}; {MOST:,} and more are not booked.")
    return number
