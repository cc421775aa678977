"""Which of many worklist items would change nothing: seen without a transaction, with some queries for all of them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from ris.actions import intake
from ris.actions.intake_item import IntakeItem, Offered, Outcome, patient_key, status_of
from ris.models import Order, Patient, ScheduledProcedureStep, Site
from ris.transitions import WAITING


def settled(site: Site, offered: Sequence[Offered]) -> list[Outcome | None]:
    """UNCHANGED or PERFORMED for items that would change nothing, in the order of the items; None for those to be taken in."""
    steps = _steps_of(site, [one.item for one in offered])
    found = [steps.get(_key_in_order(one.item)) or steps.get(_key_of_patient(one.item)) for one in offered]
    about = _About.these([step for step in found if step is not None])
    return [None if step is None else _verdict(one, step, about) for one, step in zip(offered, found, strict=True)]


def _key_in_order(item: IntakeItem) -> tuple[str, ...]:
    return "", item.accession_number, item.procedure["requested_procedure_id"], item.step["scheduled_procedure_step_id"]


def _key_of_patient(item: IntakeItem) -> tuple[str, ...]:
    return item.patient["patient_id"], *_key_in_order(item)[1:]


def _steps_of(site: Site, items: Sequence[IntakeItem]) -> dict[tuple[str, ...], ScheduledProcedureStep]:
    """Steps by patient ID, accession number, procedure ID and step ID; without patient ID where the order's own number tells them apart."""
    found: dict[tuple[str, ...], ScheduledProcedureStep] = {}
    steps = (
        ScheduledProcedureStep.objects.filter(site=site)
        .select_related("site", "requested_procedure__order__patient", "requested_procedure__order__visit")
        .prefetch_related("stations__station")
        .order_by("pk")
    )
    numbers = {item.order["accession_number"] for item in items} - {""}
    patient_ids = {item.patient["patient_id"] for item in items} - {""}
    for step in steps.filter(requested_procedure__order__in=_pks(Order, site, accession_number__in=numbers)):
        if intake.accession_number(step) in numbers:
            found.setdefault(("", *_key(step)), step)
    without = _pks(Order, site, patient__in=_pks(Patient, site, patient_id__in=patient_ids), accession_number="")
    for step in steps.filter(requested_procedure__order__in=without):
        found.setdefault((step.requested_procedure.order.patient.patient_id, *_key(step)), step)
    return found


def _pks(model: type[Model], site: Site, **lookups: Any) -> list[int]:
    """Ids that are looked up first, so that no query has to choose where to begin."""
    return list(model._default_manager.filter(site=site, **lookups).values_list("pk", flat=True)) if all(lookups.values()) else []


def _key(step: ScheduledProcedureStep) -> tuple[str, str, str]:
    return intake.accession_number(step), step.requested_procedure.requested_procedure_id, step.scheduled_procedure_step_id


@dataclass(frozen=True)
class _About:
    """What an intake of one of the steps would look up: steps that were started, and records that several steps use."""

    begun: frozenset[int]
    shared_procedures: frozenset[int]
    shared_orders: frozenset[int]
    shared_patients: frozenset[int]

    @classmethod
    def these(cls, steps: Sequence[ScheduledProcedureStep]) -> "_About":
        procedures = [step.requested_procedure for step in steps]
        siblings = ScheduledProcedureStep.objects.filter(requested_procedure__order__in={procedure.order_id for procedure in procedures})
        rows = list(siblings.values_list("requested_procedure_id", "requested_procedure__order_id"))
        orders = Order.objects.filter(patient__in={procedure.order.patient_id for procedure in procedures})
        return cls(
            intake.begun(step.pk for step in steps),
            _several(procedure for procedure, _ in rows),
            _several(order for _, order in rows),
            _several(orders.values_list("patient_id", flat=True)),
        )


def _several(keys: Iterable[int]) -> frozenset[int]:
    return frozenset(key for key, times in Counter(keys).items() if times > 1)


def _verdict(offered: Offered, step: ScheduledProcedureStep, about: _About) -> Outcome | None:
    if intake.is_performed(step, about.begun):
        return Outcome.PERFORMED
    item, procedure = offered.item, step.requested_procedure
    status, stations = status_of(item), list(step.stations.all())
    same = (
        holds(step, item.step)
        and (not status or step.status == status or step.status not in WAITING)
        and tuple(row.ae_title for row in stations) == item.ae_titles
        and (procedure.pk in about.shared_procedures or holds(procedure, item.procedure))
        and _is_order(procedure.order, item, about)
        and offered.received(step, stations) == step.received_item
    )
    return Outcome.UNCHANGED if same else None


def _is_order(order: Order, item: IntakeItem, about: _About) -> bool:
    """Whether the order and its patient would stay as they are; what other steps use as well does, as long as it is the same patient."""
    patient = order.patient
    if (patient.patient_id, patient.issuer_of_patient_id) != patient_key(item):
        return False
    if order.pk in about.shared_orders:
        return True
    return (
        holds(order, item.order) and _is_visit(order, item.visit) and (patient.pk in about.shared_patients or holds(patient, item.patient))
    )


def holds(record: Model, columns: Mapping[str, Any]) -> bool:
    return all(getattr(record, name) == value for name, value in columns.items())


def _is_visit(order: Order, columns: Mapping[str, Any]) -> bool:
    """Whether the intake of these columns would leave the order's visit as it is."""
    if order.visit is None or not any(columns.values()):
        return order.visit is None and not any(columns.values())
    names = ("admission_id", "issuer_of_admission_id") if columns.get("admission_id") else tuple(columns)
    return order.visit.patient_id == order.patient_id and holds(order.visit, {name: columns[name] for name in names})
