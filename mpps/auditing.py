"""Whose performed steps they are, for the audit trail: those of the orders they belong to, and what the modality says where it differs."""

from collections.abc import Iterator

from mpps.models import PerformedProcedureStep, PerformedStepChange
from ris import audit
from ris.audit import Subject


@audit.subjects.register
def of_performed(performed: PerformedProcedureStep) -> Iterator[Subject]:
    said = performed.patient_id[: audit.LONGEST]
    linked = [one for link in performed.links.all() if link.step for one in audit.subjects(link.step)]
    yield from linked
    if not any(one.patient_id == said for one in linked):
        yield Subject(None, said)


@audit.subjects.register
def _of_change(row: PerformedStepChange) -> Iterator[Subject]:
    yield from of_performed(row.performed_step)


@audit.event_of.register
def _event_of_change(row: PerformedStepChange) -> str:
    return audit.PROCEDURE
