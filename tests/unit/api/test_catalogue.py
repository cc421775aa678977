"""The catalogue, the stations, free slots, and the API's own pages."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from ris import clock
from tests.support.hospital import a_pool, a_site, a_station, an_order
from tests.unit.api.conftest import SEEN_USED, Rest

pytestmark = pytest.mark.usefixtures("hospital")


def test_procedures_with_their_steps(rest: Rest, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4 + SEEN_USED):
        status, body = rest.get("/procedures")
    assert (status, body["count"]) == (200, 3)
    by_code = {item["code"]: item for item in body["items"]}
    assert by_code["NMBONE"] == {
        "code": "NMBONE",
        "scheme": "99TEST",
        "meaning": "Injection then Bone scan",
        "modality": "NM",
        "duration_minutes": 40,
        "steps": [
            {"description": "Injection", "modality": "NM", "duration_minutes": 20},
            {"description": "Bone scan", "modality": "NM", "duration_minutes": 20},
        ],
    }


def test_stations_with_their_modalities(rest: Rest, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4 + SEEN_USED):
        status, body = rest.get("/stations")
    assert (status, body["count"]) == (200, 3)
    assert body["items"][1] == {"ae_title": "MR01", "name": "MR01", "modalities": ["MR", "CT"], "room": "Room 1", "enabled": True}


def a_morning() -> datetime:
    return clock.day_bounds(clock.today(a_site()) + timedelta(days=3), a_site())[0] + timedelta(hours=9)


def test_free_slots_leave_out_what_is_taken_and_can_be_booked(rest: Rest) -> None:
    nine = a_morning()
    an_order(start=nine + timedelta(minutes=30))
    status, body = rest.get("/stations/CT01/free-slots", procedure="CTCHEST", limit=3, **{"from": nine.isoformat()})
    assert status == 200
    assert body["count"] == 3
    starts = [datetime.fromisoformat(slot["start"]) - nine for slot in body["items"]]
    assert starts == [timedelta(minutes=minutes) for minutes in (0, 60, 75)]
    assert body["items"][0]["start"] == clock.local(nine, a_site()).isoformat()
    slot = body["items"][1]["start"]
    order = {"patient": {"name": "DOE^Jane"}, "procedure_code": "CTCHEST", "station_ae_title": "CT01", "start": slot}
    assert rest.post("/orders", order)[0] == 201


def test_a_slot_holds_both_steps_of_a_procedure(rest: Rest) -> None:
    _, body = rest.get("/stations/NM01/free-slots", procedure="NMBONE", limit=1, **{"from": a_morning().isoformat()})
    (slot,) = body["items"]
    assert datetime.fromisoformat(slot["end"]) - datetime.fromisoformat(slot["start"]) == timedelta(minutes=40)


def test_free_slots_of_a_pool(rest: Rest) -> None:
    a_pool("ANYCT", a_station("CT01"), a_station("MR01"))
    an_order(start=a_morning())
    _, body = rest.get("/stations/ANYCT/free-slots", procedure="CTCHEST", limit=1, **{"from": a_morning().isoformat()})
    assert datetime.fromisoformat(body["items"][0]["start"]) == a_morning()


@pytest.mark.parametrize(
    ("path", "query", "expected", "named"),
    [
        ("NOSUCH", {"procedure": "CTCHEST"}, 404, "NOSUCH"),
        ("CT01", {"procedure": "NOSUCH"}, 404, "NOSUCH"),
        ("CT01", {}, 422, "procedure"),
        ("CT01", {"procedure": "NMBONE"}, 422, "station_ae_title"),
        ("CT01", {"procedure": "CTCHEST", "from": "soon"}, 422, "from"),
        ("CT01", {"procedure": "CTCHEST", "limit": "1001"}, 422, "limit"),
        ("CT01", {"procedure": "CTCHEST", "until": "2026-11-23T09:00:00Z"}, 422, "until"),
    ],
)
def test_bad_questions_for_slots_are_refused(rest: Rest, path: str, query: dict[str, str], expected: int, named: str) -> None:
    status, body = rest.get(f"/stations/{path}/free-slots", **query)
    assert (status, named in body["detail"]) == (expected, True), body


def test_the_openapi_document_describes_every_call(rest: Rest) -> None:
    answer = Client().get("/api/v1/openapi.json")
    document = json.loads(answer.content)
    paths = {path.removeprefix("/api/v1") for path in document["paths"]}
    assert paths >= {
        "/", "/procedures", "/stations", "/stations/{ae_title}/free-slots", "/orders", "/orders/{accession_number}",
        "/scheduled-steps", "/scheduled-steps/{step_id}/arrive", "/scheduled-steps/{step_id}/cancel",
        "/scheduled-steps/{step_id}/reschedule",
    }  # fmt: skip
    for operations in document["paths"].values():
        for operation in operations.values():
            assert {"401", "403"} <= set(operation["responses"])
            assert operation["description"]


def test_the_docs_page_loads_nothing_from_elsewhere(rest: Rest) -> None:
    answer = Client().get("/api/v1/docs")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "http://" not in page and "https://" not in page
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_the_docs_page_spells_out_every_call_of_the_schema(rest: Rest) -> None:
    page = Client().get("/api/v1/docs").content.decode()
    document = Client().get("/api/v1/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            assert f">{method.upper()} {path}<" in page
    for field in ("patient.birth_date", "requested_procedures[].steps[].scheduled_procedure_step_id", "items[].lines[].modifier"):
        assert f">{field}<" in page


def test_the_index_names_the_documents_and_unknown_paths_are_404_in_json(rest: Rest) -> None:
    assert rest.get("/")[1]["openapi_url"] == "/api/v1/openapi.json"
    for path in ("/nothing", "/orders/", "/scheduled-steps/1"):
        status, body = rest.get(path)
        assert status == 404
        assert path in body["detail"]
