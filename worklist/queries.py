"""Reads of the worklist for other rooms."""

from pydicom import Dataset

from ris.models import ScheduledProcedureStep
from worklist import item
from worklist.matching import SERVED
from worklist.models import WorklistEntry


def item_for(step: ScheduledProcedureStep) -> Dataset:
    """The step's whole item as a modality can ask for it; of a step that is on no worklist, what it would be."""
    entry = WorklistEntry.objects.filter(pk=step.pk).first()
    return item.decode(entry.item) if entry is not None else item.build(step)


def encoded_item_for(step: ScheduledProcedureStep) -> bytes:
    """`item_for` as it is kept (`worklist.item.encode`)."""
    entry = WorklistEntry.objects.filter(pk=step.pk).first()
    return bytes(entry.item) if entry is not None else item.encode(item.build(step))


def is_served(step: ScheduledProcedureStep) -> bool:
    """Whether a modality that asks without a status key is shown the step."""
    return step.status in SERVED and WorklistEntry.objects.filter(pk=step.pk).exists()
