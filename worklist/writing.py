"""One worklist item as a DICOM file that other servers can serve (PS3.10 7.1): the counterpart of `worklist.reading`."""

import re
import struct
from uuid import NAMESPACE_OID, uuid5

from dimse import part10
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST
from dimse.uids import UUID_ROOT
from worklist import item, keys

HEADER_LENGTH = 512  # bytes within which the file meta information of `compose` ends
_BEYOND_ASCII = re.compile(rb"(?<!\xfe\xff\0)[\xc2-\xf4][\x80-\xbf]")  # a letter of several bytes in UTF-8, and no tag of an item


def compose(encoded: bytes | memoryview, identity: str) -> bytes:
    """The file of an item that `item.encode` encoded. The same item and identity make the same bytes.

    The character set is declared when a text needs it.
    """
    content = bytes(encoded)
    if _BEYOND_ASCII.search(content) and _first_tag(content) > keys.CHARACTER_SET:
        content = item.DECLARATION + content  # an item that begins with lower tags has the declaration in its place
    instance_uid = f"{UUID_ROOT}.{uuid5(NAMESPACE_OID, identity).int}"
    return part10.header(MODALITY_WORKLIST, instance_uid, EXPLICIT_VR_LITTLE_ENDIAN) + content


def is_ours(header: bytes) -> bool:
    """Whether a file that begins like this was made by `compose`."""
    return header.startswith(part10.PREAMBLE) and part10.IMPLEMENTATION in header[:HEADER_LENGTH]


def _first_tag(content: bytes) -> int:
    group, element = struct.unpack_from("<HH", content)
    return int(group << 16 | element)
