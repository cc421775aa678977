"""The demo hospital as it is loaded, on the real tables. One load serves all tests; what a test changes is rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from itertools import pairwise

import pytest
from django.core.management import call_command
from django.db import transaction

from billing.models import Charge
from mpps.models import Finding, PerformedProcedureStep, StepLink
from ris import clock, queries
from ris.actions.renaming import Renaming, rename_station
from ris.models import Order, Patient, Procedure, RequestedProcedure, ScheduledProcedureStep, Site, Station, StationPool
from training.hospital import demo
from training.hospital.staging import DEMO
from worklist.models import WorklistEntry

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
WAITING = ("SCHEDULED", "ARRIVED", "READY")


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def site(django_db_setup, django_db_blocker) -> Iterator[Site]:
    with django_db_blocker.unblock(), rolled_back():
        out = StringIO()
        call_command("demo_hospital", stdout=out)
        assert "9 stations, 40 procedures, 200 patients" in out.getvalue()
        yield queries.default_site()


@pytest.fixture
def undone(site) -> Iterator[Site]:
    with rolled_back():
        yield site


def statuses(site: Site) -> set[str]:
    return set(ScheduledProcedureStep.objects.filter(site=site).values_list("status", flat=True))


def double_bookings(site: Site) -> list[tuple[ScheduledProcedureStep, ScheduledProcedureStep]]:
    found = []
    for station in Station.objects.filter(site=site):
        steps = ScheduledProcedureStep.objects.filter(stations__station=station, pool=None).exclude(status="CANCELED").order_by("start")
        found += [(one, two) for one, two in pairwise(steps) if one.end > two.start]
    return found


def test_the_hospital_is_complete(site):
    assert Station.objects.count() == 9
    assert Procedure.objects.count() == 40
    assert Patient.objects.count() == 200
    assert [pool.stations.count() for pool in StationPool.objects.all()] == [2]


def test_exams_are_in_every_stage_of_their_lives(site):
    assert {"SCHEDULED", "ARRIVED", "READY", "STARTED", "COMPLETED", "CANCELED"} <= statuses(site)
    assert queries.tray(site).count() == 7
    assert Order.objects.filter(priority="STAT").count() == 1
    assert ScheduledProcedureStep.objects.filter(pool__code="ANYCT").count() == 1


def test_no_station_is_booked_twice(site):
    assert double_bookings(site) == []


def test_work_of_the_past_was_told_by_mpps_and_charged(site):
    done = ScheduledProcedureStep.objects.filter(status="COMPLETED")
    performed = PerformedProcedureStep.objects.filter(status="COMPLETED", unscheduled=False)

    assert performed.count() == done.count() > 10
    assert all(step.ended_at and step.ended_at <= clock.now() and step.series.count() for step in performed)
    assert (
        PerformedProcedureStep.objects.filter(status="IN PROGRESS").count()
        == ScheduledProcedureStep.objects.filter(status="STARTED").count()
    )
    assert PerformedProcedureStep.objects.filter(unscheduled=True).count() == 1
    assert StepLink.objects.exclude(step=None).values_list("how", flat=True).distinct().get() == "STEP_ID"
    over = RequestedProcedure.objects.filter(steps__in=done).exclude(steps__status__in=[*WAITING, "STARTED"]).distinct()
    assert set(over) == {charge.requested_procedure for charge in Charge.objects.filter(requested_procedure__steps__in=done)}


def test_nothing_is_odd_about_what_the_demos_scanners_say_but_that_nights_have_a_midnight(site):
    odd = Finding.objects.filter(performed_step__unscheduled=False).exclude(code="OVER_MIDNIGHT")

    assert list(odd.values_list("text", flat=True)) == []


def test_every_station_has_something_on_its_worklist(site):
    served = WorklistEntry.objects.filter(step__status__in=WAITING).values_list("step__stations__ae_title", flat=True)

    assert set(served) >= set(Station.objects.values_list("ae_title", flat=True))
    assert WorklistEntry.objects.filter(step__start=None).count() == 0


def test_history_is_in_the_order_in_which_things_happen(site):
    order = ["order", "schedule", "arrive", "ready", "start", "complete"]
    for step in ScheduledProcedureStep.objects.filter(status="COMPLETED").prefetch_related("changes"):
        assert [change.verb for change in step.changes.all()] == order
        assert all(change.at <= clock.now() for change in step.changes.all())


def test_loading_it_again_changes_nothing(undone):
    out = StringIO()
    before = ScheduledProcedureStep.objects.count()
    call_command("demo_hospital", stdout=out)

    assert out.getvalue() == "The demo hospital is loaded already.\n"
    assert ScheduledProcedureStep.objects.count() == before


def test_a_schedule_about_the_present_is_not_moved(undone):
    out = StringIO()
    call_command("demo_hospital", "--today", stdout=out)

    assert "nothing was moved" in out.getvalue()


def test_days_later_the_schedule_is_offered_and_moved_to_the_present(undone):
    later = clock.now() + timedelta(days=3)
    others = ScheduledProcedureStep.objects.filter(status="SCHEDULED").exclude(start=None).latest("start")
    Order.objects.filter(pk=others.requested_procedure.order_id).update(ordered_by="scheduler")
    demos = ScheduledProcedureStep.objects.filter(status__in=WAITING, requested_procedure__order__ordered_by=DEMO.name)
    waited = set(demos.exclude(start=None).values_list("pk", flat=True))
    offered, out = StringIO(), StringIO()
    renamed = {"CT01": "CT-EAST", "DX01": "DX-EAST"}  # one of a pool, and the one of the exam without an order
    for before, after in renamed.items():
        rename_station(undone, Renaming(before), after, DEMO)
    with clock.standing_at(later):
        call_command("demo_hospital", stdout=offered)
        assert not demo.is_current(undone)
        call_command("demo_hospital", "--today", stdout=out)
        assert demo.is_current(undone)

    assert "manage.py demo_hospital --today` moves it to the present" in offered.getvalue()
    assert "was moved to the present" in out.getvalue()
    assert Patient.objects.count() == 200
    assert double_bookings(undone) == []
    assert PerformedProcedureStep.objects.filter(status="IN PROGRESS", received_at__lt=later - timedelta(hours=1)).count() == 0
    assert set(Station.objects.values_list("ae_title", flat=True)).isdisjoint(renamed)
    near = ScheduledProcedureStep.objects.filter(start__gte=later - timedelta(hours=1), start__lt=later + timedelta(hours=1))
    assert set(renamed.values()) <= set(near.values_list("stations__ae_title", flat=True))
    again = ScheduledProcedureStep.objects.filter(pk__in=waited, start__gt=later - timedelta(hours=1)).count()
    assert again > len(waited) / 2
    assert ScheduledProcedureStep.objects.get(pk=others.pk).start == others.start
