"""One association of a modality that stays open while people work: each of its queries sees what was done just before."""

import pytest

from dimse import scu
from dimse.server import DicomServer
from dimse.services import MODALITY_WORKLIST
from ris.actions import additions, merging, orders, patients, steps
from ris.actions.catalogue import StepData
from ris.actions.orders import Booking
from ris.actor import Actor
from ris.models import Site
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_station, an_order, in_minutes, steps_of
from tests.support.worklist import identifier

pytestmark = pytest.mark.both_databases
Seen = list[tuple[str, str, str]]


def test_each_query_sees_what_was_done_just_before_it(server: DicomServer, site: Site) -> None:
    stay = an_order(patient_id="P1", name="TANAKA^Hanako", birth_date="")
    a_procedure("HEAD", steps=("CT head",))
    a_station("CT02")
    step = steps_of(stay)[0]
    late = Booking(station_ae_title="CT01", start=in_minutes(300))
    with scu.open_association("127.0.0.1", server.port, calling="CT01", called="STEPWISE", contexts=[MODALITY_WORKLIST]) as modality:

        def seen(**keys: str) -> Seen:
            """Patient ID, name and description of what is on the list of CT01."""
            step_keys = {"ScheduledStationAETitle": "CT01", "ScheduledProcedureStepDescription": ""}
            answers = modality.find(identifier(step_keys, PatientName="", **({"PatientID": ""} | keys)))
            items = [(answer, answer.ScheduledProcedureStepSequence[0]) for answer in answers]
            return [(answer.PatientID, str(answer.PatientName), item.ScheduledProcedureStepDescription) for answer, item in items]

        chest, head = ("P1", "TANAKA^Hanako", "CT chest"), ("P1", "TANAKA^Hanako", "CT head")
        assert seen() == [chest]
        steps.schedule(step.pk, "CT02", in_minutes(30), ACTOR)
        assert seen() == []
        steps.schedule(step.pk, "CT01", in_minutes(30), ACTOR)
        assert seen() == [chest]
        added = additions.add_procedure(stay, "HEAD", ACTOR, late)
        assert seen() == [chest, head]
        orders.cancel_procedure(added, ACTOR, "not needed")
        assert seen() == [chest]
        more = additions.add_step(step.requested_procedure, StepData("Late images", "CT", 15), ACTOR, late)
        assert [description for _, _, description in seen()] == ["CT chest", "Late images"]
        steps.cancel(more.pk, ACTOR, "not needed")
        patients.update_patient(stay.patient, a_patient_data(patient_id="P7", name="TANAKA^Hana"), ACTOR)
        assert seen(PatientID="P1") == []
        assert seen(PatientID="P7") == [("P7", "TANAKA^Hana", "CT chest")]
        other = an_order(patient_id="P8", name="MORI^Aiko", start=in_minutes(120))
        merging.merge_patients(other.patient, stay.patient, ACTOR, confirmed=["birth_date"])
        assert seen(PatientID="P8") == [("P8", "MORI^Aiko", "CT chest")] * 2
        merging.undo_merge(stay.patient, ACTOR, "two people")
        assert seen(PatientID="P8") == [("P8", "MORI^Aiko", "CT chest")]
        orders.cancel_order(other, ACTOR, "not needed")
        assert seen() == [("P7", "TANAKA^Hana", "CT chest")]
        steps.start(step.pk, Actor.modality("CT01"))
        assert seen() == []
