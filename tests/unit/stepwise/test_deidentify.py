"""An export without identities: whatever a modality sent, no original identifier is anywhere in it."""

import io
import subprocess
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal
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
from dimse.services import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, MODALITY_PERFORMED_PROCEDURE_STEP
from stepwise.inspector import bundle, kept
from stepwise.inspector.deidentify import METHOD, Choice, Deidentifier
from stepwise.inspector.said import Said
from tests.support.dcmtk import dcmtk

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


def test_no_text_but_descriptions_and_comments_can_be_kept() -> None:
    dataset = Dataset()
    for keyword in (*kept.ALWAYS_GONE, *kept.FREE_TEXT):
        put(dataset, keyword, "ward")
    for keep_text, stays in ((True, kept.FREE_TEXT), (False, frozenset())):
        cleaner = Deidentifier(Choice(keep_text=keep_text))
        cleaner.learn(dataset)
        assert {element.keyword for element in cleaner.clean(dataset) if element.value and element.tag.group != 0x0012} == stays
        assert {dictionary_VR(keyword) for keyword in (*kept.ALWAYS_GONE, *kept.FREE_TEXT)} <= {"LO", "LT", "SH", "ST", "UT"}


@pytest.mark.parametrize("syntax", [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN])
@pytest.mark.parametrize("declared", ["ISO_IR 100", "ISO-IR 100", "LATIN9", "\\ISO 2022 IR 87", ""])
def test_the_character_set_is_declared_as_it_was_however_wrong(declared: str, syntax: str) -> None:
    dataset = Dataset()
    dataset.PatientName = "DOE^Jane"
    raw = encode(dataset, syntax)
    value = declared.encode() + b" " * (len(declared) % 2)
    order: Literal["big", "little"] = "big" if syntax == EXPLICIT_VR_BIG_ENDIAN else "little"
    length = len(value).to_bytes(4, "little") if syntax == IMPLICIT_VR_LITTLE_ENDIAN else b"CS" + len(value).to_bytes(2, order)
    element = (8).to_bytes(2, order) + (5).to_bytes(2, order) + length + value
    export = opened(bundle.without_identities(said(dataset, syntax=syntax, raw=element + raw), Choice()))
    assert element in export["request.dcm"] and b"PERSON1^GIVEN1" in export["request.dcm"]
    assert b"Descriptions and comments were emptied" in export["README.txt"]


def test_kept_text_stays_in_its_character_set_where_it_fits_in_it() -> None:
    for declared, written in (("ISO_IR 100", "ISO_IR 100"), ("ISO_IR 144", "ISO_IR 192")):
        dataset = Dataset()
        dataset.SpecificCharacterSet = declared
        put(dataset, "StudyDescription", "Schädel")
        cleaned = Deidentifier(Choice(keep_text=True)).clean(dataset, declared)
        assert (cleaned.SpecificCharacterSet, cleaned.StudyDescription) == (written, "Schädel")


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
    assert cleaned.PatientIdentityRemoved == "YES"
    assert cleaned.DeidentificationMethod[:2] == [METHOD, "Dates and times as they were"]


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


def cleaned(dataset: Dataset, choice: Choice = Choice()) -> Dataset:  # noqa: B008  # a frozen value
    cleaner = Deidentifier(choice)
    cleaner.learn(dataset)
    return cleaner.clean(dataset)


def of_one(keyword: str, value: object, choice: Choice) -> str:
    dataset = Dataset()
    put(dataset, keyword, value)
    return str(cleaned(dataset, choice)[keyword].value or "")


def a_code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "99HR", meaning
    return code


def test_codes_of_people_institutions_and_diagnoses_go_and_those_of_the_work_stay() -> None:
    dataset, performer = Dataset(), Dataset()
    performer.PersonIdentificationCodeSequence = [a_code("E12345", "Dr. Hans Huber")]
    dataset.PerformingPhysicianIdentificationSequence = [performer]
    for of_whom in ("Institution", "AdmittingDiagnoses", "EthnicGroup", "PatientPrimaryLanguage"):
        setattr(dataset, f"{of_whom}CodeSequence", [a_code("B20", "Secret")])
    dataset.ReferencedPatientSequence = [a_code("B20", "Secret")]
    dataset.ProcedureCodeSequence = [a_code("CTCHEST", "CT chest")]
    for choice in (Choice(), Choice(True, True, True)):
        found = cleaned(dataset, choice)
        assert found.ProcedureCodeSequence[0].CodeMeaning == "CT chest"
        assert not {"E12345", "B20"} & {str(one.value) for one in found.iterall()}
        assert not any(keyword in str(found) for keyword in ("Huber", "Secret"))


@pytest.mark.parametrize("value", ["2026-11-23", "202611", "2026 1123", "2026112320261124", "2026", "20261123-2026", "20261341"])
@pytest.mark.parametrize("keyword", ["PerformedProcedureStepStartDate", "ScheduledProcedureStepStartDateTime"])
def test_a_date_that_cannot_be_moved_whole_is_emptied(keyword: str, value: str) -> None:
    assert of_one(keyword, value, Choice()) == ""


