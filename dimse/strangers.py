"""What to say of a peer whose bytes are no DICOM upper layer PDU (PS3.8 9.3), from the first of them, and what it took the port for."""

from enum import StrEnum
from typing import Final


class NoDicom(StrEnum):
    """What somebody did who did not come to an association: what is advised goes by it, and not by words."""

    TLS = "TLS"  # TLS on the port that speaks plain DICOM
    HTTP = "HTTP"
    SSH = "SSH"
    HL7 = "HL7"
    OTHER = "OTHER"  # bytes of nothing that is known
    NO_CERTIFICATE = "NO_CERTIFICATE"  # on the port for TLS, from here on
    CERTIFICATE_ELAPSED = "CERTIFICATE_ELAPSED"
    CERTIFICATE_TOO_EARLY = "CERTIFICATE_TOO_EARLY"
    CERTIFICATE_FOR_SERVERS = "CERTIFICATE_FOR_SERVERS"  # or for something else than a client
    CERTIFICATE_NOT_TRUSTED = "CERTIFICATE_NOT_TRUSTED"
    OUR_AUTHORITY_UNKNOWN = "OUR_AUTHORITY_UNKNOWN"
    OUR_CERTIFICATE_BAD = "OUR_CERTIFICATE_BAD"
    OUR_CERTIFICATE_REFUSED = "OUR_CERTIFICATE_REFUSED"
    OLD_TLS = "OLD_TLS"
    NO_SHARED_CIPHER = "NO_SHARED_CIPHER"
    PLAIN = "PLAIN"  # no TLS at all
    HTTP_WITHOUT_TLS = "HTTP_WITHOUT_TLS"
    NOT_BEGUN = "NOT_BEGUN"
    HANDSHAKE = "HANDSHAKE"  # for another reason


ON_THE_PLAIN_PORT: Final = frozenset({NoDicom.TLS, NoDicom.HTTP, NoDicom.SSH, NoDicom.HL7, NoDicom.OTHER})
"""All others came to nothing on the port for TLS."""
BROWSERS: Final = frozenset({NoDicom.HTTP, NoDicom.HTTP_WITHOUT_TLS})
"""A browser or a monitor that probes ports, which is no modality."""

_PDU_NAMES: Final = {
    1: "A-ASSOCIATE-RQ",
    2: "A-ASSOCIATE-AC",
    3: "A-ASSOCIATE-RJ",
    4: "P-DATA-TF",
    5: "A-RELEASE-RQ",
    6: "A-RELEASE-RP",
    7: "A-ABORT",
}
_HTTP: Final = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"CONNECT ", b"PRI * HTTP/2")
_GUESSES: Final = (
    (_HTTP, NoDicom.HTTP, "HTTP"),
    ((b"\x16\x03",), NoDicom.TLS, "TLS; this port speaks plain DICOM"),
    ((b"SSH-",), NoDicom.SSH, "SSH"),
    ((b"\x0bMSH|",), NoDicom.HL7, "HL7 over MLLP"),
)
"""How something begins, what it is, and that in words."""
_SHOWN = 16  # bytes of what came that are shown


def complaint(start: bytes, is_first: bool, limit: int) -> str:
    """Why the PDU that starts with `start` is not read, in words. `limit`: the most bytes one of its type may have; 0 for no known type."""
    if not limit:
        what = "not DICOM" if is_first else "not a DICOM PDU"
        return f"{what}: the first bytes are {_shown(start)}{_guess(start)}"
    return f"{_PDU_NAMES[start[0]]} of {int.from_bytes(start[2:6], 'big')} bytes is announced, at most {limit} are read"


def _shown(start: bytes) -> str:
    """The first line as text where it is text, else bytes in hexadecimal."""
    line = start.splitlines()[0][:_SHOWN]
    if line and all(0x20 <= byte < 0x7F for byte in line):
        return f"'{line.decode('ascii')}'"
    return start[:_SHOWN].hex(" ")


def taken_for(start: bytes) -> NoDicom:
    """What a peer takes the port for that begins so."""
    return next((kind for beginnings, kind, _ in _GUESSES if start.startswith(beginnings)), NoDicom.OTHER)


def is_undecided(start: bytes) -> bool:
    """Whether more may tell what it is: TCP may bring the first byte alone."""
    return any(one != start and one.startswith(start) for beginnings, _, _ in _GUESSES for one in beginnings)


def _guess(start: bytes) -> str:
    return next((f" (looks like {said})" for beginnings, _, said in _GUESSES if start.startswith(beginnings)), "")
