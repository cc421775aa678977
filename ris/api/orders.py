"""Ordering an exam, and looking an order up."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema
from ninja.responses import Status
from pydantic import StrictInt, model_validator

from ris import audit, queries
from ris.actions import orders
from ris.actions.orders import OrderRequest
from ris.actions.patients import PatientData
from ris.api import base
from ris.api.attributes import FurtherIn, PatientAttributes, place, set_of
from ris.api.auth import Bearer, caller
from ris.api.base import Body, Line, Moment, refusals
from ris.api.steps import StepOut, show_step
from ris.errors import InvalidInput
from ris.models import Order, Patient, RequestedProcedure
from ris.web.disclosure import disclose

router = Router(tags=["orders"])


class PatientIn(Body):
    """Without `patient_id` a new patient is registered. Under a known one name, birth date and sex must fit; what else is given is
    brought up to date.
    """

    name: str
    patient_id: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    issuer_of_patient_id: str | None = None
    weight_kg: Decimal | None = None
    size_m: Decimal | None = None
    allergies: list[str] | None = None
    medical_alerts: list[str] | None = None
    pregnancy_status: StrictInt | None = Field(None, description="1 not pregnant, 2 possibly, 3 definitely, 4 not known.")
    special_needs: str | None = None
    patient_state: str | None = None
    confidentiality: str | None = None
    attributes: PatientAttributes | None = Field(None, description="Further ones by DICOM keyword.")  # type: ignore[valid-type]

    def data(self) -> PatientData:
        """For the action: null is as good as left out."""
        given = self.model_dump(exclude_none=True)
        return PatientData(details=given.pop("attributes", {}), **given)


class OrderIn(Body):
    """One `procedure_code`, or several as `procedure_codes`. Without station and start the steps wait in the tray.
    Without `end` an exam is as long as the catalogue says.

    What is left out, null or empty is given by the RIS (accession number, placer order number) or stays empty.
    """

    patient: PatientIn
    procedure_code: Line | None = None
    procedure_codes: list[Line] | None = None
    priority: str | None = None
    station_ae_title: Line | None = None
    start: Moment | None = None
    end: Moment | None = None
    accession_number: str | None = None
    placer_order_number: str | None = None
    referring_physician_name: str | None = None
    requesting_physician: str | None = None
    requesting_service: str | None = None
    reason: str | None = None
    comments: str | None = None
    patient_transport_arrangements: str | None = None
    attributes: FurtherIn | None = Field(None, description="Further ones by record and DICOM keyword.")

    @model_validator(mode="after")
    def _one_way_of_naming_procedures(self) -> "OrderIn":
        if bool(self.procedure_code) == bool(self.procedure_codes):
            raise ValueError("needs either procedure_code or procedure_codes, and a value in it")
        return self

    def request(self) -> OrderRequest:
        """For the action: null is as good as left out."""
        given = self.model_dump(exclude={"patient", "procedure_code", "procedure_codes"}, exclude_none=True)
        return OrderRequest(procedure_codes=self.procedure_codes or [self.procedure_code or ""], **given)


class PatientOut(Schema):
    patient_id: str
    issuer_of_patient_id: str
    name: str
    birth_date: str | None
    sex: str
    weight_kg: Decimal | None
    size_m: Decimal | None
    allergies: list[str]
    medical_alerts: list[str]
    pregnancy_status: int | None
    special_needs: str
    patient_state: str
    confidentiality: str
    attributes: dict[str, Any] = Field(..., description="Further ones that are set, by DICOM keyword.")


class RequestedProcedureOut(Schema):
    requested_procedure_id: str
    study_instance_uid: str
    code: str
    scheme: str
    meaning: str
    attributes: dict[str, Any] = Field(..., description="Further ones that are set, by DICOM keyword.")
    step_attributes: dict[str, dict[str, Any]] = Field(..., description="Those of its steps, by scheduled_procedure_step_id.")
    steps: list[StepOut]


class OrderOut(Schema):
    """`requested_procedure_id`, `study_instance_uid` and `steps` repeat those of the only procedure; of several they are null."""

    accession_number: str
    placer_order_number: str
    filler_order_number: str
    priority: str
    referring_physician_name: str
    requesting_physician: str
    requesting_service: str
    reason: str
    comments: str
    patient_transport_arrangements: str
    attributes: dict[str, dict[str, Any]] = Field(..., description="Further ones of `order` and `visit` that are set, by DICOM keyword.")
    patient: PatientOut
    requested_procedures: list[RequestedProcedureOut]
    requested_procedure_id: str | None
    study_instance_uid: str | None
    steps: list[StepOut] | None


@router.post("/orders", auth=Bearer("orders.place"), response={201: OrderOut, **refusals(404, 409, 422)})
def place_order(request: HttpRequest, body: OrderIn) -> Status[dict[str, Any]]:
    """Order an exam and, with station and start, book its first step."""
    site = base.site_of(request)
    try:
        order = orders.place_order(site, body.patient.data(), body.request(), caller(request).actor)
    except InvalidInput as error:
        raise InvalidInput({_field(name): why for name, why in error.errors.items()}) from error
    return Status(201, shown(request, queries.order(site, order.accession_number)))


@router.get("/orders/{path:accession_number}", auth=Bearer("orders.view"), response={200: OrderOut, **refusals(404)})
def get_order(request: HttpRequest, accession_number: Line) -> dict[str, Any]:
    """The order of an accession number with its procedures and their steps."""
    return shown(request, queries.order(base.site_of(request), accession_number))


def _field(name: str) -> str:
    """Where the caller wrote what the domain calls by this name."""
    return place(name) or (f"patient.{name}" if name in PatientIn.model_fields else name)


def shown(request: HttpRequest, order: Order) -> dict[str, Any]:
    """An order of `queries.order`, as OrderOut, for who asks."""
    disclose(request, audit.ORDER, order)
    return show_order(order)


def show_order(order: Order) -> dict[str, Any]:
    """An order of `queries.order`, as OrderOut."""
    procedures = [_procedure(procedure) for procedure in order.requested_procedures.all()]
    only = procedures[0] if len(procedures) == 1 else {}
    return {
        "accession_number": order.accession_number,
        "placer_order_number": order.placer_order_number,
        "filler_order_number": order.filler_order_number,
        "priority": order.priority,
        "referring_physician_name": order.referring_physician_name,
        "requesting_physician": order.requesting_physician,
        "requesting_service": order.requesting_service,
        "reason": order.reason,
        "comments": order.comments,
        "patient_transport_arrangements": order.patient_transport_arrangements,
        "attributes": {"order": set_of(order, "order"), "visit": set_of(order.visit, "visit")},
        "patient": show_patient(order.patient),
        "requested_procedures": procedures,
        "requested_procedure_id": only.get("requested_procedure_id"),
        "study_instance_uid": only.get("study_instance_uid"),
        "steps": only.get("steps"),
    }


def show_patient(patient: Patient) -> dict[str, Any]:
    """As PatientOut."""
    return {
        "patient_id": patient.patient_id,
        "issuer_of_patient_id": patient.issuer_of_patient_id,
        "name": patient.name,
        "birth_date": patient.birth_date.isoformat() if patient.birth_date else None,
        "sex": patient.sex,
        "weight_kg": patient.weight_kg,
        "size_m": patient.size_m,
        "allergies": patient.allergies,
        "medical_alerts": patient.medical_alerts,
        "pregnancy_status": patient.pregnancy_status,
        "special_needs": patient.special_needs,
        "patient_state": patient.patient_state,
        "confidentiality": patient.confidentiality,
        "attributes": set_of(patient, "patient"),
    }


def _procedure(procedure: RequestedProcedure) -> dict[str, Any]:
    return {
        "requested_procedure_id": procedure.requested_procedure_id,
        "study_instance_uid": procedure.study_instance_uid,
        "code": procedure.code,
        "scheme": procedure.scheme,
        "meaning": procedure.meaning,
        "attributes": set_of(procedure, "procedure"),
        "step_attributes": {step.scheduled_procedure_step_id: set_of(step, "step") for step in procedure.steps.all()},
        "steps": [show_step(step) for step in procedure.steps.all()],
    }
