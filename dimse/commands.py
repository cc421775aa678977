"""Command sets (PS3.7 6.3, 9.3, 10.3, E): few, small, always Implicit VR Little Endian, and so read and written directly."""

import struct
from dataclasses import dataclass
from typing import Final

from dimse.errors import error_comment

_NO_DATA_SET, _DATA_SET = 0x0101, 0x0001
_MEDIUM = 0x0000  # priority of a query
RESPONSE: Final = 0x8000  # the bit that makes a request's Command Field a response's
CANCEL: Final = 0x0FFF  # C-CANCEL-RQ

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
_VERBS: Final = {field: verb for verb, field in COMMAND_FIELDS.items()}
_ELEMENT = struct.Struct("<HHL")


class UndecodableCommand(Exception):
    """The bytes are no command set, or say too little to be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command set as received. What is missing is None; values that are no UIDs come as they are."""

    field: int
    has_data_set: bool
    message_id: int | None
    responds_to: int | None
    sop_class_uid: str | None
    sop_instance_uid: str | None
    attribute_identifiers: tuple[int, ...]

    @property
    def verb(self) -> str:
        """The operation, e.g. "C-FIND"; its number, e.g. "7777H", when there is none."""
        return _verb_of(self.field)


def _verb_of(field: int) -> str:
    return _VERBS.get(field, f"{field:04X}H")


def _field_of(verb: str) -> int:
    return COMMAND_FIELDS[verb] if verb in COMMAND_FIELDS else int(verb.removesuffix("H"), 16)


def read_command(data: bytes) -> Command:
    """The command set in `data`. Raises UndecodableCommand.

    Elements stand in ascending order and fill the command to the last byte; a group length, when there is one, is right.
    """
    elements = _elements(data)
    field, data_set = _number(elements, 0x0100), _number(elements, 0x0800)
    if field is None:
        raise UndecodableCommand("a command has no Command Field")
    if data_set is None:
        raise UndecodableCommand(f"{_verb_of(field)} has no Command Data Set Type")
    identifiers = elements.get(0x1005, b"")
    if len(identifiers) % 4:
        raise UndecodableCommand(f"the Attribute Identifier List of {_verb_of(field)} has {len(identifiers)} bytes")
    return Command(
        field=field,
        has_data_set=data_set != _NO_DATA_SET,
        message_id=_number(elements, 0x0110),
        responds_to=_number(elements, 0x0120),
        sop_class_uid=_uid(elements, 0x0002, 0x0003),
        sop_instance_uid=_uid(elements, 0x1000, 0x1001),
        attribute_identifiers=tuple(group << 16 | number for group, number in struct.iter_unpack("<HH", identifiers)),
    )


def _elements(data: bytes) -> dict[int, bytes]:
    """The values by element number."""
    elements: dict[int, bytes] = {}
    position, previous = 0, -1
    while position < len(data):
        left = len(data) - position - 8
        if left < 0:
            raise UndecodableCommand(f"{left + 8} bytes are left where an element of a command must begin")
        group, number, length = _ELEMENT.unpack_from(data, position)
        if group != 0:
            raise UndecodableCommand(f"({group:04X},{number:04X}) does not belong in a command")
        if number <= previous:
            raise UndecodableCommand(f"(0000,{number:04X}) is out of order in a command")
        if length > left:
            raise UndecodableCommand(f"(0000,{number:04X}) of a command has {length} bytes where {left} are left")
        elements[number] = data[position + 8 : position + 8 + length]
        position, previous = position + 8 + length, number
    group_length = elements.get(0x0000)
    if group_length is not None and int.from_bytes(group_length, "little") != len(data) - 8 - len(group_length):
        raise UndecodableCommand("the Command Group Length is wrong")
    return elements


def _number(elements: dict[int, bytes], number: int) -> int | None:
    """A US value; an empty one is as good as none."""
    value = elements.get(number, b"")
    if len(value) not in (0, 2):
        raise UndecodableCommand(f"(0000,{number:04X}) of a command has {len(value)} bytes instead of 2")
    return int.from_bytes(value, "little") if value else None


def _uid(elements: dict[int, bytes], *numbers: int) -> str | None:
    """The first of these UIDs that is there; an empty one is as good as none."""
    for number in numbers:
        value = elements.get(number, b"").strip(b" \0")
        if value:
            return value.decode("ascii", errors="replace").replace("\0", "?")
    return None


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
        (0x0100, struct.pack("<H", _field_of(response.verb) | RESPONSE)),
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


def encode_request(
    verb: str, message_id: int, sop_class_uid: str, sop_instance_uid: str = "", *, with_data_set: bool, event_type: int | None = None
) -> bytes:
    """The command set of a C-ECHO-RQ, C-FIND-RQ, N-CREATE-RQ, N-SET-RQ or N-EVENT-REPORT-RQ (PS3.7 9.3, 10.3) with its group length."""
    is_requested = verb == "N-SET"  # it names an instance that is there; the others affect one
    sop_class, instance = _text(sop_class_uid, b"\0"), _text(sop_instance_uid, b"\0")
    elements = [
        (0x0002, b"" if is_requested else sop_class),
        (0x0003, sop_class if is_requested else b""),
        (0x0100, struct.pack("<H", COMMAND_FIELDS[verb])),
        (0x0110, struct.pack("<H", message_id)),
        (0x0700, struct.pack("<H", _MEDIUM) if verb == "C-FIND" else b""),
        (0x0800, struct.pack("<H", _DATA_SET if with_data_set else _NO_DATA_SET)),
        (0x1000, b"" if is_requested else instance),
        (0x1001, instance if is_requested else b""),
        (0x1002, b"" if event_type is None else struct.pack("<H", event_type)),
    ]
    body = b"".join(_element(number, value) for number, value in elements if value)
    return _element(0x0000, struct.pack("<L", len(body))) + body


def encode_cancel(message_id: int) -> bytes:
    """The command set of a C-CANCEL-RQ (PS3.7 9.3.2.3) with its group length."""
    numbers = ((0x0100, CANCEL), (0x0120, message_id), (0x0800, _NO_DATA_SET))
    body = b"".join(_element(number, struct.pack("<H", value)) for number, value in numbers)
    return _element(0x0000, struct.pack("<L", len(body))) + body


def read_response(data: bytes) -> tuple[Response, bool]:
    """A response in `data`, and whether a data set follows. Raises UndecodableCommand, also for a request."""
    command, elements = read_command(data), _elements(data)
    status = _number(elements, 0x0900)
    if not command.field & RESPONSE or command.responds_to is None or status is None:
        raise UndecodableCommand(f"{_verb_of(command.field)} came where a response was expected")
    offending = elements.get(0x0901, b"")
    found = tuple(group << 16 | number for group, number in struct.iter_unpack("<HH", offending[: len(offending) & ~3]))
    response = Response(
        verb=_verb_of(command.field & ~RESPONSE),
        message_id=command.responds_to,
        status=status,
        sop_class_uid=command.sop_class_uid or "",
        sop_instance_uid=command.sop_instance_uid or "",
        comment=elements.get(0x0902, b"").decode("ascii", errors="replace").strip(" \0"),
        error_id=_number(elements, 0x0903),
        offending=command.attribute_identifiers or found,
    )
    return response, command.has_data_set


def _text(value: str, padding: bytes) -> bytes:
    encoded = value.encode("ascii", errors="replace")
    return encoded + padding * (len(encoded) % 2)


def _element(number: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, number, len(value)) + value
