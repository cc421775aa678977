"""Files that hold one worklist item: DICOM (`.wl`, `.dcm`) or a text dump (`.dump`)."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.uid import UID
from pydicom.valuerep import STANDARD_VR

from dimse import decode
from dimse.decode import UndecodableDataSet
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dimse.uids import is_valid
from worklist import dump, keys, values

DICOM_SUFFIXES, DUMP_SUFFIXES = (".wl", ".dcm"), (".dump",)
_SUFFIXES = DICOM_SUFFIXES + DUMP_SUFFIXES
_LARGEST = 16 * 2**20  # bytes; an item has some kilobytes
_HEAD = 4096  # bytes that hold the file meta information
_PREAMBLE = 128
_MARK = b"DICM"
_MAGIC = {
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89PNG": "a PNG image",
    b"GIF8": "a GIF image",
    b"BM": "a BMP image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
}
_ELEMENT_LINE = re.compile(rb"\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)")
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_SOP_CLASS, _MEDIA_STORAGE_SOP_CLASS, _TRANSFER_SYNTAX = 0x00080016, 0x00020002, 0x00020010


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
    """The files that are named, and those with a known suffix below the directories that are named.

    Within a directory short names come before long ones, and those of one length in order: `2.wl` before `10.wl`, as they were numbered.
    """
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            yield Found(path, f"it cannot be found: {_why(path, error)}")
            continue
        if stat.S_ISDIR(status.st_mode):
            found = list(_directory(path, ()))
            yield from found or [Found(path, f"it holds no worklist file; those end in {', '.join(_SUFFIXES)}")]
        else:
            yield Found(path)


def _directory(directory: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Found]:
    """What is below a directory; `above` are the directories that it is in, by device and inode, to see where links lead in a circle."""
    try:
        status = directory.stat()
        with os.scandir(directory) as entries:
            children = sorted(entries, key=lambda child: (len(child.name), child.name))
    except OSError as error:
        yield Found(directory, f"the directory cannot be read: {_why(directory, error)}")
        return
    here = status.st_dev, status.st_ino
    if here in above:
        yield Found(directory, "it is a symbolic link to a directory that it is in; what is there has been looked at")
        return
    for child in children:
        path = directory / child.name
        if _is_directory(child):
            yield from _directory(path, (*above, here))
        elif path.suffix.lower() in _SUFFIXES:
            yield Found(path)


def _is_directory(child: "os.DirEntry[str]") -> bool:
    """Also by a symbolic link; one that cannot be followed says why when it is listed, or read where its name is a file's."""
    try:
        return child.is_dir()
    except OSError:
        return Path(child.name).suffix.lower() not in _SUFFIXES


