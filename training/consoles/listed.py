"""A worklist on a console's screen: rows of what was received, and which item a row stands for."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from pydicom.dataset import Dataset

from ris.errors import InvalidInput
from ris.web import times
from training import query
from training.models import Console
from training.performed import step_item

SHOWN: Final = 200
"""Entries that a screen holds; of a longer list the rest is counted."""
_IDENTIFYING = ("StudyInstanceUID", "RequestedProcedureID", "AccessionNumber", "PatientID", "PatientName")


def key_of(item: Dataset) -> str:
    """Tells an entry from the others of a list, also when the list is asked for again."""
    known = [query.text(item, keyword) for keyword in _IDENTIFYING] + [query.step_id(item), query.start(item)]
    return sha256("\0".join(known).encode("utf-8", "replace")).hexdigest()[:12]


def row_of(item: Dataset) -> dict[str, str]:
    """What the screen shows of an entry, as it was received; the birth date in words if it is one."""
    day, _, time = query.start(item).partition(" ")
    born = query.text(item, "PatientBirthDate")
    return {
        "key": key_of(item),
        "day": day,
        "time": time,
        "name": query.text(item, "PatientName"),
        "patient_id": query.text(item, "PatientID"),
        "born": times.dicom_date(born) or born,
        "sex": query.text(item, "PatientSex"),
        "procedure": query.described(item),
        "accession": query.text(item, "AccessionNumber"),
        "step_id": query.step_id(item),
        "station": query.text(step_item(item), "ScheduledStationAETitle"),
    }


def picked(console: Console, keys: Sequence[str]) -> list[Dataset]:
    """The entries of these rows, in the order of the list. InvalidInput for a row that the list does not have any more."""
    items = items_of(console)
    found = [item for item in items if key_of(item) in keys]
    if len(found) < len(set(keys)):
        raise InvalidInput({"pick": "names an entry that is not on this console's list any more; update the list and select it again"})
    return found


def items_of(console: Console) -> list[Dataset]:
    """The list as it was received."""
    return [Dataset.from_json(item) for item in console.items]


def of_several(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The rows of patients who have more than one."""
    counts = Counter(_patient(row) for row in rows)
    return [row for row in rows if counts[_patient(row)] > 1]


def _patient(row: dict[str, str]) -> tuple[str, str]:
    return (row["patient_id"], row["name"])
