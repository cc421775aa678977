"""What an import that replaces everything takes off, and what it must leave."""

import pytest

from ris.actions import removal, steps
from ris.actor import Actor
from ris.models import ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_procedure, a_site, an_order, in_minutes, steps_of

pytestmark = pytest.mark.django_db
MODALITY = Actor.modality("CT01")


def test_an_open_step_stays_when_another_of_its_procedure_was_performed() -> None:
    performed, opened = steps_of(an_order(a_procedure("TWO", steps=("First", "Second"))))
    waiting = steps_of(an_order(start=in_minutes(200)))[0]
    steps.start(performed.pk, MODALITY)
    steps.end(performed.pk, "complete", MODALITY)

    assert removal.remove_steps(a_site(), ACTOR) == (1, 1)
    assert set(ScheduledProcedureStep.objects.values_list("pk", flat=True)) == {performed.pk, opened.pk}
    assert not ScheduledProcedureStep.objects.filter(pk=waiting.pk).exists()
    assert removal.remove_steps(a_site(), ACTOR) == (0, 1)
