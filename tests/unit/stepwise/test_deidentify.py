"""An export without identities: whatever a modality sent, no original identifier is anywhere in it."""

import io
import zipfile
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement

from dimse.encode import encode
from dimse.models import Association, Message
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, MODALITY_PERFORMED_PROCEDURE_STEP
from stepwise.inspector import bundle
from stepwise.inspector.deidentify import Choice, Deidentifier
from stepwise.inspector.said import Said

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzÄÖÜéßžŁØΩДЖ山田"
# The ends are in no word of the README, which tests of text otherwise find sooner or later.
ids = st.text(LETTERS + "0123456789-/", min_size=5, max_size=12).map(lambda text: f"{text}Qž")
names = st.lists(st.text(LETTERS, min_size=4, max_size=12).map(lambda text: f"{text}ŽJ"), min_size=1, max_size=3).map("^".join)
uids = st.integers(10**12, 10**30).map(lambda n: f"1.3.6.1.4.1.{n}")
choices = st.builds(Choice, st.booleans(), st.booleans(), st.booleans())
ID_KEYWORDS = (
    "PatientID",
    "AccessionNumber",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
    "PerformedProcedureStepID",
    "AdmissionID",
)


def put(dataset: Dataset, keyword: str, value: object) -> None:
    dataset.add(DataElement(keyword, dictionary_VR(keyword), value, validation_mode=IGNORE))


@st.composite
def messages(draw: st.DrawFn) -> tuple[Dataset, set[str]]:
    """A data set with identifiers where they belong and where they do not, and these identifiers."""
    created, item = Dataset(), Dataset()
    created.SpecificCharacterSet = "ISO_IR 192"
    person, operator, uid = draw(names), draw(names), draw(uids)
    identifiers = {person, operator, uid}
    put(created, "PatientName", person)
    put(created, "OperatorsName", operator)
    put(item, "StudyInstanceUID", uid)
    for keyword in ID_KEYWORDS:
        value = draw(ids)
        identifiers.add(value)
        put(item if keyword != "PatientID" else created, keyword, value)
    some = sorted(identifiers)
    put(created, "PerformedProcedureStepDescription", f"CT of {draw(st.sampled_from(some))}, chest")
    put(created, "CommentsOnThePerformedProcedureStep", draw(st.sampled_from(some)).swapcase())
    put(created, "Modality", uid[:16])
    put(created, "PatientBirthDate", "19611224")
    created.add_new(0x00190010, "LO", "ACME")
    created.add(DataElement(0x00191001, "LO", some[1], validation_mode=IGNORE))
    created.add_new(0x00091001, "UN", (some[2] * 2).encode())
    created.ScheduledStepAttributesSequence = [item]
    return created, identifiers


def said(
    dataset: Dataset, *, comment: str = "", syntax: str = EXPLICIT_VR_LITTLE_ENDIAN, uid: str = "1.3.6.1.4.1.77", raw: bytes = b""
) -> Said:
    association = Association(id=uuid4(), calling="KONSOLE-DOE", called="STEPWISE", address="10.20.30.40", port=4000)
    common = {
        "association_id": association.pk,
        "time": datetime(2026, 11, 23, 15, tzinfo=UTC),
        "service": "N-CREATE",
        "message_id": 7,
        "sop_class_uid": MODALITY_PERFORMED_PROCEDURE_STEP,
        "sop_instance_uid": uid,
        "transfer_syntax": syntax,
    }
    data = raw or encode(dataset, syntax)
    asked = Message(pk=4711, direction="in", data=data, size=len(data), remark=comment, **common)
    return Said(association, asked, Message(pk=4712, direction="out", status=0x0110, comment=comment, **common))


def opened(made: bundle.Bundle) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(made.zipped()))
    return {name: archive.read(name) for name in archive.namelist()}


@given(messages(), choices, st.sampled_from([EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN]))
@settings(max_examples=40, deadline=None)
def test_no_original_identifier_is_left_anywhere(made: tuple[Dataset, set[str]], choice: Choice, syntax: str) -> None:
    dataset, identifiers = made
    export = bundle.without_identities(said(dataset, comment=f"PatientID {min(identifiers)} is odd", syntax=syntax), choice)
    texts = [export.name, *(name for name, _ in export.files), *(content.decode("utf-8", "replace") for _, content in export.files)]
    whole = "\0".join(texts).casefold()
    parts = {part for one in identifiers for part in one.split("^")} | {"10.20.30.40", "1.3.6.1.4.1.77", "19611224"}
    left = {one for one in parts if one.casefold() in whole}
    assert not left
    assert ("konsole-doe" in whole) is choice.keep_ae_titles


