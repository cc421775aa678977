"""Scheduled steps over REST."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from ris import clock
from ris.models import ScheduledProcedureStep
from tests.support.hospital import a_site, an_order, in_minutes, steps_of
from tests.unit.api.conftest import RECORDED, SEEN_USED, Rest, an_order_body, row_counts

pytestmark = pytest.mark.usefixtures("hospital")


def local(moment: datetime) -> str:
    return clock.local(moment, a_site()).isoformat(timespec="seconds")


def a_step(minutes: int = 10, **patient: object) -> ScheduledProcedureStep:
    return steps_of(an_order(start=in_minutes(minutes), **patient))[0]


def test_steps_are_listed_in_order_of_start_with_the_tray_last(rest: Rest) -> None:
    waiting = rest.post("/orders", an_order_body())[1]["steps"][0]["id"]
    late, early = a_step(200), a_step(100)
    status, body = rest.get("/scheduled-steps")
    assert status == 200
    assert [item["id"] for item in body["items"]] == [early.pk, late.pk, waiting]
    assert body["count"] == 3


def test_each_filter_narrows(rest: Rest) -> None:
    first, second = a_step(10, patient_id="P1"), a_step(60, patient_id="P2")
    rest.post(f"/scheduled-steps/{second.pk}/arrive")
    tomorrow = steps_of(an_order(start=in_minutes(60 * 27), station="MR01"))[0]
    accession = first.requested_procedure.order.accession_number

    def found(**query: object) -> list[int]:
        status, body = rest.get("/scheduled-steps", **query)
        assert status == 200, body
        assert body["count"] == len(body["items"])
        return [item["id"] for item in body["items"]]

    assert found(accession_number=accession) == [first.pk]
    assert found(patient_id="P2") == [second.pk]
    assert found(status="arrived") == [second.pk]
    assert found(station_ae_title="MR01") == [tomorrow.pk]
    assert found(station_ae_title="NOSUCH") == []
    assert tomorrow.start is not None
    assert tomorrow.pk in found(date=clock.local(tomorrow.start, a_site()).date().isoformat())
    assert first.pk not in found(date=clock.local(tomorrow.start, a_site()).date().isoformat())
    assert found(status="SCHEDULED", patient_id="P2") == []
    assert len(found(status="", patient_id="", accession_number="", station_ae_title="")) == 3


def test_date_is_the_hospitals_local_date(rest: Rest) -> None:
    day = clock.today(a_site()) + timedelta(days=7)
    first, after = clock.day_bounds(day, a_site())
    inside = [steps_of(an_order(start=moment))[0].pk for moment in (first, after - timedelta(minutes=1))]
    for moment in (first - timedelta(minutes=31), after + timedelta(minutes=60)):
        an_order(start=moment)
    assert [item["id"] for item in rest.get("/scheduled-steps", date=day.isoformat())[1]["items"]] == inside


def test_pages_of_a_list(rest: Rest) -> None:
    steps = [a_step(10 + 40 * number).pk for number in range(5)]
    status, body = rest.get("/scheduled-steps", limit=2, offset=3)
    assert status == 200
    assert ([item["id"] for item in body["items"]], body["count"]) == (steps[3:], 5)
    assert rest.get("/scheduled-steps", limit=1000, offset=5)[1] == {"items": [], "count": 5}


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("limit", "1001"), ("limit", "0"), ("limit", "-1"), ("limit", "ten"), ("offset", "-1"), ("offset", "9" * 40),
        ("date", "20261399"), ("date", "tomorrow"), ("date", "0001-01-01"), ("date", "9999-12-31"),
        ("status", "LATE"), ("patient_id", "a\x00b"), ("station", "CT01"), ("stauts", "ARRIVED"),
    ],
)  # fmt: skip
def test_a_wrong_or_unknown_parameter_is_422_that_names_it(rest: Rest, parameter: str, value: str) -> None:
    status, body = rest.get("/scheduled-steps", **{parameter: value})
    assert status == 422, body
    assert parameter in body["errors"]
    assert parameter in body["detail"]


def test_arrive_answers_what_a_get_shows(rest: Rest) -> None:
    step = a_step()
    status, shown = rest.post(f"/scheduled-steps/{step.pk}/arrive")
    assert (status, shown["status"]) == (200, "ARRIVED")
    assert rest.get("/scheduled-steps")[1]["items"] == [shown]


def test_arriving_twice_is_409_that_names_the_state(rest: Rest) -> None:
    step = a_step()
    rest.post(f"/scheduled-steps/{step.pk}/arrive")
    before = row_counts()
    status, body = rest.post(f"/scheduled-steps/{step.pk}/arrive")
    assert status == 409
    assert "ARRIVED" in body["detail"]
    assert row_counts() == before


def test_cancel_needs_a_reason_and_keeps_it(rest: Rest) -> None:
    step = a_step()
    before = row_counts()
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": None}, {"reason": "a\x00b"}, {"why": "typo"}):
        status, answer = rest.post(f"/scheduled-steps/{step.pk}/cancel", body)
        assert (status, "reason" in answer["detail"] or "why" in answer["detail"]) == (422, True)
    assert row_counts() == before
    status, shown = rest.post(f"/scheduled-steps/{step.pk}/cancel", {"reason": "Patient refuses"})
    assert (status, shown["status"]) == (200, "CANCELED")
    change = step.changes.last()
    assert change is not None and change.reason == "Patient refuses"


def test_reschedule_moves_the_step(rest: Rest) -> None:
    step = a_step()
    start = local(in_minutes(300))
    status, shown = rest.post(f"/scheduled-steps/{step.pk}/reschedule", {"station_ae_title": "MR01", "start": start})
    assert status == 200
    assert (shown["start"], shown["station_ae_titles"]) == (start, ["MR01"])


def test_an_end_makes_the_step_longer_and_a_taken_slot_is_found_with_it(rest: Rest) -> None:
    step, taken = a_step(10), a_step(400)
    target = {"station_ae_title": "CT01", "start": local(in_minutes(300)), "end": local(in_minutes(395))}
    status, shown = rest.post(f"/scheduled-steps/{step.pk}/reschedule", target)
    assert (status, shown["start"], shown["end"]) == (200, target["start"], target["end"])
    step.refresh_from_db()
    assert step.duration_minutes == 95
    before = row_counts()
    status, body = rest.post(f"/scheduled-steps/{step.pk}/reschedule", target | {"end": local(in_minutes(405))})
    assert (status, taken.requested_procedure.order.accession_number in body["detail"]) == (409, True)
    assert row_counts() == before


def test_reschedule_onto_a_taken_slot_is_409_that_names_the_clash(rest: Rest) -> None:
    step, taken = a_step(10), a_step(120)
    before = row_counts()
    target = {"station_ae_title": "CT01", "start": local(in_minutes(130))}
    status, body = rest.post(f"/scheduled-steps/{step.pk}/reschedule", target)
    assert status == 409
    assert taken.requested_procedure.order.accession_number in body["detail"]
    assert row_counts() == before


@pytest.mark.parametrize(
    ("body", "expected", "named"),
    [
        ({}, 422, "start"),
        ({"station_ae_title": "NOSUCH", "start": "2030-01-01T10:00:00Z"}, 404, "NOSUCH"),
        ({"station_ae_title": "NM01", "start": "2030-01-01T10:00:00Z"}, 422, "station_ae_title"),
        ({"station_ae_title": "CT01", "start": "soon"}, 422, "start"),
        ({"station_ae_title": "CT01", "start": "2030-01-01T10:00:00Z", "end": "2030-01-01T09:59:00Z"}, 422, "lies before the start"),
        ({"station_ae_title": "CT01", "start": "2030-01-01T10:00:00Z", "end": "2030-01-01T05:00:00-05:00"}, 422, "is the start"),
        ({"station_ae_title": "CT01", "start": "2030-01-01T10:00:00Z", "end": "2030-01-02T10:01:00Z"}, 422, "more than a day"),
        ({"station_ae_title": "CT01", "start": "2030-01-01T10:00:00Z", "colour": "red"}, 422, "colour"),
    ],
)
def test_a_bad_booking_is_refused_and_nothing_is_written(rest: Rest, body: dict[str, Any], expected: int, named: str) -> None:
    step = a_step()
    before = row_counts()
    status, answer = rest.post(f"/scheduled-steps/{step.pk}/reschedule", body)
    assert (status, named in answer["detail"]) == (expected, True)
    assert row_counts() == before


@pytest.mark.parametrize("step_id", ["999999", "0", "-1", "9" * 30, "abc"])
@pytest.mark.parametrize("verb", ["arrive", "cancel", "reschedule"])
def test_an_unknown_step_is_refused(rest: Rest, step_id: str, verb: str) -> None:
    body = {"cancel": {"reason": "x"}, "reschedule": {"station_ae_title": "CT01", "start": "2030-01-01T10:00:00Z"}}.get(verb)
    status, answer = rest.post(f"/scheduled-steps/{step_id}/{verb}", body)
    assert status in (404, 422)
    assert answer["detail"]


@pytest.mark.both_databases
def test_a_list_costs_the_same_queries_however_long_it_is(rest: Rest, django_assert_num_queries: Any) -> None:
    a_step()
    with django_assert_num_queries(5 + SEEN_USED + RECORDED):
        assert rest.get("/scheduled-steps")[1]["count"] == 1
    for number in range(1, 8):
        a_step(10 + 40 * number)
    with django_assert_num_queries(5 + SEEN_USED + RECORDED):
        assert rest.get("/scheduled-steps")[1]["count"] == 8
