"""Command sets of responses (PS3.7 9.3, 10.3): few, small, always Implicit VR Little Endian, and so written directly."""

import struct
from dataclasses import dataclass

from dimse.errors import error_comment

_NO_DATA_SET, _DATA_SET = 0x0101, 0x0001
RESPONSE = 0x8000  # the bit that makes a request's Command Field a response's

COMMAND_FIELDS = {
    "C-STORE": 0x0001,
    "C-GET": 0x0010,
    "C-FIND": 0x0020,
    "C-MOVE": 0x0021,
    "C-ECHO": 0x0030,
    "N-EVENT-REPORT": 0x0100,
    "N-GET": 0x0110,
    "N-SET": 0x0120,
    "N-ACTION": 0x0130,
    "N-CREATE": 0x0140,
    "N-DELETE": 0x0150,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a response says. `offending` is Offending Element for C services, Attribute Identifier List for N services."""

    verb: str
    message_id: int
    status: int
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    comment: str = ""
    error_id: int | None = None
    offending: tuple[int, ...] = ()


def encode_response(response: Response, with_data_set: bool) -> bytes:
    """The response's command set with its group length."""
    is_composite = response.verb.startswith("C-")
    offending = b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in response.offending)
    elements = [
        (0x0002, _text(response.sop_class_uid, b"\0")),
        (0x0100, struct.pack("<H", COMMAND_FIELDS[response.verb] | RESPONSE)),
        (0x0120, struct.pack("<H", response.message_id)),
        (0x0800, struct.pack("<H", _DATA_SET if with_data_set else _NO_DATA_SET)),
        (0x0900, struct.pack("<H", response.status)),
        (0x0901, offending if is_composite else b""),
        (0x0902, _text(error_comment(response.comment), b" ")),
        (0x0903, b"" if response.error_id is None or is_composite else struct.pack("<H", response.error_id)),
        (0x1000, b"" if is_composite else _text(response.sop_instance_uid, b"\0")),
        (0x1005, b"" if is_composite else offending),
    ]
    body = b"".join(_element(number, value) for number, value in elements if value)
    return _element(0x0000, struct.pack("<L", len(body))) + body


def _text(value: str, padding: bytes) -> bytes:
    encoded = value.encode("ascii", errors="replace")
    return encoded + padding * (len(encoded) % 2)


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value
