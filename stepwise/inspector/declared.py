"""Specific Character Set as it travelled: by hand, since a library corrects what is wrong, and that may be what a report is about."""

from struct import Struct, pack
from typing import Final

from pydicom import Dataset

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from stepwise.inspector.deidentify import Deidentifier
from stepwise.inspector.said import Data

_GROUP, _ELEMENT = 0x0008, 0x0005
_BEHIND: Final = (0, 12)
"""Where it stands: at the head, or behind the length of its group."""


def cleaned(cleaner: Deidentifier, dataset: Dataset, data: Data) -> bytes:
    """The data set of `data` without identities, and with the declaration that it had."""
    declared = _declared(data)
    made = cleaner.clean(dataset, declared or "")
    encoded = encode(made, data.transfer_syntax)
    if declared is None or "SpecificCharacterSet" in made:
        return encoded
    value = cleaner.declaration(declared).encode("ascii")
    value += b" " * (len(value) % 2)
    head, length = _head(data.transfer_syntax)
    return head + length.pack(len(value)) + value + encoded


def _declared(data: Data) -> str | None:
    head, length = _head(data.transfer_syntax)
    for start in _BEHIND:
        if data.raw.startswith(head, start):
            value = start + len(head) + length.size
            return data.raw[value : value + length.unpack_from(data.raw, start + len(head))[0]].decode("latin-1").strip(" \0")
    return None


def _head(transfer_syntax: str) -> tuple[bytes, Struct]:
    """Tag and VR of (0008,0005), and how its length is written (PS3.5 7.1)."""
    order = ">" if transfer_syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    tag = pack(f"{order}HH", _GROUP, _ELEMENT)
    return (tag, Struct("<I")) if transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN else (tag + b"CS", Struct(f"{order}H"))
