"""One worklist item as a DICOM file that other servers can serve (PS3.10 7.1): the counterpart of `worklist.reading`."""

import re
import struct
from uuid import NAMESPACE_OID, uuid5

from dimse.server import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST
from dimse.uids import UUID_ROOT
from worklist import item, keys

HEADER_LENGTH = 512  # bytes within which the file meta information of `compose` ends
_PREAMBLE = bytes(128) + b"DICM"
_BEYOND_ASCII = re.compile(rb"(?<!\xfe\xff\0)[\xc2-\xf4][\x80-\xbf]")  # a letter of several bytes in UTF-8, and no tag of an item


def compose(encoded: bytes | memoryview, identity: str) -> bytes:
    """The file of an item that `item.encode` encoded. The same item and identity make the same bytes.

    The character set is declared when a text needs it.
    """
    content = bytes(encoded)
    if _BEYOND_ASCII.search(content) and _first_tag(content) > keys.CHARACTER_SET:
        content = item.DECLARATION + content  # an item that begins with lower tags has the declaration in its place
    return _PREAMBLE + _file_meta(f"{UUID_ROOT}.{uuid5(NAMESPACE_OID, identity).int}") + content


def is_ours(header: bytes) -> bool:
    """Whether a file that begins like this was made by `compose`."""
    return header.startswith(_PREAMBLE) and _IMPLEMENTATION in header[:HEADER_LENGTH]


def _first_tag(content: bytes) -> int:
    group, element = struct.unpack_from("<HH", content)
    return int(group << 16 | element)


def _file_meta(instance_uid: str) -> bytes:
    """Group 0002, Explicit VR Little Endian with its length in front (PS3.10 Table 7.1-1)."""
    meta = _VERSION_AND_CLASS + _uid(0x0003, instance_uid) + _TRANSFER_SYNTAX + _IMPLEMENTATION
    return struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(meta)) + meta


def _short(element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value


def _uid(element: int, uid: str) -> bytes:
    return _short(element, b"UI", uid.encode() + b"\0" * (len(uid) % 2))


_VERSION_AND_CLASS = struct.pack("<HH2sHI", 0x0002, 0x0001, b"OB", 0, 2) + b"\0\1" + _uid(0x0002, MODALITY_WORKLIST)
_TRANSFER_SYNTAX = _uid(0x0010, EXPLICIT_VR_LITTLE_ENDIAN)
_VERSION_NAME = IMPLEMENTATION_VERSION_NAME.encode()
_IMPLEMENTATION = _uid(0x0012, IMPLEMENTATION_CLASS_UID) + _short(0x0013, b"SH", _VERSION_NAME + b" " * (len(_VERSION_NAME) % 2))