@pytest.mark.parametrize("value", ["20261123", "20261123-", "-20261123", "20261123-20261124"])
def test_ranges_of_dates_are_moved_at_both_ends(value: str) -> None:
    moved = of_one("ScheduledProcedureStepStartDate", value, Choice())
    assert [len(part) for part in moved.split("-")] == [len(part) for part in value.split("-")] and "2026112" not in moved


def test_a_moment_keeps_its_time_and_offset_and_a_day_in_a_time_goes() -> None:
    assert of_one("ScheduledProcedureStepStartDateTime", "20261123101500.5-0500", Choice()).endswith("101500.5-0500")
    for legal in ("0930", "093015.25", "08-12", "-1200", "09:30:15"):
        assert of_one("PerformedProcedureStepStartTime", legal, Choice()) == legal
    for wrong in ("20261123101500", "2561", "9"):
        assert of_one("PerformedProcedureStepStartTime", wrong, Choice()) == ""


@pytest.mark.parametrize(
    ("keyword", "value", "kept"),
    [
        ("Modality", "DOE JANE", ""),
        ("Modality", "CT", "CT"),
        ("TimezoneOffsetFromUTC", "Jane Doe 1970", ""),
        ("TimezoneOffsetFromUTC", "-0500", "-0500"),
    ],
)
def test_text_that_has_one_form_is_kept_in_it_alone(keyword: str, value: str, kept: str) -> None:
    assert of_one(keyword, value, Choice()) == kept


def test_names_of_two_letters_hyphenated_ones_and_birth_dates_are_found_in_text() -> None:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    put(dataset, "PatientName", "Li^Wu")
    put(dataset, "OperatorsName", "Müller-Lüdenscheid^Hans=山^太")
    put(dataset, "PatientBirthDate", "19700102")
    put(dataset, "NumberOfStudyRelatedInstances", "19700102")
    put(dataset, "PatientComments", "Wu Li, born 19700102 (02.01.1970), Frau Lüdenscheid, 山さん, a lily")
    code = a_code("CT1", "CT chest for Wu Li born 1970-01-02")
    put(code, "ContextIdentifier", "JANE DOE")
    dataset.ProcedureCodeSequence = [code]
    found = cleaned(dataset, Choice(keep_text=True, keep_dates=True))
    assert found.PatientComments == "… …, born … (…), Frau …, …さん, a lily"
    assert found.ProcedureCodeSequence[0].CodeMeaning == "CT chest for - - born -"
    assert (found.ProcedureCodeSequence[0].ContextIdentifier, found.NumberOfStudyRelatedInstances) == ("", None)
    other = of_one("PatientComments", "seen 23.11.2026 and 2026-11-24, 12 slices", Choice(keep_text=True))
    assert other == "seen - and -, 12 slices", "beside the same days moved they would tell the span"


def test_a_class_that_is_nobodys_is_a_pseudonym_everywhere() -> None:
    named = "1.3.6.1.4.1.9999.1.20261123.77"
    dataset = Dataset()
    dataset.StudyInstanceUID = named
    asked = said(dataset)
    asked.first.sop_class_uid = named
    export = opened(bundle.without_identities(asked, Choice()))
    assert not any(named.encode() in content for content in export.values())
    file = dcmread(io.BytesIO(export["request.dcm"]))
    assert file.file_meta.MediaStorageSOPClassUID == file.StudyInstanceUID
    assert file.StudyInstanceUID.encode() in export["README.txt"]


@pytest.mark.parametrize("named", ["", "no.uid", MODALITY_PERFORMED_PROCEDURE_STEP])
def test_dcmdump_reads_the_files_whatever_class_the_command_named(named: str, tmp_path: Path) -> None:
    dataset = Dataset()
    dataset.PatientName = "DOE^John"
    asked = said(dataset)
    asked.first.sop_class_uid = named
    for made in (bundle.without_identities(asked, Choice()), bundle.as_it_travelled(asked)):
        files = opened(made)
        (tmp_path / "request.dcm").write_bytes(files["request.dcm"])
        dump = subprocess.run([dcmtk("dcmdump"), str(tmp_path / "request.dcm")], check=True, capture_output=True, text=True)
        assert not dump.stderr
        assert "(0002,0002) UI =ModalityPerformedProcedureStepSOPClass" in dump.stdout
        assert (b"names no SOP class" in files["README.txt"]) is (named != MODALITY_PERFORMED_PROCEDURE_STEP)


def test_a_message_with_thousands_of_references_keeps_them_apart() -> None:
    dataset, series = Dataset(), Dataset()
    series.ReferencedImageSequence = [Dataset() for _ in range(4000)]
    for number, item in enumerate(series.ReferencedImageSequence):
        item.ReferencedSOPInstanceUID = f"1.3.6.1.4.1.9999.{number}"
    dataset.PerformedSeriesSequence = [series]
    found = cleaned(dataset)
    assert len({item.ReferencedSOPInstanceUID for item in found.PerformedSeriesSequence[0].ReferencedImageSequence}) == 4000
