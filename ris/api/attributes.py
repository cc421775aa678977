"""What staff set (`ris.attributes`) in the bodies of calls: one model a record, its fields named by DICOM keywords."""

from collections.abc import Sequence
from typing import Any

from ninja import Field
from pydantic import create_model

from ris import attributes
from ris.api.base import Body
from ris.attribute import Attribute
from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep, Visit

_OBJECTS = str | list[dict[str, str]]


def _model(name: str, table: Sequence[Attribute]) -> type[Body]:
    fields: dict[str, Any] = {one.keyword: (_kind(one) | None, Field(None, description=_about(one))) for one in table}
    return create_model(name, __base__=Body, **fields)


def _kind(attribute: Attribute) -> Any:
    return _OBJECTS if attribute.vr == "SQ" else str | list[str] if attribute.is_many else str


def _about(attribute: Attribute) -> str:
    """`Patient class: O, I, E, U.`"""
    few = [value for value, _ in attribute.choices if value] if attribute.vr != "SQ" else []
    hints = [attribute.hint and f"{attribute.hint[:1].lower()}{attribute.hint[1:]}", "FAMILY^GIVEN" if attribute.vr == "PN" else ""]
    tail = f": {', '.join(few)}" if few else "".join(f"; {hint}" for hint in hints if hint)
    return f"{attribute.label}{tail}."


PatientAttributes = _model("PatientAttributes", attributes.PATIENT)


class FurtherIn(Body):
    """Of the procedure and the step: for each of the order."""

    # mypy takes a class that is made of a table for a value, here and where one is a field elsewhere.
    visit: _model("VisitAttributes", attributes.VISIT) | None = None  # type: ignore[valid-type]
    order: _model("OrderAttributes", attributes.ORDER) | None = None  # type: ignore[valid-type]
    procedure: _model("ProcedureAttributes", attributes.PROCEDURE) | None = None  # type: ignore[valid-type]
    step: _model("StepAttributes", attributes.STEP) | None = None  # type: ignore[valid-type]


def place(keyword: str) -> str | None:
    """Where the caller wrote an attribute, for a refusal; None for what is none."""
    record = next((name for name, table in attributes.RECORDS.items() if any(one.keyword == keyword for one in table)), None)
    if record is None:
        return None
    return f"patient.attributes.{keyword}" if record == "patient" else f"attributes.{record}.{keyword}"


def set_of(record: Patient | Visit | Order | RequestedProcedure | ScheduledProcedureStep | None, name: str) -> dict[str, Any]:
    """What the record has of its attributes, by keyword."""
    if record is None:
        return {}
    return {one.keyword: value for one in attributes.RECORDS[name] if (value := one.of(record))}
