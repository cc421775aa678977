"""Radiation dose and billing and material management of a performed step, in words and with units (PS3.3-2017c C.4.16, PS3.3 C.4.17)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import dictionary_description

from mpps import attributes, datasets
from mpps.attributes import Row
from mpps.datasets import Json, text

DOSE, BILLING = "Radiation Dose", "Billing"
"""Modules of `attributes.csv`."""
EXPOSURES: Final = "ExposureDoseSequence"
UNITS: Final = {
    "TotalTimeOfFluoroscopy": "s",
    "DistanceSourceToDetector": "mm",
    "DistanceSourceToEntrance": "mm",
    "EntranceDose": "dGy",
    "EntranceDoseInmGy": "mGy",
    "ExposedArea": "cm",
    "ImageAndFluoroscopyAreaDoseProduct": "dGy·cm²",
    "KVP": "kV",
    "XRayTubeCurrentInuA": "µA",
    "ExposureTime": "ms",
}


@dataclass(frozen=True)
class Fact:
    """An attribute with its value; `value` is empty when the modality sent none."""

    name: str
    value: str


@dataclass(frozen=True)
class Used:
    """A procedure that is billed, or something that was used up: what kind of thing, which one, and how many or how much."""

    kind: str
    what: str
    quantity: str


def dose(dataset: Json) -> list[Fact]:
    """What was sent of the dose module, exposures aside."""
    rows = (row for row in attributes.rows_in() if row.module == DOSE and row.keyword != EXPOSURES)
    return [fact for row in rows if (fact := _fact(dataset, row)).value]


def exposures(dataset: Json) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the exposures; columns that no exposure has are left out."""
    items = datasets.items(dataset, EXPOSURES)
    facts = [[_fact(item, row) for row in attributes.rows_in(EXPOSURES)] for item in items]
    columns = [column for column in zip(*facts, strict=True) if any(fact.value for fact in column)]
    return [column[0].name for column in columns], [[column[i].value for column in columns] for i in range(len(items) if columns else 0)]


def used(dataset: Json) -> list[Used]:
    """What was sent of the billing and material management module."""
    return [*_procedures(dataset), *_films(dataset), *_supplies(dataset)]


def _procedures(dataset: Json) -> Iterator[Used]:
    for item in datasets.items(dataset, "BillingProcedureStepSequence"):
        yield Used("Procedure to bill", _code(item), "")


def _films(dataset: Json) -> Iterator[Used]:
    for item in datasets.items(dataset, "FilmConsumptionSequence"):
        what = " ".join(filter(None, (text(item, "MediumType").capitalize(), text(item, "FilmSizeID"))))
        yield Used("Film", what, text(item, "NumberOfFilms"))


def _supplies(dataset: Json) -> Iterator[Used]:
    for item in datasets.items(dataset, "BillingSuppliesAndDevicesSequence"):
        amount = datasets.first_item(item, "QuantitySequence")
        unit = datasets.first_item(amount, "MeasuringUnitsSequence")
        quantity = " ".join(filter(None, (text(amount, "Quantity"), text(unit, "CodeMeaning") or text(unit, "CodeValue"))))
        yield Used("Supply or device", _code(datasets.first_item(item, "BillingItemSequence")), quantity)


def _code(item: Json) -> str:
    """`Contrast agent (C-B0300, SRT)`."""
    code = ", ".join(filter(None, (text(item, "CodeValue"), text(item, "CodingSchemeDesignator"))))
    meaning = text(item, "CodeMeaning")
    return f"{meaning} ({code})" if meaning and code else meaning or code


def _fact(dataset: Json, row: Row) -> Fact:
    if row.is_sequence:
        value = ", ".join(_code(item) for item in datasets.items(dataset, row.keyword))
    else:
        value = ", ".join(datasets.joined(dataset.get(row.tag)).split("\\")).strip(", ")
    unit = UNITS.get(row.keyword, "")
    return Fact(dictionary_description(row.tag), f"{value} {unit}".strip() if value else "")
