"""The dump of a message in the inspector beside what dcmdump says of the exported file; private elements by their creators."""

import re
import subprocess
import zlib
from pathlib import Path
from typing import Final

import pytest
from pydicom import Dataset, Sequence
from pydicom.dataelem import DataElement

from dimse.decode import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, decode
from dimse.encode import encode
from dimse.entries import now
from dimse.lengths import lengths
from dimse.models import Message
from dimse.services import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    MODALITY_PERFORMED_PROCEDURE_STEP,
)
from ris.web import datasets
from stepwise.inspector import bundle
from stepwise.inspector.comparing import compare
from stepwise.inspector.said import Said
from tests.support.dcmtk import dcmtk

SYNTAXES: Final = (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)
_LINE: Final = re.compile(r"\s*(\([0-9a-fA-F]{4},[0-9a-fA-F]{4}\)) (\w\w|\?\?) .*# +(u/l|\d+), ")


def with_creators() -> Dataset:
    """A block that GE reserved at the top; of the items one has it for Siemens, and one for nobody."""
    taken, unsaid, dataset = Dataset(), Dataset(), Dataset()
    taken.add_new(0x00430010, "LO", "SIEMENS MED")
    taken.add_new(0x00431001, "UN", b"\1\0")
    unsaid.add_new(0x00431001, "UN", b"\1\0")
    dataset.ReferencedSOPSequence = [taken, unsaid]
    dataset.add_new(0x00430010, "LO", "GEMS_PARM_01")
    dataset.add_new(0x00431001, "UN", b"\1\0")
    dataset.add_new(0x004310FE, "UN", b"\1\0")
    return dataset


def a_message(transfer_syntax: str) -> bytes:
    """Odd lengths, several values, text beyond ASCII in one byte a letter, numbers, sequences and items of both kinds of length."""
    item, empty, dataset = Dataset(), Dataset(), with_creators()
    item.ScheduledProcedureStepID = "S1A"
    item.AccessionNumber = ""
    empty.is_undefined_length_sequence_item = True
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "Müller^Jürg"
    dataset.Allergies = ["Latex", "Iodine"]
    dataset.PregnancyStatus = 4
    dataset.PatientWeight = "71.5"
    dataset.StudyInstanceUID = "1.2.3"
    dataset.MedicalAlerts = ""
    dataset.AcquisitionNumber = "7"
    dataset.ImageComments = "one\\value"
    dataset.EncapsulatedDocument = bytes(40)
    dataset[0x00400270] = DataElement(0x00400270, "SQ", Sequence([item, empty]), is_undefined_length=True)
    return encode(dataset, transfer_syntax)


def told(lines: list[str]) -> list[tuple[str, str, str]]:
    """(tag, VR, length) of each line; without the VR of what is private, for which dcmdump has its own dictionary in Implicit VR."""
    found = filter(None, map(_LINE.match, lines))
    return [(one[1].upper(), "" if one[1].startswith("(0043") else one[2], one[3]) for one in found]


@pytest.mark.parametrize("transfer_syntax", SYNTAXES)
def test_a_dump_has_the_lengths_that_dcmdump_reads_from_the_exported_file(transfer_syntax: str, tmp_path: Path) -> None:
    message = Message(
        direction=Message.Direction.IN,
        service="N-SET",
        time=now(),
        sop_class_uid=MODALITY_PERFORMED_PROCEDURE_STEP,
        sop_instance_uid="1.2.3",
        transfer_syntax=transfer_syntax,
        data=a_message(transfer_syntax),
    )
    exchange = Said(None, message, None)
    files = dict(bundle.as_it_travelled(exchange).files)
    (tmp_path / "request.dcm").write_bytes(files["request.dcm"])
    ran = subprocess.run([dcmtk("dcmdump"), "-q", str(tmp_path / "request.dcm")], capture_output=True, timeout=60, check=True)
    theirs = ran.stdout.decode("latin-1").split("# Dicom-Data-Set")[1].splitlines()
    (data,) = exchange.data
    assert data.dataset is not None
    ours = datasets.shown(data.dataset, "request", "dump", data.lengths).text.splitlines()
    assert told(ours) == told(theirs)
    assert len(told(ours)) > 25
    assert ("(0010,0010)", "PN", "12") in told(ours)


def test_what_follows_the_last_element_and_what_was_deflated_has_no_length_of_its_own() -> None:
    plain = a_message(EXPLICIT_VR_LITTLE_ENDIAN)
    found = lengths(plain, EXPLICIT_VR_LITTLE_ENDIAN)
    implicit = a_message(IMPLICIT_VR_LITTLE_ENDIAN)
    assert lengths(implicit + bytes(24), IMPLICIT_VR_LITTLE_ENDIAN) == lengths(implicit, IMPLICIT_VR_LITTLE_ENDIAN)
    assert lengths(plain + bytes(6), EXPLICIT_VR_LITTLE_ENDIAN) == found
    assert (found["00400270"], found["00400270-1-00400009"], found["00400270-2"]) == (None, 4, None)
    squeezed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert lengths(squeezed.compress(plain) + squeezed.flush(), DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN) == found


def test_without_the_bytes_lengths_are_those_that_it_would_have() -> None:
    dataset = decode(a_message(EXPLICIT_VR_LITTLE_ENDIAN), EXPLICIT_VR_LITTLE_ENDIAN).dataset
    lines = {tag: length for tag, _, length in told(datasets.dump(dataset).splitlines())}
    assert lines["(0010,0010)"] == "14"  # in UTF-8
    assert (lines["(0010,21C0)"], lines["(0042,0011)"], lines["(0040,0270)"]) == ("2", "40", "u/l")


@pytest.mark.parametrize("transfer_syntax", SYNTAXES)
def test_private_elements_are_named_by_the_creator_of_their_own_level(transfer_syntax: str) -> None:
    dataset = decode(encode(with_creators(), transfer_syntax), transfer_syntax).dataset
    found = {one.tag: one for one in datasets.elements(dataset)}
    (_, of_siemens), (of_nobody,) = found["(0008,1199)"].items
    assert found["(0043,1001)"].keyword == "Bitmap of prescan options (GEMS_PARM_01)"
    assert found["(0043,10FE)"].keyword == "Private (GEMS_PARM_01)"
    assert of_siemens.keyword == "Private (SIEMENS MED)"
    assert of_nobody.keyword == "Private (creator not said)"
    assert "# 2, 1 Bitmap of prescan options (GEMS_PARM_01)" in datasets.dump(dataset)
    keywords = [line.keyword for line in compare(dataset, None).lines]
    assert {"Bitmap of prescan options (GEMS_PARM_01)", "Private (SIEMENS MED)"} <= set(keywords)
