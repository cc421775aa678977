"""What staff may set: the table fits the records and the data dictionary, values are checked by their VR, in words."""

from typing import Any

import pytest
from pydicom.datadict import tag_for_keyword

from ris import attributes
from ris.actions import patients
from ris.attribute import Attribute
from ris.errors import InvalidInput
from ris.models import Order, Patient, RecordChange, RequestedProcedure, ScheduledProcedureStep, Visit
from ris.validation import Checker
from tests.support.hospital import ACTOR, a_patient_data, a_site, an_order, steps_of
from tests.support.worklist import asked_over, identifier
from worklist import keys

MODELS = {"patient": Patient, "visit": Visit, "order": Order, "procedure": RequestedProcedure, "step": ScheduledProcedureStep}
NOT_SENT = {"PatientClass", "PatientAccountNumber"}
ALL = [(record, attribute) for record, table in attributes.RECORDS.items() for attribute in table]
BY_KEYWORD = {attribute.keyword: attribute for _, attribute in ALL}
EXAMPLES: dict[str, tuple[Any, Any]] = {
    "PatientBirthTime": ("4:35", "0435"),
    "LastMenstrualDate": ("2026-06-01", "20260601"),
    "AdmittingDate": ("", ""),
    "OtherPatientNames": ("DOE^JANE; ROE^ANN^", ["DOE^JANE", "ROE^ANN"]),
    "PatientTelephoneNumbers": (["555 1", " 555 2 "], ["555 1", "555 2"]),
    "OtherPatientIDsSequence": ("4711 / HOSP2; 99", [{"id": "4711", "issuer": "HOSP2"}, {"id": "99", "issuer": ""}]),
    "PatientPrimaryLanguageCodeSequence": ("de", [{"code": "de", "scheme": "RFC5646", "meaning": "German"}]),
    "SmokingStatus": ("yes", "YES"),
    "RequestedProcedurePriority": ("stat", "STAT"),
    "VisitComments": (" two\nlines ", "two\nlines"),
    "ServiceEpisodeID": (None, ""),
}
REFUSED: dict[str, tuple[Any, str]] = {
    "PatientBirthTime": ("25:00", "not a time"),
    "LastMenstrualDate": ("2026-02-30", "not a date"),
    "EthnicGroup": ("x" * 17, "SH holds at most 16"),
    "PatientTelephoneNumbers": (["x" * 17], "SH holds at most 16"),
    "OtherPatientNames": ("a^b^c^d^e^f", "five components"),
    "OtherPatientIDsSequence": ("/ HOSP2", "needs id"),
    "PatientPrimaryLanguageCodeSequence": ("xx", "no language"),
    "SmokingStatus": ("sometimes", "must be one of YES, NO, UNKNOWN"),
    "RequestedProcedurePriority": ("", "is empty"),
    "PatientAddress": (7, "must be a text"),
    "AdmittingDiagnosesDescription": ([1], "list of texts"),
    "VisitStatusID": ("GONE", "must be one of CREATED"),
}


@pytest.mark.parametrize(("record", "attribute"), ALL, ids=lambda one: getattr(one, "keyword", one))
def test_an_attribute_is_one_of_the_worklist_and_has_a_place_in_its_record(record: str, attribute: Attribute) -> None:
    assert not attribute.column or MODELS[record]._meta.get_field(attribute.column)
    tag = tag_for_keyword(attribute.keyword)
    level = keys.STEP if record == "step" else keys.ROOT
    assert (tag in level) == (attribute.keyword not in NOT_SENT)
    assert attribute.keyword in NOT_SENT or f"{tag:08X}" in attribute.tags
    assert level[tag].source if tag in level else attribute.column
    assert attribute.needed or attribute.check(attribute.empty) == attribute.empty


def test_forty_attributes_and_more_can_be_set_and_each_stands_once() -> None:
    assert len(BY_KEYWORD) == len(ALL) >= 40


@pytest.mark.parametrize("keyword", EXAMPLES)
def test_a_value_is_kept_as_it_travels_and_kept_again_it_is_the_same(keyword: str) -> None:
    typed, kept = EXAMPLES[keyword]
    assert BY_KEYWORD[keyword].check(typed) == kept
    assert BY_KEYWORD[keyword].check(kept) == kept


@pytest.mark.parametrize("keyword", REFUSED)
def test_a_wrong_value_is_refused_in_words(keyword: str) -> None:
    typed, words = REFUSED[keyword]
    with pytest.raises(ValueError, match=words):
        BY_KEYWORD[keyword].check(typed)


def test_what_cannot_be_set_is_named_with_what_can() -> None:
    checked = Checker()
    assert attributes.check(attributes.STEP, {"PatientName": "X", "PreMedication": "none"}, checked) == {"PreMedication": "none"}
    assert "cannot be set here; known are ScheduledProcedureStepDescription" in checked.errors["PatientName"]


@pytest.mark.django_db
def test_an_edit_of_a_patient_shows_on_the_worklist_at_once_and_wins_over_what_was_received() -> None:
    step = steps_of(an_order(patient_id="P1", name="DOE^JANE"))[0]
    step.received_item = {"00102160": {"vr": "SH", "Value": ["received"]}, "00101000": {"vr": "LO", "Value": ["OLD"]}}
    step.save(update_fields=["received_item"])
    details = {"EthnicGroup": "typed", "OtherPatientIDsSequence": "4711 / HOSP2", "PatientPrimaryLanguageCodeSequence": "de"}
    data = a_patient_data(patient_id="P1", name="DOE^JANE", confidentiality="VIP", details=details)
    patient = patients.update_patient(step.requested_procedure.order.patient, data, ACTOR)
    asked = identifier(
        EthnicGroup="",
        OtherPatientIDs="",
        OtherPatientIDsSequence=[],
        PatientPrimaryLanguageCodeSequence=[],
        ConfidentialityConstraintOnPatientDataDescription="",
    )
    _, [answer] = asked_over(asked)
    assert (answer.EthnicGroup, answer.OtherPatientIDs) == ("typed", "4711")
    assert answer.ConfidentialityConstraintOnPatientDataDescription == "VIP"
    [other], [language] = answer.OtherPatientIDsSequence, answer.PatientPrimaryLanguageCodeSequence
    assert (other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID) == ("4711", "HOSP2", "TEXT")
    assert (language.CodeValue, language.CodingSchemeDesignator, language.CodeMeaning) == ("de", "RFC5646", "German")
    change = RecordChange.objects.filter(subject="patient", subject_id=patient.pk).latest("pk")
    assert change.detail["EthnicGroup"] == ["", "typed"]


@pytest.mark.django_db
def test_wrong_details_of_a_patient_are_refused_by_keyword_and_nothing_is_written() -> None:
    with pytest.raises(InvalidInput) as refused:
        patients.register_patient(a_site(), a_patient_data(details={"SmokingStatus": "often", "Shoes": "42"}), ACTOR)
    assert set(refused.value.errors) == {"SmokingStatus", "Shoes"}
    assert not Patient.objects.exists()
