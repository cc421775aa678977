"""A data set as it travels, as a DICOM file (PS3.10 7.1)."""

import struct
from typing import Final

from dimse.server import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

PREAMBLE: Final = bytes(128) + b"DICM"


def _short(element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value


def _uid(element: int, uid: str) -> bytes:
    return _short(element, b"UI", uid.encode() + b"\0" * (len(uid) % 2))


_VERSION: Final = struct.pack("<HH2sHI", 0x0002, 0x0001, b"OB", 0, 2) + b"\0\1"
_VERSION_NAME: Final = IMPLEMENTATION_VERSION_NAME.encode()
IMPLEMENTATION: Final = _uid(0x0012, IMPLEMENTATION_CLASS_UID) + _short(0x0013, b"SH", _VERSION_NAME + b" " * (len(_VERSION_NAME) % 2))


def header(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    """Preamble and group 0002, Explicit VR Little Endian with its length in front (PS3.10 Table 7.1-1)."""
    names = _uid(0x0002, sop_class_uid) + _uid(0x0003, sop_instance_uid) + _uid(0x0010, transfer_syntax)
    meta = _VERSION + names + IMPLEMENTATION
    return PREAMBLE + struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(meta)) + meta
