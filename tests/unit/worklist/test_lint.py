"""What the lint finds in a worklist item, rule by rule."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from ris import queries
from tests.support.hospital import a_site, an_order, steps_of
from worklist import item, lint, lint_rules
from worklist import queries as worklist_queries

Change = Callable[[Dataset, Dataset], None]
NAME = "ÅÅ^É"


def a_dataset() -> Dataset:
    """An item with nothing wrong."""
    dataset, step = Dataset(), Dataset()
    dataset.PatientName, dataset.PatientID, dataset.PatientSex = "DOE^Jane", "4711", "F"
    dataset.PatientBirthDate = "19600229"
    dataset.StudyInstanceUID, dataset.RequestedProcedureID = "1.2.3", "RP-1"
    dataset.RequestedProcedureDescription = "Chest"
    step.ScheduledStationAETitle, step.Modality = "CT01", "CT"
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = "20261123", "1030"
    step.ScheduledProcedureStepID, step.ScheduledProcedureStepDescription = "SPS-1", "CT chest"
    dataset.ScheduledProcedureStepSequence = [step]
    return dataset


def found(change: Change) -> list[tuple[str, str]]:
    dataset = a_dataset()
    change(dataset, dataset.ScheduledProcedureStepSequence[0])
    return [(one.code, one.attribute) for one in lint.lint(item.encode(dataset))]


def put(keyword: str, value: Any, *, in_step: bool = False) -> Change:
    """The value as it is, legal or not."""

    def change(dataset: Dataset, step: Dataset) -> None:
        (step if in_step else dataset).add(DataElement(keyword, dictionary_VR(keyword), value, validation_mode=IGNORE))

    return change


def take(keyword: str, *, in_step: bool = False) -> Change:
    def change(dataset: Dataset, step: Dataset) -> None:
        del (step if in_step else dataset)[keyword]

    return change


def code(**values: str) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


STEP = "ScheduledProcedureStepSequence."
LONG = "X" * 65


def test_an_item_as_it_should_be_has_no_finding() -> None:
    assert found(lambda dataset, step: None) == []


@pytest.mark.parametrize(
    ("change", "code", "attribute"),
    [
        (take("StudyInstanceUID"), "MISSING_IDENTIFIER", "StudyInstanceUID"),
        (put("StudyInstanceUID", ""), "MISSING_IDENTIFIER", "StudyInstanceUID"),
        (take("RequestedProcedureID"), "MISSING_IDENTIFIER", "RequestedProcedureID"),
        (take("ScheduledProcedureStepID", in_step=True), "MISSING_IDENTIFIER", f"{STEP}ScheduledProcedureStepID"),
        (take("PatientName"), "MISSING_VALUE", "PatientName"),
        (put("PatientID", "  "), "MISSING_VALUE", "PatientID"),
        (take("Modality", in_step=True), "MISSING_VALUE", f"{STEP}Modality"),
        (take("RequestedProcedureDescription"), "NO_DESCRIPTION", "RequestedProcedureDescription"),
        (take("ScheduledProcedureStepDescription", in_step=True), "NO_DESCRIPTION", f"{STEP}ScheduledProcedureStepDescription"),
        (put("RequestedProcedureCodeSequence", [code(CodeMeaning="Chest")]), "EMPTY_CODE", "RequestedProcedureCodeSequence.CodeValue"),
        (
            put("RequestedProcedureCodeSequence", [code(CodeValue="CT", CodeMeaning="Chest")]),
            "EMPTY_CODE",
            "RequestedProcedureCodeSequence.CodingSchemeDesignator",
        ),
        (
            put("ReferencedStudySequence", [code(ReferencedSOPClassUID="1.2")]),
            "MISSING_VALUE",
            "ReferencedStudySequence.ReferencedSOPInstanceUID",
        ),
        (put("StudyInstanceUID", "1.02.3"), "MALFORMED_UID", "StudyInstanceUID"),
        (put("StudyInstanceUID", "1.2.X"), "MALFORMED_UID", "StudyInstanceUID"),
        (put("StudyInstanceUID", "1." + "2" * 64), "TOO_LONG", "StudyInstanceUID"),
        (put("AccessionNumber", "A" * 17), "TOO_LONG", "AccessionNumber"),
        (put("PatientID", LONG), "TOO_LONG", "PatientID"),
        (put("PatientName", f"DOE={LONG}"), "TOO_LONG", "PatientName"),
        (put("AdmissionID", "A\\B"), "SEVERAL_VALUES", "AdmissionID"),
        (put("PatientBirthDate", "20260231"), "IMPOSSIBLE_DATE", "PatientBirthDate"),
        (put("PatientBirthDate", "1960.02.29"), "IMPOSSIBLE_DATE", "PatientBirthDate"),
        (put("ScheduledProcedureStepStartDate", "0", in_step=True), "IMPOSSIBLE_DATE", f"{STEP}ScheduledProcedureStepStartDate"),
        (put("ScheduledProcedureStepStartTime", "2561", in_step=True), "IMPOSSIBLE_TIME", f"{STEP}ScheduledProcedureStepStartTime"),
        (put("ScheduledProcedureStepStartTime", "10:30", in_step=True), "IMPOSSIBLE_TIME", f"{STEP}ScheduledProcedureStepStartTime"),
        (put("PatientAge", "38"), "NO_NUMBER", "PatientAge"),
        (put("PatientSex", "X"), "UNKNOWN_TERM", "PatientSex"),
        (put("PregnancyStatus", 7), "UNKNOWN_TERM", "PregnancyStatus"),
        (put("Modality", "c/t", in_step=True), "BAD_CODE_STRING", f"{STEP}Modality"),
        (put("PatientName", "A^B^C^D^E^F"), "BAD_NAME", "PatientName"),
        (put("PatientName", "A=B=C=D"), "BAD_NAME", "PatientName"),
        (put("PatientComments", "a\x07b"), "CONTROL_CHARACTER", "PatientComments"),
        (put("RequestedProcedureDescription", "a\nb"), "CONTROL_CHARACTER", "RequestedProcedureDescription"),
    ],
)
def test_each_rule_finds_what_it_is_for(change: Change, code: str, attribute: str) -> None:
    assert found(change) == [(code, attribute)]


@pytest.mark.parametrize(
    "change",
    [
        put("PatientName", "YAMADA^Tarō=山田^太郎=やまだ^たろう"),
        put("PatientComments", "two\r\nlines \\ and a backslash"),
        put("PatientWeight", "70.5"),
        put("MedicalAlerts", ["Latex", "Iodine"]),
        put("PregnancyStatus", 4),
        put("RequestedProcedureCodeSequence", [code(CodeValue="CT", CodingSchemeDesignator="99", CodeMeaning="Chest")]),
        put("RequestedProcedureCodeSequence", [code(URNCodeValue="urn:x", CodeMeaning="Chest")]),
        put("ScheduledStationAETitle", ["CT01", "CT02"], in_step=True),
        put("ScheduledProcedureStepStartTime", "103015.123456", in_step=True),
        put("PatientAge", "038Y"),
    ],
)
def test_legal_values_are_no_finding(change: Change) -> None:
    assert found(change) == []


def test_what_the_character_set_of_a_station_cannot_show() -> None:
    dataset = a_dataset()
    dataset.PatientName = NAME
    encoded = item.encode(dataset)
    assert lint.lint_for(encoded, "ISO_IR 192") == lint.lint_for(encoded, "ISO_IR 100") == ()
    (one,) = lint.lint_for(encoded, "ISO_IR 144")
    assert (one.code, one.attribute) == ("NOT_IN_CHARACTER_SET", "PatientName")
    assert "ISO_IR 144 lacks" in one.text


def test_every_rule_is_tried_and_said_in_words() -> None:
    rows = test_each_rule_finds_what_it_is_for.pytestmark[0].args[1]
    assert {row[1] for row in rows} | {"NOT_IN_CHARACTER_SET"} == set(lint_rules.BY_CODE)
    assert all(len(rule.code) <= 32 and rule.paragraph and rule.advice for rule in lint_rules.RULES)


def test_the_page_of_the_documents_is_the_table() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "lint.md"
    assert lint_rules.markdown() in page.read_text(), "write the table of worklist.lint_rules.markdown() into docs/lint.md"


@pytest.mark.django_db
def test_the_item_of_a_step_is_linted_as_it_is_kept() -> None:
    step = queries.step(a_site(), steps_of(an_order())[0].pk)
    encoded = worklist_queries.encoded_item_for(step)
    assert lint.lint(encoded) == ()
    step.worklist_entry.delete()
    assert worklist_queries.encoded_item_for(queries.step(a_site(), step.pk)) == encoded
