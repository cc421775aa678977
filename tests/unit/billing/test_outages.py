"""When a station is called quiet, and when not: hours, weekends, holidays, the change of the clocks, stations that send no MPPS."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import DatabaseError
from django.test import Client
from pytest_django.fixtures import Settings

from billing.outages import Outage, outages, watch
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actions.renaming import Renaming, rename_station
from ris.models import ScheduledProcedureStep, Station
from stepwise.health import check_stations, quiet_stations
from tests.support.hospital import ACTOR, a_site, a_station, an_order, steps_of

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 3, 30)
"""The Monday after Berlin put its clocks forward."""
BEGINS, ENDS = 8, 17
"""The hours that the station works on weekdays, an exam every half an hour."""


@pytest.fixture(autouse=True)
def weekdays_of_four_weeks(settings: Settings) -> None:
    """CT01 reports an exam each half an hour from 08:00 to 17:00 on weekdays, until the Friday before MONDAY."""
    settings.TIME_ZONE = "Europe/Berlin"  # which the hospital of tests takes
    site = a_site()
    assert site.time_zone == "Europe/Berlin"
    a_station()
    days = [MONDAY - timedelta(days=back) for back in range(1, 36)]
    starts = [
        clock.at(day, time(hour, minute), site) for day in days if day.weekday() < 5 for hour in range(BEGINS, ENDS) for minute in (0, 30)
    ]
    PerformedProcedureStep.objects.bulk_create(
        PerformedProcedureStep(site=site, sop_instance_uid=f"1.2.{n}", station_ae_title="CT01", received_at=at, updated_at=at)
        for n, at in enumerate(starts)
    )


def planned(day: date, *times: time) -> None:
    for wall_time in times:
        start = clock.at(day, wall_time, a_site())
        step = steps_of(an_order())[0]
        ScheduledProcedureStep.objects.filter(pk=step.pk).update(start=start, end=start + timedelta(minutes=30))


def quiet_at(day: date, wall_time: time) -> list[str]:
    with clock.standing_at(clock.at(day, wall_time, a_site())):
        return [one.station for one in outages(a_site())]


def test_no_alarm_at_night_and_none_missed_in_the_morning() -> None:
    planned(MONDAY, time(8), time(8, 30), time(9), time(9, 30))
    assert quiet_at(MONDAY, time(2)) == []
    assert quiet_at(MONDAY, time(8, 20)) == []
    assert quiet_at(MONDAY, time(10)) == ["CT01"]


def test_a_station_that_was_renamed_keeps_its_rhythm() -> None:
    planned(MONDAY, time(8), time(8, 30), time(9), time(9, 30))
    rename_station(a_site(), Renaming("CT01"), "CT-EAST", ACTOR)
    assert quiet_at(MONDAY, time(10)) == ["CT-EAST"]


def test_exams_left_over_in_the_evening_are_no_outage_at_night() -> None:
    planned(MONDAY, time(16), time(16, 30))
    assert quiet_at(MONDAY + timedelta(days=1), time(2)) == []


def test_no_alarm_at_a_weekend_on_which_the_station_never_works() -> None:
    saturday = MONDAY + timedelta(days=5)
    planned(saturday, time(9), time(9, 30))
    assert quiet_at(saturday, time(11)) == []


def test_no_alarm_on_a_holiday_without_exams() -> None:
    assert quiet_at(MONDAY, time(10)) == []


def test_the_hours_of_the_weeks_before_are_those_of_the_wall_clock() -> None:
    """08:00 in Berlin is 06:00 UTC on this Monday, and was 07:00 UTC in each of the weeks that are compared."""
    planned(MONDAY, time(8), time(8, 30))
    with clock.standing_at(datetime(2026, 3, 30, 8, 0, tzinfo=UTC)):  # 10:00 in Berlin
        [found] = outages(a_site())
    assert found == Outage("CT01", 2, None, 30)


def test_no_alarm_for_a_station_that_never_sent_an_mpps_or_is_to_send_none() -> None:
    planned(MONDAY, time(8), time(8, 30))
    Station.objects.update(reports_performed_steps=False)
    assert quiet_at(MONDAY, time(10)) == []
    Station.objects.update(reports_performed_steps=True)
    assert quiet_at(MONDAY, time(10)) == ["CT01"]
    Station.objects.update(enabled=False)
    assert quiet_at(MONDAY, time(10)) == []
    Station.objects.update(enabled=True)
    PerformedProcedureStep.objects.all().delete()
    assert quiet_at(MONDAY, time(10)) == []


def test_an_open_page_and_healthz_learn_of_it_and_of_its_end(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    a_history = Outage("CT01", 3, None, 30)
    monkeypatch.setattr("billing.outages.outages", lambda site: [a_history])
    pulse = admin_client.get("/pulse/").content.decode()
    assert '<div id="outages" hx-swap-oob="true">' in pulse
    assert "CT01 has gone quiet" in pulse
    assert check_stations() == "1 is quiet: exams due, none started"
    assert quiet_stations([a_site()]) == "CT01 is quiet, 3 exams due, none started"
    monkeypatch.setattr("billing.outages.outages", lambda site: [])
    watch.forget()
    pulse = admin_client.get("/pulse/").content.decode()
    assert '<div id="outages" hx-swap-oob="true">' in pulse
    assert "has gone quiet" not in pulse
    assert check_stations() == "none is quiet"


def test_an_unknown_state_of_stations_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(site: object) -> list[Outage]:
        raise DatabaseError("gone")

    monkeypatch.setattr("billing.outages.outages", away)
    a_site()
    assert check_stations() == "not known: the database does not answer"
