"""A load as `manage.py generate_worklist` makes it, on the real tables: one for all tests, which only look at it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ris import clock
from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep, StepChange, Visit
from tests.support.hospital import a_site
from tests.support.load import TUESDAY, a_hospital, double_bookings, generate, rolled_back
from tests.support.worklist import asking
from training.load import referrals
from worklist import projection
from worklist.find import find
from worklist.models import WorklistEntry, WorklistEntryStation

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
ORDER = "requested_procedure__order__"
STEPS, DAYS = 2000, 6


@pytest.fixture(scope="module")
def loaded(django_db_setup, django_db_blocker) -> Iterator[str]:
    with django_db_blocker.unblock(), rolled_back(), clock.standing_at(TUESDAY):
        a_hospital()
        yield generate(steps=STEPS, days=DAYS)


def rows_of(*columns: str) -> list[tuple[Any, ...]]:
    """These columns of every step."""
    return list(ScheduledProcedureStep.objects.values_list(*columns))


def test_all_steps_are_in_with_one_entry_each_and_no_station_is_booked_twice(loaded: str) -> None:
    assert f"{STEPS} steps of" in loaded
    assert ScheduledProcedureStep.objects.count() == WorklistEntry.objects.count() == WorklistEntryStation.objects.count() == STEPS
    assert double_bookings() == []
    assert set(ScheduledProcedureStep.objects.values_list("status", flat=True)) == {"SCHEDULED"}


def test_the_worklist_is_what_its_source_says(loaded: str) -> None:
    assert dict(projection.differences()) == {}


def test_identifiers_are_unique_and_travel_as_sh(loaded: str) -> None:
    for model, column in (
        (Order, "accession_number"),
        (Visit, "admission_id"),
        (Patient, "patient_id"),
        (RequestedProcedure, "study_instance_uid"),
    ):
        found = list(model.objects.values_list(column, flat=True))
        assert len(set(found)) == len(found) > 0
    texts = [*Order.objects.values_list("accession_number", flat=True), *Patient.objects.values_list("patient_id", flat=True)]
    texts += ScheduledProcedureStep.objects.values_list("scheduled_procedure_step_id", flat=True)
    assert max(map(len, texts)) <= 16


def test_the_load_lies_in_its_days_and_was_ordered_before_now(loaded: str) -> None:
    site = a_site()
    days = {clock.local(start, site).date() for start in ScheduledProcedureStep.objects.values_list("start", flat=True)}
    first = clock.today(site)
    assert days == {first + timedelta(days=number) for number in range(DAYS)}
    planned = Order.objects.exclude(priority__in=("STAT", "HIGH"))
    assert max(planned.values_list("ordered_at", flat=True)) < clock.day_bounds(first, site)[0]
    assert max(Order.objects.values_list("ordered_at", flat=True)) <= clock.now(site)


def test_emergencies_are_of_today_and_ordered_hours_before_their_start(loaded: str) -> None:
    site = a_site()
    rows = rows_of("start", "requested_procedure__order__ordered_at", ORDER + "priority", ORDER + "visit__patient_class")
    urgent = [row for row in rows if row[2] in ("STAT", "HIGH") or row[3] == "E"]
    assert urgent
    for start, ordered_at, priority, kind in urgent:
        assert clock.local(start, site).date() == clock.today(site)
        assert timedelta(minutes=10) <= start - ordered_at <= timedelta(days=1)
        assert priority in ("STAT", "HIGH") and kind == "E"


def test_everything_but_emergencies_keeps_the_opening_hours_to_its_end(loaded: str) -> None:
    site = a_site()
    rows = rows_of("start", "end", "stations__station__opens", "stations__station__closes", ORDER + "visit__patient_class")
    for start, end, opens, closes, kind in rows:
        if kind != "E":
            assert opens <= clock.local(start, site).time()
            assert clock.local(end, site).time() <= closes


def test_reasons_services_and_places_suit_procedure_age_and_sex(loaded: str) -> None:
    today = clock.today(a_site())
    rows = rows_of(
        *(ORDER + name for name in ("requesting_service", "reason", "visit__current_patient_location", "visit__patient_class")),
        *(ORDER + name for name in ("patient__sex", "patient__birth_date", "patient__pregnancy_status")),
        "requested_procedure__meaning",
    )
    for service, reason, place, kind, sex, born, pregnant, meaning in rows:
        age = (today - born).days / 365.25
        case = (meaning, sex, age, service, place, reason)
        assert (service == "Pediatrics") <= (age < 16), case
        assert (service == "Gynecology" or "Women" in (place or "")) <= (sex == "F" and age >= 16), case
        assert (kind == "E") == (service == "Emergency department"), case
        assert (pregnant == Patient.Pregnancy.PREGNANT) == ("obstetric" in meaning), case
        asked = referrals.referral(meaning)
        assert reason in (*asked.planned, *asked.urgent, *asked.children), case


def test_a_department_is_recognised(loaded: str) -> None:
    by_modality = {
        modality: WorklistEntry.objects.filter(modality=modality).count() for modality in ("DX", "US", "CT", "MR", "MG", "NM", "XA", "RF")
    }
    assert all(by_modality.values())
    assert by_modality["DX"] > by_modality["MR"] > by_modality["XA"]
    breast = Patient.objects.filter(orders__requested_procedures__code__startswith="MG")
    assert breast.filter(sex="F").count() > 0.9 * breast.count() > 0
    assert set(Order.objects.values_list("priority", flat=True)) >= {"STAT", "HIGH", "ROUTINE"}
    assert set(Visit.objects.values_list("patient_class", flat=True)) == {"I", "O", "E"}
    assert not Visit.objects.filter(current_patient_location="").exists()


def test_patients_return_and_nobody_is_in_two_places_at_once(loaded: str) -> None:
    assert Patient.objects.count() < Order.objects.count()
    seen: dict[int, list[tuple[datetime, datetime]]] = {}
    rows = ScheduledProcedureStep.objects.order_by("start").values_list("requested_procedure__order__patient", "start", "end")
    for patient, start, end in rows:
        seen.setdefault(patient, []).append((start, end))
    assert all(end <= start for spans in seen.values() for (_, end), (start, _) in pairwise(spans))


def test_both_steps_of_a_procedure_are_booked_one_after_the_other(loaded: str) -> None:
    scans = RequestedProcedure.objects.filter(code="NMBONE")
    assert scans
    for scan in scans:
        injection, image = scan.steps.order_by("position")
        assert image.start - injection.start >= timedelta(minutes=120)


def test_every_step_says_who_made_it(loaded: str) -> None:
    assert StepChange.objects.filter(verb="order", actor="generate_worklist 1", actor_kind="system").count() == STEPS


def test_a_station_gets_its_day_from_a_query(loaded: str) -> None:
    site = a_site()
    day = f"{clock.today(site):%Y%m%d}"
    query = asking({"ScheduledStationAETitle": "DX01", "ScheduledProcedureStepStartDate": day})
    found = [one.step_id for page in find(site, query) for one in page]
    expected = WorklistEntryStation.objects.filter(ae_title="DX01", local_date=day).order_by("start", "entry")
    assert found == list(expected.values_list("entry", flat=True))
    assert len(found) > 5
