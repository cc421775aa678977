"""Files that hold one worklist item: DICOM (`.wl`, `.dcm`) or a text dump (`.dump`)."""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset

from dimse import decode
from dimse.decode import UndecodableDataSet
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dimse.uids import is_valid
from worklist import dump, keys, values

DICOM_SUFFIXES, DUMP_SUFFIXES = (".wl", ".dcm"), (".dump",)
_LARGEST = 16 * 2**20  # bytes; an item has some kilobytes
_PREAMBLE = 128
_MAGIC = {b"\xff\xd8\xff": "a JPEG image", b"\x89PNG": "a PNG image", b"%PDF": "a PDF document", b"PK\x03\x04": "a ZIP archive"}
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_TRANSFER_SYNTAX = 0x00020010


@dataclass(frozen=True)
class Item:
    """The data set of a file, and what was tolerated in reading it, in words."""

    dataset: Dataset
    notes: tuple[str, ...] = ()


class Unreadable(Exception):
    """The file is no worklist item; the text says why."""


@dataclass(frozen=True)
class Found:
    """A file to read, or why a path leads to none."""

    path: Path
    problem: str = ""


def files(paths: Iterable[Path]) -> Iterator[Found]:
    """The files that are named, and those with a known suffix below the directories that are named, in order of name."""
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            yield Found(path, f"it cannot be found: {error.strerror}")
            continue
        if stat.S_ISDIR(mode):
            found = list(_directory(path))
            yield from found or [Found(path, f"it holds no worklist file; those end in {', '.join(DICOM_SUFFIXES + DUMP_SUFFIXES)}")]
        else:
            yield Found(path)


def _directory(directory: Path) -> Iterator[Found]:
    try:
        children = sorted(directory.iterdir(), key=lambda child: (len(child.name), child.name))
    except OSError as error:
        yield Found(directory, f"the directory cannot be read: {error.strerror}")
        return
    for child in children:
        if child.is_dir():
            yield from _directory(child)
        elif child.suffix.lower() in DICOM_SUFFIXES + DUMP_SUFFIXES:
            yield Found(child)


def read(path: Path) -> Item:
    """The item in a file. Raises Unreadable."""
    try:
        if path.stat().st_size > _LARGEST:
            raise Unreadable(f"it has {path.stat().st_size} bytes; a worklist item is far smaller")
        content = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"it cannot be read: {error.strerror}") from error
    if not content:
        raise Unreadable("it is empty")
    for magic, what in _MAGIC.items():
        if content.startswith(magic):
            raise Unreadable(f"it is {what}, no worklist item")
    item = _dump(content) if path.suffix.lower() in DUMP_SUFFIXES else _dicom(content)
    _check(item.dataset)
    return item


def _dump(content: bytes) -> Item:
    try:
        return Item(*dump.parse(content))
    except dump.DumpError as error:
        raise Unreadable(str(error)) from error


def _dicom(content: bytes) -> Item:
    """A data set with file meta information (PS3.10 7.1), or a bare one in either VR encoding."""
    if content[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        position, transfer_syntax = _behind_meta(content, _PREAMBLE + 4)
        return _decoded(content[position:], transfer_syntax)
    try:
        return _decoded(content, EXPLICIT_VR_LITTLE_ENDIAN)
    except Unreadable:
        try:
            return _decoded(content, IMPLICIT_VR_LITTLE_ENDIAN)
        except Unreadable as error:
            raise Unreadable(f"it is no DICOM file: no DICM mark at byte {_PREAMBLE}, and as a bare data set: {error}") from error


def _decoded(data: bytes, transfer_syntax: str) -> Item:
    try:
        decoded = decode.decode(data, transfer_syntax, first_of_duplicates=True)
        return Item(decoded.dataset, decoded.notes)
    except UndecodableDataSet as error:
        raise Unreadable(f"its data set is damaged or cut: {error}") from error


def _behind_meta(content: bytes, position: int) -> tuple[int, str]:
    """Where the data set begins, and its transfer syntax: group 0002 is always Explicit VR Little Endian."""
    transfer_syntax = EXPLICIT_VR_LITTLE_ENDIAN
    while content[position : position + 2] == b"\x02\x00":
        tag = 0x00020000 | int.from_bytes(content[position + 2 : position + 4], "little")
        is_long = content[position + 4 : position + 6] in (b"OB", b"UN", b"UT", b"OW", b"SQ")
        start = position + (12 if is_long else 8)
        length = int.from_bytes(content[start - (4 if is_long else 2) : start], "little")
        if start + length > len(content):
            raise Unreadable("it is cut within its file meta information")
        if tag == _TRANSFER_SYNTAX:
            transfer_syntax = content[start : start + length].decode("latin-1").strip(" \0")
        position = start + length
    if not is_valid(transfer_syntax):
        raise Unreadable(f"its transfer syntax {transfer_syntax[:64]!r} is no UID")
    return position, transfer_syntax


def _check(dataset: Dataset) -> None:
    """One file is one step."""
    if any(tag in dataset for tag in _PIXELS):
        raise Unreadable("it holds pixel data: it is an image, no worklist item")
    steps = values.items(dataset, keys.STEP_SEQUENCE.tag)
    if not steps:
        raise Unreadable("it has no item in ScheduledProcedureStepSequence (0040,0100): it is no worklist item")
    if len(steps) > 1:
        raise Unreadable(f"it has {len(steps)} items in ScheduledProcedureStepSequence (0040,0100); one file is one step")
