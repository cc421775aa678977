"""Whatever people and modalities do, in whatever order: the worklist is what its source says."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ris.actions import patients, steps
from ris.actor import Actor
from ris.errors import RisError
from ris.models import ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_patient_data, a_pool, a_procedure, a_station, an_order, in_minutes
from tests.support.worklist import asking, found
from worklist import projection

pytestmark = pytest.mark.both_databases
MODALITY = Actor.modality("CT01")


def _order(number: int, minutes: int) -> None:
    a_procedure("TWO", steps=("Injection", "Scan"))
    an_order(
        a_procedure("TWO", steps=("Injection", "Scan")) if minutes % 2 else None, station=f"CT0{number % 3 + 1}", start=in_minutes(minutes)
    )


def _on_a_step(act: Callable[[int, int], object]) -> Callable[[int, int], None]:
    def run(number: int, minutes: int) -> None:
        ids = list(ScheduledProcedureStep.objects.order_by("pk").values_list("pk", flat=True))
        if ids:
            act(ids[number % len(ids)], minutes)

    return run


def _rename(step_id: int, minutes: int) -> None:
    patient = ScheduledProcedureStep.objects.get(pk=step_id).requested_procedure.order.patient
    patients.update_patient(patient, a_patient_data(name=f"RENAMED^{minutes}", patient_id=patient.patient_id), ACTOR)


ACTIONS: dict[str, Callable[[int, int], None]] = {
    "order": _order,
    "move": _on_a_step(lambda step, minutes: steps.schedule(step, f"CT0{minutes % 3 + 1}", in_minutes(minutes), ACTOR)),
    "pool": _on_a_step(lambda step, minutes: steps.schedule(step, "ANYCT", in_minutes(minutes), ACTOR)),
    "arrive": _on_a_step(lambda step, _: steps.arrive(step, ACTOR)),
    "cancel": _on_a_step(lambda step, _: steps.cancel(step, ACTOR, "because")),
    "restore": _on_a_step(lambda step, _: steps.change_status(step, "restore", ACTOR, "because")),
    "start": _on_a_step(lambda step, _: steps.start(step, MODALITY)),
    "complete": _on_a_step(lambda step, _: steps.end(step, "complete", MODALITY)),
    "put back": _on_a_step(lambda step, _: steps.end(step, "put_back", MODALITY, "because")),
    "rename": _on_a_step(_rename),
}


class TestAnySequence(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        a_pool("ANYCT", a_station("CT01"), a_station("CT02"), a_station("CT03"))
        a_procedure()

    @settings(max_examples=12, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 9), st.integers(1, 600)), min_size=3, max_size=14))
    def test_the_worklist_is_what_its_source_says(self, sequence: list[tuple[str, int, int]]) -> None:
        _order(0, 1)
        for name, number, minutes in sequence:
            try:
                ACTIONS[name](number, minutes)
            except RisError:
                continue  # a refusal changes nothing
        assert dict(projection.differences()) == {}
        waiting = ScheduledProcedureStep.objects.filter(status__in=("SCHEDULED", "ARRIVED", "READY")).exclude(start=None)
        served = [entry.step_id for entry in found(asking({}))]
        assert served == list(waiting.order_by("start", "pk").values_list("pk", flat=True))