def _why(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT and path.is_symlink():
        return f"it is a symbolic link to {path.readlink()}, which is not there"
    return error.strerror or str(error)


def read(path: Path) -> Item:
    """The item in a file. Raises Unreadable."""
    content = _content(path)
    if not content:
        raise Unreadable("it is empty")
    if not content.strip(b"\0"):
        raise Unreadable("it holds nothing but zeros")
    for magic, what in _MAGIC.items():
        if content.startswith(magic):
            raise Unreadable(f"it is {what}, no worklist item")
    item = _dump(content) if _is_dump(path, content) else _dicom(content)
    _check(item.dataset)
    return item


def _is_dump(path: Path, content: bytes) -> bool:
    """By its name or by its first line that is no comment; a DICOM file stays one, whatever it is called."""
    if content[_PREAMBLE : _PREAMBLE + 4] == _MARK:
        return False
    lines = (line.strip() for line in content[:_HEAD].removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    return path.suffix.lower() in DUMP_SUFFIXES or _ELEMENT_LINE.match(first) is not None


def _content(path: Path) -> bytes:
    """The bytes of a regular file; a pipe or a device is not waited for."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable(f"it is {_kind(status.st_mode)}, no regular file")
            content = file.read(_HEAD if status.st_size > _LARGEST else _LARGEST + 1)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, which cannot be opened
            raise Unreadable("it is a socket, no regular file") from error
        raise Unreadable(f"it cannot be read: {_why(path, error)}") from error
    if status.st_size > _LARGEST:
        storage = _storage_name(_meta(content, _PREAMBLE + 4).sop_class) if content[_PREAMBLE : _PREAMBLE + 4] == _MARK else ""
        what = f": it is a {storage} object" if storage else ""
        raise Unreadable(f"it has {status.st_size:,} bytes, more than the {_LARGEST:,} that are read; a worklist item is far smaller{what}")
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a pipe (FIFO)", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFDIR: "a directory"}
    return kinds.get(stat.S_IFMT(mode), "a special file")


def _dump(content: bytes) -> Item:
    try:
        return Item(*dump.parse(content))
    except dump.DumpError as error:
        raise Unreadable(str(error)) from error


def _dicom(content: bytes) -> Item:
    """A data set with file meta information (PS3.10 7.1), or a bare one in either VR encoding."""
    if content[_PREAMBLE : _PREAMBLE + 4] == _MARK:
        return _part_10(content)
    try:
        return _decoded(content, EXPLICIT_VR_LITTLE_ENDIAN)
    except Unreadable as explicit:
        try:
            return _decoded(content, IMPLICIT_VR_LITTLE_ENDIAN)
        except Unreadable as implicit:
            told = explicit if content[4:6].decode("latin-1") in STANDARD_VR else implicit
            raise Unreadable(f"it is no DICOM file: no DICM mark at byte {_PREAMBLE}, and as a bare data set: {told}") from told


def _part_10(content: bytes) -> Item:
    """What file meta information of a Storage SOP Class stands before is named by it, unless it is a worklist item all the same."""
    meta = _meta(content, _PREAMBLE + 4)
    storage = _storage_name(meta.sop_class)
    try:
        item = _decoded(content[meta.end :], meta.transfer_syntax)
    except Unreadable as error:
        raise Unreadable(
            f"it is a {storage} object by its file meta information, no worklist item; {error}" if storage else str(error)
        ) from error
    if not storage:
        return item
    if not values.items(item.dataset, keys.STEP_SEQUENCE.tag):
        raise Unreadable(f"it is a {storage} object by its file meta information, no worklist item")
    return Item(item.dataset, (*item.notes, f"its file meta information calls it a {storage} object"))


def _decoded(data: bytes, transfer_syntax: str) -> Item:
    if not data:
        raise Unreadable("it ends before its data set begins")
    try:
        decoded = decode.decode(data, transfer_syntax, first_of_duplicates=True)
        return Item(decoded.dataset, decoded.notes)
    except UndecodableDataSet as error:
        raise Unreadable(f"its data set is damaged or cut: {error}") from error


@dataclass(frozen=True)
class _Meta:
    """What the file meta information says, and where the data set behind it begins."""

    end: int
    transfer_syntax: str
    sop_class: str


def _meta(content: bytes, position: int) -> _Meta:
    """Group 0002, which is always Explicit VR Little Endian."""
    texts = {_TRANSFER_SYNTAX: EXPLICIT_VR_LITTLE_ENDIAN}
    while content[position : position + 2] == b"\x02\x00":
        tag = 0x00020000 | int.from_bytes(content[position + 2 : position + 4], "little")
        is_long = content[position + 4 : position + 6] in (b"OB", b"UN", b"UT", b"OW", b"SQ")
        start = position + (12 if is_long else 8)
        length = int.from_bytes(content[start - (4 if is_long else 2) : start], "little")
        if start + length > len(content):
            raise Unreadable("it is cut within its file meta information")
        if tag in (_TRANSFER_SYNTAX, _MEDIA_STORAGE_SOP_CLASS):
            texts[tag] = content[start : start + length].decode("latin-1").strip(" \0")
        position = start + length
    if not is_valid(texts[_TRANSFER_SYNTAX]):
        raise Unreadable(f"its transfer syntax {texts[_TRANSFER_SYNTAX][:64]!r} is no UID")
    return _Meta(position, texts[_TRANSFER_SYNTAX], texts.get(_MEDIA_STORAGE_SOP_CLASS, ""))


def _storage_name(sop_class: str) -> str:
    """The name of a SOP Class whose instances are stored (PS3.4 B.5), such as "CT Image Storage"; nothing for another one."""
    uid = UID(sop_class, IGNORE)
    return uid.name if uid.type == "SOP Class" and "Storage" in uid.name else ""


def _check(dataset: Dataset) -> None:
    """One file is one step."""
    storage = _storage_name("".join(values.texts(dataset.get(_SOP_CLASS))[:1]))
    if storage:
        raise Unreadable(f"it is a {storage} object, no worklist item")
    if any(tag in dataset for tag in _PIXELS):
        raise Unreadable("it holds pixel data: it is an image, no worklist item")
    steps = values.items(dataset, keys.STEP_SEQUENCE.tag)
    if not steps:
        raise Unreadable("it has no item in ScheduledProcedureStepSequence (0040,0100): it is no worklist item")
    if len(steps) > 1:
        raise Unreadable(f"it has {len(steps)} items in ScheduledProcedureStepSequence (0040,0100); one file is one step")
