"""The pages of stations and pools: what they say, and what their forms do."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ris.actions.pools import save_pool
from ris.actions.renaming import Renaming, rename_station
from ris.actions.stations import StationData, data_of, save_station
from ris.actor import Actor
from ris.models import Station, StationPool
from tests.support.hospital import ACTOR, a_site, a_station

SignIn = Callable[..., Client]
FORM: dict[str, Any] = {
    "ae_title": "CT01",
    "name": "CT 1",
    "room": "Room 1",
    "modalities": "CT, PT",
    "opens": "07:00",
    "closes": "19:00",
    "addresses": "",
    "enabled": "on",
    "character_set": "ISO_IR 100",
    "time_zone": "America/New_York",
    "aliases": "CT2, OLDCT",
    "own_list_only": "on",
    "statuses_shown": ["ARRIVED", "READY"],
    "age_limit_hours": "2",
    "age_unit": "24",
    "answer_limit": "200",
    "at_answer_limit": "A700",
    "strict": "on",
    "reports_performed_steps": "on",
    "version": "1",
}


def ct01() -> Station:
    return save_station(a_site(), StationData("CT01", ("CT",)), ACTOR)


def test_a_station_is_changed_by_its_form_and_says_what_it_is_set_to(signed_in: SignIn) -> None:
    ct01()
    client = signed_in("integrator")
    assert client.post("/stations/CT01/edit/", FORM).status_code == 302
    assert data_of(Station.objects.get()) == StationData(
        "CT01",
        ("CT", "PT"),
        "CT 1",
        "Room 1",
        character_set="ISO_IR 100",
        time_zone="America/New_York",
        aliases=("CT2", "OLDCT"),
        own_list_only=True,
        statuses_shown=("ARRIVED", "READY"),
        age_limit_hours=48,
        answer_limit=200,
        at_answer_limit="A700",
    )
    shown = client.get("/stations/CT01/").content.decode()
    for words in ("CT2, OLDCT", "Arrived, Ready", "2 days", "200, then A700, refused", "Also sees the list of: CT2, OLDCT, before none"):
        assert words in shown
    form = client.get("/stations/CT01/edit/").content.decode()
    assert 'value="2"' in form and '<option value="24" selected>' in form and '<option value="A700" selected>' in form


def test_an_ae_title_that_holds_a_comma_is_typed_in_quotation_marks(signed_in: SignIn) -> None:
    ct01()
    client = signed_in("integrator")
    assert client.post("/stations/CT01/edit/", FORM | {"aliases": ' "CT,2";OLD"CT , "A ""B"" ;C",'}).status_code == 302
    assert data_of(Station.objects.get()).aliases == ("CT,2", 'OLD"CT', 'A "B" ;C')
    field = client.get("/stations/CT01/edit/").context["form"]["aliases"].value()
    assert field == '"CT,2", OLD"CT, "A ""B"" ;C"'


def test_a_set_that_is_none_of_the_usual_ones_stays_to_be_chosen(signed_in: SignIn) -> None:
    save_station(a_site(), StationData("CT01", ("CT",), character_set="ISO 2022 IR 100\\ISO 2022 IR 126"), ACTOR)
    form = signed_in("integrator").get("/stations/CT01/edit/").content.decode()
    assert '<option value="ISO 2022 IR 100\\ISO 2022 IR 126" selected>' in form


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_written(signed_in: SignIn) -> None:
    ct01()
    answer = signed_in("integrator").post("/stations/CT01/edit/", FORM | {"aliases": "CT01", "answer_limit": "0", "statuses_shown": []})
    assert answer.status_code == 422
    assert "Statuses shown" in answer.content.decode()
    answer = signed_in("admin").post("/stations/CT01/edit/", FORM | {"aliases": "CT01", "answer_limit": "0"})
    text = answer.content.decode()
    assert "Also sees the list of holds CT01, its own AE title" in text
    assert "Answer limit is 0; it must be 1 to 100000 answers" in text
    assert Station.objects.get().version == 1


def test_of_two_people_the_second_is_told(signed_in: SignIn) -> None:
    ct01()
    client = signed_in("integrator")
    client.post("/stations/CT01/edit/", FORM)
    answer = client.post("/stations/CT01/edit/", FORM | {"room": "Room 2"})
    assert answer.status_code == 422
    assert "Somebody else changed this station meanwhile" in answer.content.decode()


def test_a_station_is_registered_once(signed_in: SignIn) -> None:
    a_site()
    client = signed_in("integrator")
    new = FORM | {"ae_title": "CT01", "version": ""}
    assert client.post("/stations/register-a-station/", new)["Location"] == "/stations/CT01/"
    answer = client.post("/stations/register-a-station/", new)
    assert (answer.status_code, "There is a station CT01 already" in answer.content.decode()) == (422, True)


@pytest.mark.parametrize("ae_title", ["A/B", "CT 1", "X#1?"])
def test_odd_ae_titles_have_pages_too(signed_in: SignIn, ae_title: str) -> None:
    save_station(a_site(), StationData(ae_title, ("CT",)), ACTOR)
    client = signed_in("integrator")
    assert reverse("station", args=[ae_title]) in client.get("/stations/").content.decode()
    assert client.get(reverse("station", args=[ae_title])).status_code == 200


def test_a_pool_is_made_and_changed(signed_in: SignIn) -> None:
    for ae_title in ("CT01", "CT02", "CT03"):
        a_station(ae_title)
    client = signed_in("integrator")
    made = {"code": "ANYCT", "name": "Any CT", "stations": ["CT01", "CT02"], "before": ""}
    assert client.post("/stations/make-a-pool-of-stations/", made).status_code == 302
    assert client.post("/stations/make-a-pool-of-stations/", made).status_code == 422
    changed = {"name": "Any CT", "stations": ["CT03"], "before": "CT01,CT02", "name_before": "Any CT"}
    assert client.post("/stations/pools-of-stations/ANYCT/", changed).status_code == 302
    assert [one.ae_title for one in StationPool.objects.get().stations.all()] == ["CT03"]
    answer = client.post("/stations/pools-of-stations/ANYCT/", changed)
    assert (answer.status_code, "It has CT03 now" in answer.content.decode()) == (422, True)
    answer = client.post("/stations/pools-of-stations/ANYCT/", {"name": "", "stations": [], "before": "CT03", "name_before": "Any CT"})
    assert "Stations is empty" in answer.content.decode()
    assert "Stations: CT03, before CT01, CT02" in client.get("/stations/pools-of-stations/ANYCT/").content.decode()


def members(code: str) -> list[str]:
    return list(StationPool.objects.get(code=code).stations.values_list("ae_title", flat=True).order_by("ae_title"))


def test_a_station_is_put_into_pools_and_taken_out_of_them_by_its_form(signed_in: SignIn) -> None:
    ct01()
    a_station("CT02")
    for code, name in (("ANYCT", "Any CT"), ("NIGHT", "At night"), ("THIRD", "Third")):
        save_pool(a_site(), code, name, ["CT02"], ACTOR)
    save_pool(a_site(), "NIGHT", None, ["CT01", "CT02"], ACTOR)
    client = signed_in("integrator")
    shown = client.get("/stations/CT01/edit/").content.decode()
    assert "NIGHT (At night)" in shown and 'name="pools_before" value="NIGHT"' in shown
    given = FORM | {"pools": ["ANYCT"], "pools_before": "NIGHT"}
    save_pool(a_site(), "THIRD", None, ["CT01", "CT02"], ACTOR)  # somebody else, meanwhile
    assert client.post("/stations/CT01/edit/", given).status_code == 302
    assert [members(code) for code in ("ANYCT", "NIGHT", "THIRD")] == [["CT01", "CT02"], ["CT02"], ["CT01", "CT02"]]
    save_pool(a_site(), "NIGHT", None, ["CT01"], ACTOR)
    answer = client.post("/stations/CT01/edit/", FORM | {"pools": [], "pools_before": "NIGHT", "version": "2", "room": "Elsewhere"})
    assert answer.status_code == 422
    assert "Pools cannot lack NIGHT, which would have no station then" in answer.content.decode()
    assert (members("NIGHT"), Station.objects.get(ae_title="CT01").room) == (["CT01"], "Room 1"), "nothing is half done"


def test_a_station_gets_another_ae_title_on_its_form_which_says_what_follows(signed_in: SignIn) -> None:
    ct01()
    client = signed_in("integrator")
    form = client.get("/stations/CT01/edit/").content.decode()
    assert "Accept CT01 too until the modality is changed" in form
    assert "a console that drops what names another one than it asked for is changed first" in form
    assert "checked" in form.split('name="keeps_title"')[1].split(">")[0]
    answer = client.post("/stations/CT01/edit/", FORM | {"ae_title": "CT-EAST", "keeps_title": "on"}, follow=True)
    shown = answer.content.decode()
    assert answer.redirect_chain == [("/stations/CT-EAST/", 302)]
    for words in (
        "Now change the modality itself to CT-EAST",
        "drops answers that name CT-EAST and not CT01",
        "Still accepted as",
        "Renamed",
        "AE title: CT-EAST, before CT01",
    ):
        assert words in shown
    assert client.get("/stations/CT01/queries/?message=1").headers["Location"] == "/stations/CT-EAST/queries/?message=1"
    version = Station.objects.get().version
    again = client.get("/stations/CT-EAST/edit/").content.decode()
    assert 'name="accepted" value="CT01"' in again
    given = FORM | {"ae_title": "CT-EAST", "accepted": ["CT01"], "version": str(version)}
    assert "Still accepted as: none" not in client.post("/stations/CT-EAST/edit/", given, follow=True).content.decode()
    given |= {"accepted": [], "version": str(Station.objects.get().version)}
    assert "Still accepted as: none, before CT01" in client.post("/stations/CT-EAST/edit/", given, follow=True).content.decode()


def test_who_saves_a_form_that_was_opened_before_the_station_was_renamed_is_told(signed_in: SignIn) -> None:
    ct01()
    rename_station(a_site(), Renaming("CT01"), "CT-EAST", Actor.system("jane"), 1)
    answer = signed_in("integrator").post("/stations/CT01/edit/", FORM)
    said = answer.content.decode()
    assert answer.status_code == 422 and "jane" in said and "Now: CT-EAST" in said
    assert Station.objects.get().ae_title == "CT-EAST"


@pytest.mark.parametrize(
    ("typed", "said"), [("", "Fill this in"), ("CT02", "is that of another station"), ("ANYCT", "is the code of a pool")]
)
def test_a_title_that_will_not_do_is_told_at_its_field(signed_in: SignIn, typed: str, said: str) -> None:
    ct01()
    save_pool(a_site(), "ANYCT", "Any CT", [a_station("CT02").ae_title], ACTOR)
    answer = signed_in("integrator").post("/stations/CT01/edit/", FORM | {"ae_title": typed, "room": "Elsewhere"})
    assert answer.status_code == 422 and said in answer.content.decode()
    assert Station.objects.get(ae_title="CT01").room == ""


def test_a_summary_of_what_is_wrong_says_of_which_field(signed_in: SignIn) -> None:
    a_site()
    answer = signed_in("integrator").post("/stations/register-a-station/", FORM | {"ae_title": "CT09", "modalities": ""})
    assert '<a href="#f-modalities">Modalities: Fill this in</a>' in answer.content.decode()


def test_a_pool_named_like_a_page_can_be_changed_too(signed_in: SignIn) -> None:
    a_station("CT01")
    pool = save_pool(a_site(), "make", "Any CT", ["CT01"], ACTOR)
    assert signed_in("integrator").get(reverse("pool-edit", args=["make"])).context["pool"] == pool


def test_who_may_not_change_stations_sees_no_way_to(signed_in: SignIn) -> None:
    ct01()
    save_pool(a_site(), "ANYCT", "Any CT", ["CT01"], ACTOR)
    client = signed_in("scheduler")
    for address in ("/stations/", "/stations/CT01/"):
        assert "edit/" not in client.get(address).content.decode()
    for address in ("/stations/CT01/edit/", "/stations/register-a-station/", "/stations/pools-of-stations/ANYCT/"):
        assert client.get(address).status_code == 403


def test_a_title_that_people_mix_up_is_taken_and_the_page_warns(signed_in: SignIn) -> None:
    a_station("CT02"), a_station("ct02"), a_station("STEPWISE")
    client = signed_in()
    for title, told in (
        ("CT02", "CT02 and ct02 differ in upper and lower case alone"),
        ("ct02", "ct02 and CT02 differ in upper and lower case alone"),
        ("STEPWISE", "STEPWISE is an AE title of this system too"),
    ):
        assert told in client.get(f"/stations/{title}/").content.decode()
    a_station("CT01")
    shown = client.get("/stations/CT01/").content.decode()
    assert "upper and lower case" not in shown and "of this system" not in shown
