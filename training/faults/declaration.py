"""A wrong Specific Character Set (0008,0005) in an encoded answer: another declaration before the same bytes."""

import struct
from typing import Final

from dimse.services import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

_TAG: Final = (0x0008, 0x0005)
_UTF_8, _LATIN_1, _NOBODY_S = b"ISO_IR 192", b"ISO_IR 100", b"ISO_IR 999"


def another(data: bytes, transfer_syntax: str) -> bytes:
    """ISO_IR 100 where UTF-8 is declared, else ISO_IR 192; what declares nothing is ASCII, and fits every set."""
    declared, rest = _apart(data, transfer_syntax)
    if not declared:
        return data
    return _element(_LATIN_1 if declared.strip(b" \0") == _UTF_8 else _UTF_8, transfer_syntax) + rest


def none(data: bytes, transfer_syntax: str) -> bytes:
    """No declaration, which promises ASCII."""
    return _apart(data, transfer_syntax)[1]


def unknown(data: bytes, transfer_syntax: str) -> bytes:
    """A set that does not exist."""
    return _element(_NOBODY_S, transfer_syntax) + _apart(data, transfer_syntax)[1]


def _apart(data: bytes, transfer_syntax: str) -> tuple[bytes, bytes]:
    """What is declared, and the answer without it. It stands first in the answers of this server, when it stands there at all."""
    endian = ">" if transfer_syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    if len(data) < 8 or struct.unpack_from(f"{endian}HH", data) != _TAG:
        return b"", data
    if transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN:
        (length,) = struct.unpack_from("<L", data, 4)
    else:
        (length,) = struct.unpack_from(f"{endian}H", data, 6)
    return data[8 : 8 + length], data[8 + length :]


def _element(value: bytes, transfer_syntax: str) -> bytes:
    if transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN:
        return struct.pack("<HHL", *_TAG, len(value)) + value
    endian = ">" if transfer_syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    return struct.pack(f"{endian}HH2sH", *_TAG, b"CS", len(value)) + value
