"""Numbers that the RIS gives out when typed or imported ones lie ahead in the range."""

import pytest

from ris.actions import numbers, orders, patients, visits
from ris.actions.orders import OrderRequest
from ris.actions.visits import VisitData
from ris.errors import Conflict
from ris.models import NumberSequence
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site

pytestmark = pytest.mark.django_db


def ahead(number: str, by: int = 1) -> str:
    """The number that comes after this one."""
    digits = number.rpartition("-")[2].lstrip("VA")
    return number.removesuffix(digits) + str(int(digits) + by).zfill(len(digits))


def order(accession_number: str = "") -> str:
    request = OrderRequest([a_procedure().code], accession_number=accession_number)
    return orders.place_order(a_site(), a_patient_data(), request, ACTOR).accession_number


def test_a_new_accession_number_passes_over_those_that_are_taken() -> None:
    first = order()
    order(ahead(first)), order(ahead(first, 2))
    assert order() == ahead(first, 3)


def test_a_new_patient_id_passes_over_those_that_are_taken() -> None:
    def register(patient_id: str = "") -> str:
        return patients.register_patient(a_site(), a_patient_data(patient_id=patient_id), ACTOR).patient_id

    first = register()
    register(ahead(first))
    assert register() == ahead(first, 2)


def test_a_new_admission_id_passes_over_those_that_are_taken() -> None:
    patient = patients.register_patient(a_site(), a_patient_data(), ACTOR)
    first = visits.register_visit(patient, VisitData(), ACTOR).admission_id
    visits.register_visit(patient, VisitData(admission_id=ahead(first)), ACTOR)
    assert visits.register_visit(patient, VisitData(), ACTOR).admission_id == ahead(first, 2)


def test_a_taken_number_that_was_typed_is_a_conflict_and_draws_none() -> None:
    taken = order()
    before = NumberSequence.objects.get(name__startswith="accession").value
    with pytest.raises(Conflict, match=taken):
        order(taken)
    assert NumberSequence.objects.get(name__startswith="accession").value == before
    assert numbers.accession_number(a_site()) == ahead(taken)
