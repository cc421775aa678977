"""How a client behaves beyond what its messages say: as real devices do, against which a server is to be tested."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from struct import Struct
from typing import Any, cast

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32
from pynetdicom.association import Association

from dimse.services import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN


class Ending(StrEnum):
    """What an association ends with when all went well: a release, an A-ABORT, or only the end of the connection."""

    RELEASE = "release"
    ABORT = "abort"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Manners:
    """`group_lengths`: each group of a data set begins with its length, which is retired (PS3.5 7.2)."""

    ending: Ending = Ending.RELEASE
    group_lengths: bool = False


POLITE = Manners()
"""As the standard has it."""

_DATA_SETS = {"C_FIND": "Identifier", "N_CREATE": "AttributeList", "N_SET": "ModificationList"}


def alter_requests(association: Association, alter: Callable[[bytes, str], bytes]) -> None:
    """Let `alter` have the encoded data set of each request, with its transfer syntax, and send what it returns.

    Leans on `DIMSEServiceProvider.send_msg`, through which pynetdicom sends every message.
    """
    send = association.dimse.send_msg
    syntaxes = {context.context_id: str(context.transfer_syntax[0]) for context in association.accepted_contexts}

    def send_altered(primitive: Any, context_id: int) -> None:
        name = _DATA_SETS.get(type(primitive).__name__, "")
        if name and getattr(primitive, name) is not None:
            setattr(primitive, name, BytesIO(alter(getattr(primitive, name).getvalue(), syntaxes[context_id])))
        send(primitive, context_id)

    cast(Any, association.dimse).send_msg = send_altered


def with_group_lengths(encoded: bytes, transfer_syntax: str) -> bytes:
    """The data set, whose sequences have lengths, with an element (gggg,0000) UL before each group."""
    order = ">" if transfer_syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    groups: dict[int, bytearray] = {}
    at = 0
    while at < len(encoded):
        group, end = _next_element(encoded, at, order, implicit=transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN)
        groups.setdefault(group, bytearray()).extend(encoded[at:end])
        at = end
    head = Struct(f"{order}HHI" if transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN else f"{order}HH2sH")
    about = (4,) if transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN else (b"UL", 4)
    value = Struct(f"{order}I")
    return b"".join(head.pack(group, 0, *about) + value.pack(len(elements)) + elements for group, elements in groups.items())


def _next_element(encoded: bytes, at: int, order: str, *, implicit: bool) -> tuple[int, int]:
    """Group of the element that begins at `at`, and where it ends."""
    (group,) = Struct(f"{order}H").unpack_from(encoded, at)
    if implicit or encoded[at + 4 : at + 6].decode("ascii") in EXPLICIT_VR_LENGTH_32:
        begin = at + 4 if implicit else at + 8
        (length,) = Struct(f"{order}I").unpack_from(encoded, begin)
        return group, begin + 4 + length
    (length,) = Struct(f"{order}H").unpack_from(encoded, at + 6)
    return group, at + 8 + length
