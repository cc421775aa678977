"""What was received for steps and is taken off again where something newer was decided here."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import QuerySet

from ris.models import ScheduledProcedureStep

_STEP_SEQUENCE = "00400100"


def without(received_item: Mapping[str, Any], root: Collection[str] = (), step: Collection[str] = ()) -> dict[str, Any]:
    """The received item less these elements of its root and of the item of its step sequence, tags as DICOM JSON has them."""
    kept = {tag: element for tag, element in received_item.items() if tag not in root}
    items = kept.get(_STEP_SEQUENCE, {}).get("Value", [])
    if items:
        inside = {tag: element for tag, element in items[0].items() if tag not in step}
        kept[_STEP_SEQUENCE] = {"vr": "SQ", "Value": [inside]}
    return kept


def take_off(steps: QuerySet[ScheduledProcedureStep], root: Collection[str] = (), step: Collection[str] = ()) -> None:
    """`without` of the steps, which are locked in the order of their ids."""
    for one in steps.exclude(received_item={}).select_for_update(of=("self",)).order_by("pk"):
        kept = without(one.received_item, root, step)
        if kept != one.received_item:
            one.received_item = kept
            one.save(update_fields=["received_item"])
