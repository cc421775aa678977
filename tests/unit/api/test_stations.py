"""A station's settings and pools over REST."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from ris.actions.renaming import Renaming, rename_station
from ris.actions.stations import StationData, data_of
from ris.actions.tokens import create_token
from ris.api import stations as api_stations
from ris.models import FormerTitle, RecordChange, Station
from tests.support.hospital import ACTOR, a_site, an_order, in_minutes, steps_of
from tests.support.journal import a_query
from tests.support.performing import begin
from tests.support.worklist import identifier
from tests.unit.api.conftest import Rest, row_counts

pytestmark = pytest.mark.usefixtures("hospital")


def test_a_station_with_all_that_it_is_set_to(rest: Rest) -> None:
    assert rest.get("/stations/MR01") == (
        200,
        {
            "ae_title": "MR01",
            "name": "MR01",
            "modalities": ["MR", "CT"],
            "room": "Room 1",
            "enabled": True,
            "opens": "00:00",
            "closes": "23:59",
            "addresses": [],
            "host": "",
            "port": None,
            "tls": False,
            "character_set": "ISO_IR 192",
            "time_zone": "",
            "aliases": [],
            "own_list_only": False,
            "statuses_shown": ["SCHEDULED", "ARRIVED", "READY"],
            "requires_arrival": False,
            "age_limit_hours": None,
            "answer_limit": None,
            "at_answer_limit": "0000",
            "empty_sequences": False,
            "only_ff00": False,
            "refuses_several_items": False,
            "strict": True,
            "several_performed_steps": False,
            "reports_performed_steps": True,
            "refuses_undefined_attributes": False,
            "warns": False,
            "pools": [],
            "version": 1,
        },
    )


def test_what_is_changed_comes_back_and_the_rest_stays(rest: Rest) -> None:
    changes: dict[str, Any] = {"aliases": ["OLDMR"], "own_list_only": True, "statuses_shown": ["ready"], "age_limit_hours": 48}
    status, body = rest.patch("/stations/MR01", changes | {"answer_limit": 200, "at_answer_limit": "A700", "opens": "08:00"})
    assert status == 200
    expected = {"aliases": ["OLDMR"], "own_list_only": True, "statuses_shown": ["READY"], "age_limit_hours": 48, "modalities": ["MR", "CT"]}
    assert {name: body[name] for name in expected} == expected
    assert (body["answer_limit"], body["at_answer_limit"], body["opens"], body["version"]) == (200, "A700", "08:00", 2)
    assert rest.get("/stations/MR01") == (200, body)
    status, body = rest.patch("/stations/MR01", {"age_limit_hours": None})
    assert (status, body["age_limit_hours"], body["aliases"]) == (200, None, ["OLDMR"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"statuses_shown": ["LATER"]}, "statuses_shown"),
        ({"character_set": "LATIN"}, "character_set"),
        ({"time_zone": "CET-1"}, "time_zone"),
        ({"answer_limit": 0}, "answer_limit"),
        ({"own_list": True}, "own_list"),
        ({"aliases": None}, "aliases"),
        ({"aliases": "CT02"}, "aliases"),
        ({"opens": "08:00+02:00"}, "opens"),
        ({"opens": 8}, "opens"),
        ({"closes": "25:00"}, "closes"),
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": 1}, "enabled"),
        ({"answer_limit": True}, "answer_limit"),
        ({"answer_limit": "20"}, "answer_limit"),
        ({"version": "1"}, "version"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(rest: Rest, body: dict[str, Any], field: str) -> None:
    before = row_counts()
    status, answer = rest.patch("/stations/CT01", body)
    assert (status, list(answer["errors"])) == (422, [field])
    assert row_counts() == before
    assert Station.objects.get(ae_title="CT01").version == 1


def test_a_change_of_what_somebody_else_changed_is_a_conflict(rest: Rest) -> None:
    assert rest.patch("/stations/CT01", {"room": "Room 2", "version": 1})[0] == 200
    status, answer = rest.patch("/stations/CT01", {"room": "Room 3", "version": 1})
    assert (status, "Somebody else changed this station" in answer["detail"]) == (409, True)


def test_of_two_changes_at_the_same_moment_none_is_lost(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(station: Station) -> StationData:
        monkeypatch.setattr(api_stations, "data_of", data_of)
        found = data_of(station)
        assert rest.patch("/stations/CT01", {"room": "Room 2"})[0] == 200
        return found

    monkeypatch.setattr(api_stations, "data_of", read)
    assert rest.patch("/stations/CT01", {"name": "CT one"})[0] == 409
    assert Station.objects.get(ae_title="CT01").room == "Room 2"


def test_a_station_is_registered_and_set_anew_by_put(rest: Rest) -> None:
    status, body = rest.put("/stations/CT09", {"modalities": ["CT"], "aliases": ["CT01"]})
    assert (status, body["ae_title"], body["aliases"], body["version"]) == (201, "CT09", ["CT01"], 1)
    status, body = rest.put("/stations/CT09", {"modalities": ["CT", "PT"]})
    assert (status, body["aliases"], body["modalities"]) == (200, [], ["CT", "PT"])
    assert rest.put("/stations/CT09", {"modalities": ["CT"], "version": 0})[0] == 409
    assert rest.put("/stations/CT10", {})[0] == 422
    assert rest.get("/stations/CT10")[0] == 404
    assert rest.patch("/stations/CT10", {"room": "x"})[0] == 404
    assert [change.verb for change in RecordChange.objects.filter(subject="station")] == ["register", "edit"]


@pytest.mark.django_db(databases=["default", "journal"])
def test_a_station_whose_ae_title_has_a_slash_is_reached_by_its_address(rest: Rest) -> None:
    assert rest.put("/stations/CT%2F1", {"modalities": ["CT"]})[1]["ae_title"] == "CT/1"
    assert rest.patch("/stations/CT%2F1", {"room": "Room 3"})[1]["room"] == "Room 3"
    assert rest.get("/stations/CT%2F1")[1]["version"] == 2
    assert rest.get("/stations/CT%2F1/free-slots", procedure="CTCHEST")[1]["items"]
    assert [rest.get(f"/stations/CT%2F1/{what}")[1]["count"] for what in ("queries", "findings")] == [0, 0]


def test_pools_are_made_changed_and_listed(rest: Rest) -> None:
    assert rest.put("/pools/ANYCT", {"name": "Any CT", "stations": ["MR01", "CT01"], "before": []}) == (
        200,
        {"code": "ANYCT", "name": "Any CT", "stations": ["CT01", "MR01"]},
    )
    assert rest.put("/pools/ANYCT", {"stations": ["CT01"], "before": []})[0] == 409
    assert rest.put("/pools/ANYCT", {"stations": ["CT01"]})[1]["stations"] == ["CT01"]
    assert rest.put("/pools/ANYCT", {"stations": ["CT77"]})[0] == 404
    assert rest.get("/pools")[1]["items"] == [{"code": "ANYCT", "name": "Any CT", "stations": ["CT01"]}]
    assert rest.put("/pools/ANYCT", {"name": "", "stations": ["CT01"]})[1]["name"] == "ANYCT"
    assert rest.put("/pools/ANY%2FMR", {"stations": ["MR01"]})[1] == {"code": "ANY/MR", "name": "ANY/MR", "stations": ["MR01"]}
    assert rest.get("/stations/CT01")[1]["pools"] == ["ANYCT"]


def test_only_those_who_connect_modalities_change_them(rest: Rest) -> None:
    user = User.objects.create_user("desk")
    user.groups.add(Group.objects.get_or_create(name="scheduler")[0])
    desk = Rest(create_token(user, "desk"))
    assert desk.get("/stations/CT01")[0] == 200
    assert desk.patch("/stations/CT01", {"room": "x"})[0] == 403
    assert desk.put("/pools/ANYCT", {"stations": ["CT01"]})[0] == 403


def test_a_script_that_names_a_former_title_is_told_the_present_one(rest: Rest) -> None:
    rename_station(a_site(), Renaming("CT01"), "CT-EAST", ACTOR)
    status, answer = rest.get("/stations/CT01")
    assert (status, answer["detail"]) == (404, "CT01 is called CT-EAST now.")
    status, answer = rest.put("/stations/CT01", {"modalities": ["CT"]})
    assert status == 422 and "stop accepting CT01" in str(answer["errors"]["ae_title"])
    assert rest.patch("/stations/CT-EAST", {"room": "Room 9"})[1]["room"] == "Room 9"
    assert FormerTitle.objects.filter(until=None).count() == 1, "what does not name the titles leaves them"


@pytest.mark.django_db(databases=["default", "journal"])
def test_no_list_by_a_former_title_is_empty_without_a_word(rest: Rest) -> None:
    steps = steps_of(an_order(station="CT01", start=in_minutes(10)))
    begin(steps, station="CT01")
    query = a_query(identifier({"ScheduledStationAETitle": "CT01"}))
    rename_station(a_site(), Renaming("CT01"), "CT-EAST", ACTOR)
    assert rest.get("/stations/CT01/findings")[1]["detail"] == "CT01 is called CT-EAST now."
    for path in ("/scheduled-steps", "/performed-steps"):
        for title in ("CT01", "CT-EAST"):
            assert rest.get(path, station_ae_title=title)[1]["count"] == 1
    for calling in ("CT01", "CT-EAST"):
        (call,) = rest.get("/associations", calling=calling)[1]["items"]
        assert (call["id"], call["calling"]) == (str(query.association_id), "CT01")
        assert rest.get("/messages", calling=calling)[1]["count"] == 2
    rename_station(a_site(), Renaming("CT-EAST", given_up=["CT01"]), "CT-EAST", ACTOR)
    for path in ("/scheduled-steps", "/performed-steps"):
        status, answer = rest.get(path, station_ae_title="CT01")
        assert status == 422 and "CT01 is called CT-EAST now" in answer["errors"]["station_ae_title"]
        assert rest.get(path, station_ae_title="CT-EAST")[1]["count"] == 1
