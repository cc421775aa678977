"""Changing patients: whose ID it is, and what an import had laid over the columns."""

import pytest

from ris.actions import patients
from ris.errors import Conflict
from ris.models import Patient
from tests.support.hospital import ACTOR, a_patient_data, a_site, an_order, steps_of

pytestmark = pytest.mark.django_db


def test_the_id_of_another_patient_is_a_conflict_and_nothing_changes() -> None:
    patients.register_patient(a_site(), a_patient_data(patient_id="P1", name="DOE^JANE"), ACTOR)
    other = patients.register_patient(a_site(), a_patient_data(patient_id="P2"), ACTOR)
    with pytest.raises(Conflict, match="P1 belongs to another patient already"):
        patients.update_patient(other, a_patient_data(patient_id="P1"), ACTOR)
    assert Patient.objects.get(pk=other.pk).patient_id == "P2"


def test_an_imported_patient_without_issuer_stays_without_and_can_be_changed() -> None:
    ours = patients.register_patient(a_site(), a_patient_data(patient_id="P1"), ACTOR)
    theirs = Patient.objects.create(site=a_site(), patient_id="P1", name="ROE^ANN", created_at=ours.created_at)
    changed = patients.update_patient(theirs, a_patient_data(patient_id="P1", name="ROE^ANNE"), ACTOR)
    assert (changed.name, changed.issuer_of_patient_id) == ("ROE^ANNE", "")


def test_a_changed_column_takes_off_what_was_received_for_it_and_nothing_else() -> None:
    step = steps_of(an_order(patient_id="P1", name="DOE^JANE"))[0]
    step.received_item = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane^^^"}]},
        "00100040": {"vr": "CS", "Value": ["X"]},
        "00081030": {"vr": "LO", "Value": ["as received"]},
    }
    step.save(update_fields=["received_item"])
    patient = step.requested_procedure.order.patient
    patients.update_patient(patient, a_patient_data(patient_id="P1", name="ROE^JANE"), ACTOR)
    step.refresh_from_db()
    assert set(step.received_item) == {"00100040", "00081030"}
