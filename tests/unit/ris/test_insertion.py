"""Rows written by the hundred are the rows that the ORM reads and goes on from."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from ris.insertion import insert, insert_few, insert_one
from ris.models import Patient, Site
from tests.support.hospital import a_site

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
AT = datetime(2026, 11, 23, 8, 0, 0, 125, tzinfo=UTC)


def patient(site: Site, number: int) -> Patient:
    return Patient(
        site=site,
        patient_id=f"I{number}",
        name="ÅBERG^Åse=山田\t\\n",
        birth_date=date(1961, 2, 3),
        weight_kg=Decimal("70.50"),
        allergies=["Latex", 'a "quoted" one'],
        created_at=AT,
    )


def test_values_come_back_as_they_went_in() -> None:
    site = a_site()
    insert([patient(site, number) for number in range(3)])
    for found in Patient.objects.filter(patient_id__startswith="I").order_by("patient_id"):
        assert (found.name, found.birth_date, found.created_at) == ("ÅBERG^Åse=山田\t\\n", date(1961, 2, 3), AT)
        assert (found.weight_kg, found.size_m, found.allergies) == (Decimal("70.50"), None, ["Latex", 'a "quoted" one'])


def test_primary_keys_are_known_and_the_next_ones_follow() -> None:
    site = a_site()
    made = [patient(site, number) for number in range(3)]
    insert(made)
    assert [Patient.objects.get(patient_id=one.patient_id).pk for one in made] == [one.pk for one in made]
    after = patient(site, 9)
    after.save()
    assert after.pk > max(one.pk for one in made)
    made[0].name = "CHANGED^Name"
    made[0].save()
    assert Patient.objects.get(pk=made[0].pk).name == "CHANGED^Name"


def test_constraints_hold_and_nothing_stays_of_a_refused_lot() -> None:
    site = a_site()
    with pytest.raises(IntegrityError), transaction.atomic():
        insert([patient(site, 1), patient(site, 2), patient(site, 1)])
    assert not Patient.objects.exists()


def test_nothing_to_insert_is_no_matter() -> None:
    insert([])


def test_some_rows_are_written_by_one_statement() -> None:
    site = a_site()
    insert_few([patient(site, number) for number in range(250)])
    assert Patient.objects.filter(patient_id__startswith="I", name="ÅBERG^Åse=山田\t\\n").count() == 250
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_few([patient(site, 300), patient(site, 1)])
    insert_few([patient(site, 300), patient(site, 1)], ignore_conflicts=True)
    assert Patient.objects.filter(patient_id__startswith="I").count() == 251


def test_one_row_has_the_key_that_the_database_gave() -> None:
    made = insert_one(patient(a_site(), 1))
    made.name = "CHANGED^Name"
    made.save()
    assert Patient.objects.get(patient_id="I1") == made
