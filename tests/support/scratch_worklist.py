"""What the worklist has to serve, computed from the tables in plain Python: nothing here comes from the `worklist` room.

One row of every table is a dictionary; a step's item is looked up in them, what an import received stands over it, and dates are those
of the hospital's zone.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep, Site, Station, StepStation

Row = dict[str, Any]
STEP_SEQUENCE = "00400100"
ROOT_KEYS = (
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "RequestedProcedureDescription",
    "RequestedProcedureID",
    "RequestedProcedurePriority",
)
STEP_KEYS = (
    "Modality",
    "ScheduledStationAETitle",
    "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime",
    "ScheduledProcedureStepDescription",
    "ScheduledProcedureStepID",
    "ScheduledStationName",
    "ScheduledProcedureStepLocation",
    "ScheduledProcedureStepStatus",
)


@dataclass(frozen=True)
class Item:
    """A step that a worklist can show; `root` and `step` are texts by keyword, several values separated by backslashes."""

    key: int
    start: datetime
    root: Mapping[str, str]
    step: Mapping[str, str]

    @property
    def stations(self) -> list[str]:
        return self.step["ScheduledStationAETitle"].split("\\")

    @cached_property
    def names(self) -> list[str]:
        """The name's groups as a person who does not care for case and accents reads them."""
        return [bare(group) for group in self.root["PatientName"].split("=")]


def bare(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))


def items() -> list[Item]:
    """All steps with a start, in the order in which they are served."""
    tables: dict[Any, dict[int, Row]] = {
        model: {row["id"]: row for row in model._default_manager.values()} for model in (Site, Patient, Order, RequestedProcedure, Station)
    }
    rows = StepStation.objects.order_by("step", "position").values()
    at_stations = {step: list(group) for step, group in groupby(rows, key=lambda row: row["step_id"])}
    found = [
        _item(step, tables, at_stations.get(step["id"], []))
        for step in ScheduledProcedureStep.objects.values()
        if step["start"] is not None
    ]
    return sorted(found, key=lambda item: (item.step["ScheduledProcedureStepStartDate"], item.start, item.key))


def _item(step: Row, tables: Mapping[Any, dict[int, Row]], at_stations: list[Row]) -> Item:
    procedure = tables[RequestedProcedure][step["requested_procedure_id"]]
    order = tables[Order][procedure["order_id"]]
    patient = tables[Patient][order["patient_id"]]
    begins = step["start"].astimezone(ZoneInfo(tables[Site][step["site_id"]]["time_zone"]))
    names = [tables[Station][row["station_id"]]["name"] for row in at_stations if row["station_id"]]
    root = (
        order["accession_number"],
        order["referring_physician_name"],
        patient["name"],
        patient["patient_id"],
        f"{patient['birth_date']:%Y%m%d}" if patient["birth_date"] else "",
        patient["sex"],
        procedure["study_instance_uid"],
        procedure["description"],
        procedure["requested_procedure_id"],
        order["priority"],
    )
    inside = (
        step["modality"],
        "\\".join(row["ae_title"] for row in at_stations),
        f"{begins:%Y%m%d}",
        f"{begins:%H%M%S}",
        step["description"],
        step["scheduled_procedure_step_id"],
        "\\".join(names),
        step["location"],
        step["status"],
    )
    received = step["received_item"]
    received_step = next(iter(received.get(STEP_SEQUENCE, {}).get("Value", [])), {})
    return Item(
        step["id"],
        step["start"],
        _over(dict(zip(ROOT_KEYS, root, strict=True)), received),
        _over(dict(zip(STEP_KEYS, inside, strict=True)), received_step),
    )


def _over(values: dict[str, str], received: Mapping[str, Any]) -> dict[str, str]:
    """What was received replaces what the columns say; nothing received takes it away. The status is always the step's own."""
    for keyword in values:
        element = received.get(f"{tag_for_keyword(keyword):08X}")
        if element is not None and keyword != "ScheduledProcedureStepStatus":
            values[keyword] = "\\".join(map(_text, element.get("Value", [])))
    return values


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "=".join(value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
    return str(value)


def answer(item: Item) -> tuple[dict[str, str], dict[str, str]]:
    return dict(item.root), dict(item.step)


def as_answered(dataset: Dataset) -> tuple[dict[str, str], dict[str, str]]:
    """The same of a data set that the SCP answers; what is absent is empty."""
    return _texts(dataset, ROOT_KEYS), _texts(dataset.ScheduledProcedureStepSequence[0], STEP_KEYS)


def _texts(dataset: Dataset, keywords: Iterable[str]) -> dict[str, str]:
    return {keyword: _joined(dataset.get(keyword)) for keyword in keywords}


def _joined(value: Any) -> str:
    if value is None:
        return ""
    return "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
