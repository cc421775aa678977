"""Files that are no worklist item: each is named with its reason, none stops the others, and none is waited for."""

import os
import socket
from pathlib import Path

import pytest

from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN
from tests.support.items import element, part_10, sequence
from worklist import reading
from worklist.reading import Unreadable

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
CT_IMAGE, SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.7"
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"


PATIENT = element(0x00100010, "PN", b"DOE^JOHN") + element(0x00100020, "LO", b"P1")
STEP = element(0x00080060, "CS", b"CT") + element(0x00400002, "DA", b"20261123") + element(0x00400009, "SH", b"S1")
ITEM = part_10(element(0x00080050, "SH", b"A1"), PATIENT, sequence(0x00400100, STEP), element(0x00401001, "SH", b"RP1"))


def an_image(sop_class: str, *, in_meta: bool, pixels: bool, transfer_syntax: str = EXPLICIT_VR_LITTLE_ENDIAN) -> bytes:
    picture = element(0x7FE00010, "OW", bytes(512)) if pixels else b""
    if transfer_syntax == JPEG_BASELINE:
        picture = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    own = element(0x00080016, "UI", sop_class)
    return part_10(own, PATIENT, picture, sop_class=sop_class if in_meta else "", transfer_syntax=transfer_syntax)


def reason(path: Path) -> str:
    with pytest.raises(Unreadable) as told:
        reading.read(path)
    return str(told.value)


def written(folder: Path, content: bytes, name: str = "file.dcm") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "it is empty"),
        (bytes(600), "it holds nothing but zeros"),
        (b"\xff\xd8\xff\xe0rest of a photo", "a JPEG image"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b"%PDF-1.7", "a PDF document"),
        (b"Dear Sir, " * 40, "no DICOM file: no DICM mark"),
        (bytes(128) + b"DICM", "ends before its data set begins"),
        (part_10(PATIENT), "no item in ScheduledProcedureStepSequence"),
        (part_10(PATIENT, transfer_syntax="no uid"), "its transfer syntax 'no uid' is no UID"),
    ],
)
def test_what_is_no_worklist_item_is_told_by_what_it_is(tmp_path: Path, content: bytes, expected: str) -> None:
    assert expected in reason(written(tmp_path, content))


@pytest.mark.parametrize("in_meta", [True, False])
@pytest.mark.parametrize("pixels", [True, False])
@pytest.mark.parametrize(("sop_class", "name"), [(CT_IMAGE, "CT Image Storage"), (SECONDARY_CAPTURE, "Secondary Capture Image Storage")])
def test_a_stored_object_is_named_by_its_sop_class(tmp_path: Path, sop_class: str, name: str, in_meta: bool, pixels: bool) -> None:
    path = written(tmp_path, an_image(sop_class, in_meta=in_meta, pixels=pixels))
    assert f"it is a {name} object" in reason(path)


def test_a_bare_data_set_is_told_what_is_wrong_with_it_in_its_own_encoding(tmp_path: Path) -> None:
    explicit = element(0x00080050, "SH", b"A1") + element(0x00100020, "LO", b"P1")[:-1]
    implicit = b"\x08\x00\x50\x00\x02\0\0\0A1" + b"\x10\x00\x20\x00\x04\0\0\0P1"
    assert reason(written(tmp_path, explicit)).endswith("PatientID (0010,0020): 2 bytes announced, 1 left (byte 10)")
    assert reason(written(tmp_path, implicit)).endswith("PatientID (0010,0020): 4 bytes announced, 2 left (byte 10)")


def test_a_compressed_or_cut_image_is_named_by_its_file_meta_information(tmp_path: Path) -> None:
    compressed = an_image(CT_IMAGE, in_meta=True, pixels=False, transfer_syntax=JPEG_BASELINE)
    cut = an_image(CT_IMAGE, in_meta=True, pixels=True)[:-100]
    assert "CT Image Storage" in reason(written(tmp_path, compressed))
    assert "CT Image Storage" in reason(written(tmp_path, cut))


def test_an_image_too_large_to_be_read_is_named_too(tmp_path: Path) -> None:
    path = written(tmp_path, an_image(CT_IMAGE, in_meta=True, pixels=False))
    os.truncate(path, 20 * 2**20)
    why = "it has 20,971,520 bytes, more than the 16,777,216 that are read; a worklist item is far smaller"
    assert reason(path) == f"{why}: it is a CT Image Storage object"


def test_an_item_that_its_writer_called_an_image_is_taken_with_a_note(tmp_path: Path) -> None:
    content = ITEM.replace(b"DICM", b"DICM" + element(0x00020002, "UI", SECONDARY_CAPTURE))
    item = reading.read(written(tmp_path, content))
    assert item.notes == ("its file meta information calls it a Secondary Capture Image Storage object",)
    assert reading.read(written(tmp_path, ITEM.replace(b"DICM", b"DICM" + element(0x00020002, "UI", WORKLIST_FIND)))).notes == ()


def test_a_file_cut_anywhere_is_never_taken_with_half_of_an_element(tmp_path: Path) -> None:
    whole_ends = (len(ITEM), ITEM.rindex(b"\x40\x00\x01\x10SH"))  # behind the last element, and where it begins
    for end in range(len(ITEM)):
        path = written(tmp_path, ITEM[:end])
        if end in whole_ends:
            assert "PatientName" in reading.read(path).dataset
        else:
            assert reason(path)


def test_the_contents_tell_a_dump_from_a_dicom_file_when_the_name_does_not(tmp_path: Path) -> None:
    text = b"\n# by hand\n(0010,0020) LO [P1]\n(0040,0100) SQ\n(fffe,e000) -\n(0008,0060) CS CT\n(fffe,e00d) -\n(fffe,e0dd) -\n"
    for name, content in (("item.wl", text), ("item.txt", text), ("item.dump", ITEM), ("item", ITEM)):
        assert reading.read(written(tmp_path, content, name)).dataset.PatientID == "P1"


def test_a_pipe_a_socket_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wl")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.wl"))
        (tmp_path / "zero.wl").symlink_to("/dev/zero")
        reasons = {found.path.name: reason(found.path) for found in reading.files([tmp_path])}
    assert reasons == {
        "pipe.wl": "it is a pipe (FIFO), no regular file",
        "zero.wl": "it is a device, no regular file",
        "socket.wl": "it is a socket, no regular file",
    }


def test_links_to_nothing_and_in_circles_are_named_and_the_rest_is_found_once(tmp_path: Path) -> None:
    folder = tmp_path / "items"
    folder.mkdir()
    written(folder, ITEM, "a.wl")
    (folder / "gone.wl").symlink_to("nowhere.wl")
    (folder / "self.wl").symlink_to("self.wl")
    (folder / "again").symlink_to(folder)
    found = {one.path.name: one for one in reading.files([folder, tmp_path / "items" / "a.wl" / "below"])}
    assert sorted(found) == ["a.wl", "again", "below", "gone.wl", "self.wl"]
    assert "a directory that it is in" in found["again"].problem
    assert found["below"].problem == "it cannot be found: Not a directory"
    assert reason(found["gone.wl"].path) == "it cannot be read: it is a symbolic link to nowhere.wl, which is not there"
    assert reason(found["self.wl"].path) == "it cannot be read: Too many levels of symbolic links"


def test_a_name_that_is_no_text_is_found_and_read(tmp_path: Path) -> None:
    (Path(os.fsdecode(bytes(tmp_path) + b"/M\xfcller.wl"))).write_bytes(ITEM)
    (found,) = reading.files([tmp_path])
    assert reading.read(found.path).dataset.PatientID == "P1"
