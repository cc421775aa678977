"""The message of a charge, from what is stored about it."""

from collections.abc import Sequence

from billing import capture, hl7
from billing.crediting import credit_message
from billing.models import Charge, ChargeLine
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.models import Order, Patient, Visit

SENDING_APPLICATION = "STEPWISE"
RECEIVING_APPLICATION = "CHARGES"


def build(charge: Charge) -> str:
    """The DFT^P03 of a charge; ValueError when it cannot be one. A credit says what its charge said, to the patient and account of then."""
    if charge.is_credit and charge.corrects and charge.corrects.message:
        return credit_message(charge.corrects.message, charge.control_id or "", clock.local(charge.created_at, charge.site))
    procedure = charge.requested_procedure
    if procedure is None:
        raise ValueError("Work that belongs to no order has no patient and no account to charge; reconcile it first.")
    performed = capture.of_procedure(procedure)
    order = procedure.order
    return hl7.build(
        hl7.ChargeMessage(
            control_id=charge.control_id or "",
            kind=charge.transaction_type,
            sent_at=clock.local(charge.created_at, charge.site),
            service_at=clock.local(charge.service_at, charge.site),
            sender=hl7.Party(SENDING_APPLICATION, charge.site.code),
            receiver=hl7.Party(RECEIVING_APPLICATION, charge.site.code),
            patient=_patient(order.patient, order.visit),
            visit=_visit(order),
            lines=_lines(charge),
            accession_number=order.accession_number,
            filler_order_number=order.filler_order_number,
            station=performed[0].station_ae_title if performed else "",
            station_name=performed[0].station.name if performed and performed[0].station else "",
            performed_by=_operators(performed),
            ordered_by=_person(order.requesting_physician),
            currency=charge.currency,
        )
    )


def _patient(patient: Patient, visit: Visit | None) -> hl7.Patient:
    return hl7.Patient(
        patient_id=patient.patient_id,
        issuer=patient.issuer_of_patient_id,
        name=patient.name,
        birth_date=patient.birth_date,
        sex=patient.sex,
        account=(visit.account_number or visit.admission_id) if visit else "",
    )


def _visit(order: Order) -> hl7.Visit:
    referring = _person(order.referring_physician_name)
    if order.visit is None:
        return hl7.Visit(referring=referring)
    return hl7.Visit(
        patient_class="" if order.visit.patient_class == Visit.PatientClass.UNKNOWN else order.visit.patient_class,
        location=order.visit.current_patient_location,
        number=order.visit.admission_id,
        referring=referring,
    )


def _lines(charge: Charge) -> tuple[hl7.Line, ...]:
    return tuple(
        hl7.Line(
            code=line.code,
            scheme=line.scheme,
            meaning=line.meaning,
            quantity=line.quantity,
            modifiers=(line.modifier,) if line.modifier else (),
            unit_amount=line.unit_amount,
            is_procedure=line.kind == ChargeLine.Kind.PROCEDURE,
            unit=line.unit,
        )
        for line in charge.lines.all()
    )


def _operators(performed: Sequence[PerformedProcedureStep]) -> tuple[hl7.Person, ...]:
    names = (name.strip() for one in performed for series in one.series.all() for name in series.operators_name.split("\\"))
    return tuple(hl7.Person(name) for name in dict.fromkeys(names) if name)


def _person(name: str) -> hl7.Person | None:
    return hl7.Person(name) if name else None
