"""What to say of a peer whose bytes are no DICOM upper layer PDU (PS3.8 9.3), from the first of them."""

from typing import Final

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


def _guess(start: bytes) -> str:
    if start.startswith(_HTTP):
        return " (looks like HTTP)"
    if start.startswith(b"\x16\x03"):
        return " (looks like TLS; this port speaks plain DICOM)"
    if start.startswith(b"SSH-"):
        return " (looks like SSH)"
    if start.startswith(b"\x0bMSH|"):
        return " (looks like HL7 over MLLP)"
    return ""
