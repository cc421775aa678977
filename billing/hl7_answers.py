"""What comes in as HL7 v2: the acknowledgement of a charge, and the fields of a message whoever wrote it."""

import re
from dataclasses import dataclass

import hl7

from billing.character_sets import decoded_anyhow
from billing.errors import Garbled, Refused

ACCEPTED = ("AA", "CA")
REFUSED = ("AE", "AR", "CE", "CR")


@dataclass(frozen=True, slots=True)
class Ack:
    """An accepting acknowledgement: MSA-1 (AA or CA; empty from a receiver that does not speak HL7) and MSA-3."""

    code: str
    text: str


def read_ack(data: bytes, control_id: str) -> Ack:
    """The acknowledgement of `control_id`; Refused for AE, AR, CE and CR, Garbled for everything that is not its ACK.

    A letter that is not in the character set that it declares makes no acceptance undone.
    """
    try:
        parsed = hl7.parse(_ended_by_cr(decoded_anyhow(data)))
        msa = parsed.segment("MSA")
    except (hl7.HL7Exception, KeyError, IndexError, ValueError, AssertionError) as error:
        raise Garbled(f"The answer is not an HL7 acknowledgement: {preview(data)}") from error
    code, answered = field(msa, 1), field(msa, 2)
    if answered != control_id:
        raise Garbled(f"The answer acknowledges {answered or 'nothing'}, not {control_id}.")
    text = field(msa, 3) or " ".join(field(segment, 1) for segment in parsed if str(segment[0]) == "ERR").strip()
    if code in REFUSED:
        raise Refused(code, text)
    if code not in ACCEPTED:
        raise Garbled(f"The answer's acknowledgement code is {code!r}, which HL7 table 0008 does not know.")
    return Ack(code, text)


def _ended_by_cr(text: str) -> str:
    """Some receivers end segments by LF or CR LF, or begin with a byte order mark: what they say is no less clear."""
    return text.removeprefix("\ufeff").replace("\r\n", "\r").replace("\n", "\r")


def field(segment: hl7.Segment, number: int, component: int = 0) -> str:
    """Field `number` (HL7 counts from 1) of a parsed segment, first repetition, unescaped; empty when absent.

    `component` 0 is the whole field, delimiters included.
    """
    if number >= len(segment):
        return ""
    text = str(segment[number]).split(segment.separators[2])[0]
    if component:
        parts = text.split(segment.separators[3])
        text = parts[component - 1] if component <= len(parts) else ""
    return unescape(text, segment)


def unescape(text: str, container: hl7.Container) -> str:
    """Delimiters by the escapes of HL7 v2.3.1 2.9.1; other escape sequences stay as they are.

    Not the library's: it expands a repetition count of any size (`\\.sp999999999\\`), and this reads what a stranger sent.
    """
    characters = dict(zip("FRSTE", [*container.separators[1:5], container.esc], strict=True))
    pattern = f"{re.escape(container.esc)}([FRSTE]){re.escape(container.esc)}"
    return re.sub(pattern, lambda match: characters[match[1]], text)


def preview(data: bytes) -> str:
    """The first bytes of what was received, printable, for an error text."""
    return repr(data[:60].decode("ascii", "replace")) + ("…" if len(data) > 60 else "")
