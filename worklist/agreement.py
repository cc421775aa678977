"""What an association may agree on for worklist queries: SOP Class Extended Negotiation (PS3.4 K.5.1.1).

Bytes 1 and 2 are reserved (1), byte 3 asks for fuzzy matching of person names, byte 4, which may be absent, for queries and answers in the
time zone of their TimezoneOffsetFromUTC. Both are accepted; what is asked beyond is not.
"""

from dataclasses import dataclass
from typing import Final

from dimse.services import MODALITY_WORKLIST, AssociationInfo

_FUZZY, _TIME_ZONE, _KNOWN = 2, 3, 4


@dataclass(frozen=True, slots=True)
class Agreement:
    fuzzy_names: bool = False
    time_zone: bool = False


NOTHING: Final = Agreement()


def answer(asked: bytes) -> bytes:
    """As many bytes as were asked: 1 for what is asked (1) and known here, else 0."""
    return bytes(int(byte == 1 and position < _KNOWN) for position, byte in enumerate(asked))


def of(association: AssociationInfo) -> Agreement:
    """What was agreed; nothing when nothing was asked."""
    return read(association.extended.get(MODALITY_WORKLIST))


def read(agreed: bytes | None) -> Agreement:
    """What the bytes that were answered say; None when none were."""
    if agreed is None:
        return NOTHING
    return Agreement(*(len(agreed) > position and agreed[position] == 1 for position in (_FUZZY, _TIME_ZONE)))
