"""Worklist items as files, written byte by byte: thousands in a moment."""

import struct
from copy import deepcopy
from pathlib import Path

from pydicom.dataset import Dataset

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN

_LONG = ("OB", "OW", "SQ", "UT")


def element(tag: int, vr: str, value: bytes | str) -> bytes:
    """Explicit VR Little Endian."""
    raw = value.encode() if isinstance(value, str) else value
    padded = raw + (b"\0" if vr == "UI" else b" ") * (len(raw) % 2)
    length = struct.pack("<HL", 0, len(padded)) if vr in _LONG else struct.pack("<H", len(padded))
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode() + length + padded


def sequence(tag: int, item: bytes) -> bytes:
    return element(tag, "SQ", b"\xfe\xff\x00\xe0" + struct.pack("<L", len(item)) + item)


def part_10(*elements: bytes, sop_class: str = "", transfer_syntax: str = EXPLICIT_VR_LITTLE_ENDIAN) -> bytes:
    """A file with file meta information."""
    meta = element(0x00020002, "UI", sop_class) if sop_class else b""
    return bytes(128) + b"DICM" + meta + element(0x00020010, "UI", transfer_syntax) + b"".join(elements)


def numbered_item(number: int) -> bytes:
    """One of many: two items a patient, an order each, on forty stations and the days of a month."""
    patient = number // 2
    step = (
        element(0x00080060, "CS", ("CT", "MR", "US")[number % 3]),
        element(0x00400001, "AE", f"STATION{number % 40:02}"),
        element(0x00400002, "DA", f"202611{number % 28 + 1:02}"),
        element(0x00400003, "TM", f"{number % 24:02}{number % 60:02}00"),
        element(0x00400007, "LO", "CT of the chest"),
        element(0x00400009, "SH", f"S{number}"),
    )
    return part_10(
        element(0x00080005, "CS", "ISO_IR 192"),
        element(0x00080050, "SH", f"A{number:08}"),
        element(0x00100010, "PN", f"FAMILY{patient}^Given"),
        element(0x00100020, "LO", f"P{patient:07}"),
        element(0x00100030, "DA", f"{1930 + patient % 90}0115"),
        element(0x00100040, "CS", "MF"[patient % 2]),
        element(0x0020000D, "UI", f"1.2.826.0.1.{number + 1}"),
        element(0x00321060, "LO", "Chest"),
        sequence(0x00400100, b"".join(step)),
        element(0x00401001, "SH", f"RP{number}"),
        element(0x00401003, "SH", "ROUTINE"),
    )


def write_items(folder: Path, count: int) -> list[Path]:
    """`count` numbered items in a new folder."""
    folder.mkdir(parents=True)
    paths = [folder / f"{number:05}.wl" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(numbered_item(number))
    return paths


def write_item(path: Path, dataset: Dataset) -> Path:
    """One item as a file, its text in UTF-8."""
    content = deepcopy(dataset)
    content.SpecificCharacterSet = "ISO_IR 192"
    meta = Dataset()
    meta.TransferSyntaxUID = EXPLICIT_VR_LITTLE_ENDIAN
    path.write_bytes(bytes(128) + b"DICM" + encode(meta, EXPLICIT_VR_LITTLE_ENDIAN) + encode(content, EXPLICIT_VR_LITTLE_ENDIAN))
    return path