def test_what_belongs_together_still_does() -> None:
    dataset, item = Dataset(), Dataset()
    dataset.PatientID = item.AccessionNumber = "SAME-1"
    dataset.PatientName, dataset.OperatorsName = "DOE^John", "DOE^John"
    item.StudyInstanceUID = "1.3.6.1.4.1.77"
    dataset.ScheduledStepAttributesSequence = [item, item]
    cleaner = Deidentifier(Choice())
    cleaner.learn(dataset)
    cleaned = cleaner.clean(dataset)
    first, second = cleaned.ScheduledStepAttributesSequence
    assert cleaned.PatientName == cleaned.OperatorsName == "PERSON1^GIVEN1"
    assert first.StudyInstanceUID == second.StudyInstanceUID == cleaner.pseudonym("UID", "1.3.6.1.4.1.77") == "2.25.1"
    assert (cleaned.PatientID, first.AccessionNumber) == ("PATIENT-1", "ACCESSION-1")


def test_wildcards_codes_numbers_and_uids_of_the_standard_stay() -> None:
    dataset, code = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "110513", "DCM", "Discontinued for unspecified reason"
    put(dataset, "PatientName", "DOE*")
    put(dataset, "PatientID", "*")
    put(dataset, "PerformedProcedureStepStatus", "in_progress")
    dataset.ReferencedSOPClassUID = MODALITY_PERFORMED_PROCEDURE_STEP
    dataset.NumberOfStudyRelatedInstances = "12"
    dataset.PerformedProcedureStepDiscontinuationReasonCodeSequence = [code]
    cleaner = Deidentifier(Choice(keep_dates=True))
    cleaner.learn(dataset)
    cleaned = cleaner.clean(dataset)
    assert str(cleaned.PatientName) == "PERSON1^GIVEN1*"
    assert cleaned.PatientID == "*"
    assert cleaned.PerformedProcedureStepStatus == "in_progress"
    assert cleaned.ReferencedSOPClassUID == MODALITY_PERFORMED_PROCEDURE_STEP
    assert cleaned.NumberOfStudyRelatedInstances == 12
    assert cleaned.PerformedProcedureStepDiscontinuationReasonCodeSequence[0] == code


def test_dates_move_together_and_times_stay() -> None:
    dataset = Dataset()
    put(dataset, "PerformedProcedureStepStartDate", "20261123")
    put(dataset, "PerformedProcedureStepEndDate", "20261124")
    put(dataset, "ScheduledProcedureStepStartDate", "20261123-20261130")
    put(dataset, "PerformedProcedureStepStartTime", "093015")
    put(dataset, "StudyDate", "tomorrow")
    moved = Deidentifier(Choice()).clean(dataset)
    start, end = (date.fromisoformat(moved[f"PerformedProcedureStep{which}Date"].value) for which in ("Start", "End"))
    assert start < date(2026, 10, 25)
    assert (end - start).days == 1
    assert moved.ScheduledProcedureStepStartDate.startswith(f"{start:%Y%m%d}-")
    assert (moved.PerformedProcedureStepStartTime, moved.StudyDate) == ("093015", "")
    kept = Deidentifier(Choice(keep_dates=True)).clean(dataset)
    assert kept.PerformedProcedureStepStartDate == "20261123"


def test_a_data_set_that_cannot_be_read_is_left_out_and_said() -> None:
    files = opened(bundle.without_identities(said(Dataset(), raw=b"\x10\x00\x10\x00PN\xff\x00DOE"), Choice()))
    assert list(files) == ["README.txt"]
    assert b"request cannot be read as a data set and was left out" in files["README.txt"]


@pytest.mark.parametrize("syntax", [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN])
def test_the_files_are_dicom_files(syntax: str) -> None:
    dataset = Dataset()
    dataset.PatientName = "DOE^John"
    for made in (bundle.without_identities(said(dataset, syntax=syntax), Choice()), bundle.as_it_travelled(said(dataset, syntax=syntax))):
        found = dcmread(io.BytesIO(opened(made)["request.dcm"]))
        assert found.file_meta.TransferSyntaxUID == syntax
        assert str(found.PatientName) in ("DOE^John", "PERSON1^GIVEN1")
