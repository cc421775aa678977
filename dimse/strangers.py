"""What to say of a peer whose bytes are no DICOM upper layer PDU (PS3.8 9.3), from the first of them."""

from typing import Final

MAXIMUM_RECEIVED_PDU: Final = 2**20
"""Bytes of the largest PDU that is read at all; an announced length beyond it is not believed."""

HEADER_LENGTH: Final = 6  # PDU type, a reserved byte, length of the rest
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


def complaint(header: bytes, more: bytes, is_first: bool) -> str:
    """Why the PDU that starts with `header` is not read, in words; empty when it is. `more` is what came behind it."""
    kind, length = header[0], int.from_bytes(header[2:HEADER_LENGTH], "big")
    if kind not in _PDU_NAMES or len(header) < HEADER_LENGTH:
        what = "not DICOM" if is_first else "not a DICOM PDU"
        return f"{what}: the first bytes are {_shown(header + more)}{_guess(header + more)}"
    if length > MAXIMUM_RECEIVED_PDU:
        return f"{_PDU_NAMES[kind]} of {length} bytes is announced, at most {MAXIMUM_RECEIVED_PDU} are read"
    return ""


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
