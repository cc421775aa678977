"""Whom data sets are about, for the audit trail: of queries, of answers and of what modalities report, with and without numbers."""

import pytest
from pydicom import Dataset
from pydicom.dataelem import DataElement

from ris import audit, whom
from ris.audit import Subject
from ris.models import Patient
from stepwise.inspector.said import _numbers
from tests.support.hospital import a_site, an_order
from tests.support.worklist import identifier

pytestmark = pytest.mark.django_db

WITHIN = {"AccessionNumber": "A-1"}


def reported(**root: object) -> Dataset:
    """An N-CREATE, whose accession number stands in its sequence (PS3.4 F.7.2)."""
    made = identifier(None, **root)
    made.add(DataElement("ScheduledStepAttributesSequence", "SQ", [identifier(None, **WITHIN), Dataset()]))
    return made


@pytest.mark.parametrize(
    ("data", "is_query", "found"),
    [
        (identifier(PatientID="P-1", AccessionNumber="A-1"), True, [("P-1", "A-1")]),
        (identifier(PatientID="12*4", AccessionNumber="A-1"), True, [("", "A-1")]),
        (identifier(PatientID="12?4", AccessionNumber="*"), True, []),
        (identifier(PatientID="", PatientName="DOE^Jane"), True, []),
        (identifier(PatientID="12*4"), False, [("12*4", "")]),
        (identifier(PatientID="", AccessionNumber="A-1"), False, [("", "A-1")]),
        (identifier(PatientID="", PatientName="UNKNOWN^Jane"), False, [("", "")]),
        (identifier(PatientID="", PatientName=""), False, []),
        (reported(PatientID="P-1"), False, [("P-1", "A-1")]),
        (reported(PatientID=""), False, [("", "A-1")]),
    ],
)
def test_one_rule_for_the_journal_and_the_inspector(data: Dataset, is_query: bool, found: list[tuple[str, str]]) -> None:
    json = data.to_json_dict()
    of = whom.of_datasets(a_site(), [] if is_query else [json], keys=[json] if is_query else [])
    assert [(one.patient_id, one.accession_number) for one in of] == found
    assert list(_numbers(data, is_query)) == found


@pytest.mark.both_databases
def test_who_has_no_number_that_is_known_is_looked_up_by_the_accession_number() -> None:
    site, order, other = a_site(), an_order(), an_order(station="CT02")
    Patient.objects.filter(pk=other.patient_id).update(patient_id="")
    known, number = order.patient, order.accession_number
    asked = [("", number), ("WRONG", number), (known.patient_id, other.accession_number), ("", other.accession_number), ("", "A-X")]
    assert audit.of_numbers(site, asked) == [
        Subject(known.pk, known.patient_id, number),
        Subject(known.pk, "WRONG", number),
        Subject(known.pk, known.patient_id, other.accession_number),
        Subject(other.patient_id, "", other.accession_number),
        Subject(None, "", "A-X"),
    ]
