"""Answers hold what was asked, by return type, in a character set that fits."""

from typing import Any

from pydicom.dataset import Dataset

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN
from tests.support.worklist import asking, identifier
from worklist import answers, query


def code(value: str) -> Dataset:
    return identifier(CodeValue=value, CodingSchemeDesignator="99T", CodeMeaning=f"Code {value}")


def an_item(**root: Any) -> Dataset:
    step = {
        "Modality": "CT",
        "ScheduledStationAETitle": ["CT01", "CT02"],
        "ScheduledProcedureStepStartDate": "20260706",
        "ScheduledProcedureStepStartTime": "2230",
        "ScheduledProcedureStepID": "SPS-1",
        "ScheduledProcedureStepStatus": "SCHEDULED",
        "ScheduledProtocolCodeSequence": [code("P1"), code("P2")],
    }
    return identifier(
        step, **{"PatientName": "SMITH^John", "PatientID": "P1", "StudyInstanceUID": "1.2.3", "PatientWeight": "70.50", **root}
    )


def answered(
    query: dict[str, Any], step: dict[str, Any] | None = None, *, item: Dataset | None = None, preferred: str = "ISO_IR 100"
) -> Dataset:
    return answers.compose(asking(step, **query), item or an_item(), preferred.split("\\"))


def test_only_what_was_asked_comes_back() -> None:
    answer = answered({"PatientName": "S*"}, {"Modality": ""})
    assert [element.keyword for element in answer] == ["PatientName", "ScheduledProcedureStepSequence"]
    assert answer.PatientName == "SMITH^John"
    assert [element.keyword for element in answer.ScheduledProcedureStepSequence[0]] == ["Modality"]


def test_types_2_and_3_are_present_when_empty_and_types_1c_and_2c_are_not() -> None:
    answer = answered(
        {
            "AccessionNumber": "",  # 2
            "PatientComments": "",  # 3
            "PregnancyStatus": None,  # 2, US
            "ReferencedStudySequence": [],  # 2
            "ScheduledSpecimenSequence": [],  # 3
            "RequestedProcedureDescription": "",  # 1C
            "RequestedProcedureCodeSequence": [],  # 1C
        },
        {"PreMedication": "", "ScheduledPerformingPhysicianName": "", "ScheduledProcedureStepDescription": ""},  # 2C, 2, 1C
    )
    assert {element.keyword for element in answer} == {
        "AccessionNumber",
        "PatientComments",
        "PregnancyStatus",
        "ReferencedStudySequence",
        "ScheduledSpecimenSequence",
        "ScheduledProcedureStepSequence",
    }
    assert all(element.is_empty or not element.value for element in answer if element.keyword != "ScheduledProcedureStepSequence")
    assert [element.keyword for element in answer.ScheduledProcedureStepSequence[0]] == ["ScheduledPerformingPhysicianName"]
    assert encode(answer, EXPLICIT_VR_LITTLE_ENDIAN)


def test_an_unsupported_key_is_left_out() -> None:
    answer = answered({"PatientID": "", "DigitalSignaturesSequence": []}, {"PatientID": ""})
    assert [element.keyword for element in answer] == ["PatientID", "ScheduledProcedureStepSequence"]
    assert len(answer.ScheduledProcedureStepSequence[0]) == 0


def test_a_step_sequence_asked_without_keys_comes_back_whole_with_what_it_must_not_lack() -> None:
    for asked in (identifier(PatientID=""), identifier({}, PatientID="")):
        if "ScheduledProcedureStepSequence" not in asked:
            asked.ScheduledProcedureStepSequence = []
        inside = answers.compose(query.parse(asked), an_item(), ()).ScheduledProcedureStepSequence
        assert len(inside) == 1
        assert inside[0].ScheduledProcedureStepStatus == "SCHEDULED"
        assert inside[0]["ScheduledProcedureStepLocation"].is_empty
        assert "ScheduledProcedureStepDescription" not in inside[0]


def test_a_sequence_comes_back_with_the_items_that_match_and_the_keys_asked_of_them() -> None:
    answer = answered({}, {"ScheduledProtocolCodeSequence": [identifier(CodeValue="P2", CodeMeaning="")]})
    items = answer.ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence
    assert [(item.CodeValue, item.CodeMeaning) for item in items] == [("P2", "Code P2")]
    assert "CodingSchemeDesignator" not in items[0]


def test_values_travel_as_they_are() -> None:
    answer = answered({"PatientWeight": ""}, {"ScheduledProcedureStepStartTime": "", "ScheduledStationAETitle": "CT02"})
    assert str(answer.PatientWeight) == "70.50"
    assert answer.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartTime == "2230"
    assert list(answer.ScheduledProcedureStepSequence[0].ScheduledStationAETitle) == ["CT01", "CT02"]


def test_the_character_set_is_declared_only_when_needed() -> None:
    assert "SpecificCharacterSet" not in answered({"PatientName": "", "SpecificCharacterSet": "ISO_IR 192"})
    assert answered({"PatientName": ""}, item=an_item(PatientName="MÜLLER")).SpecificCharacterSet == "ISO_IR 100"


def test_what_does_not_fit_the_character_set_makes_that_answer_utf_8() -> None:
    answer = answered({"PatientName": ""}, item=an_item(PatientName="山田^太郎"))
    assert answer.SpecificCharacterSet == "ISO_IR 192"
    assert "山田".encode() in encode(answer, EXPLICIT_VR_LITTLE_ENDIAN)


def test_code_extensions_are_used_where_the_station_knows_them() -> None:
    answer = answered({"PatientName": ""}, item=an_item(PatientName="Yamada^Tarou=山田^太郎"), preferred="\\ISO 2022 IR 87")
    assert list(answer.SpecificCharacterSet) == ["", "ISO 2022 IR 87"]
    assert b"\x1b$B" in encode(answer, EXPLICIT_VR_LITTLE_ENDIAN)
