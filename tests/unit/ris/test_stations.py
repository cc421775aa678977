from datetime import time

import pytest
from django.contrib.auth.models import User

from ris import events
from ris.actions.pools import save_pool
from ris.actions.stations import MOST_ALIASES, NEW, StationData, data_of, save_station
from ris.actions.tokens import create_token, revoke_token
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput
from ris.models import RecordChange, Station
from tests.support.hospital import ACTOR, a_site

pytestmark = pytest.mark.django_db


def save(*modalities: str, **changes: object) -> Station:
    return save_station(a_site(), StationData("CT01", modalities or ("CT",), **changes), ACTOR)


def modalities(station: Station) -> list[str]:
    return [row.modality for row in station.modalities.all()]


def test_a_station_is_made_with_its_modalities_in_order():
    station = save("DX", "CR", room="Room 1")

    assert (station.ae_title, station.name, station.room) == ("CT01", "CT01", "Room 1")
    assert modalities(station) == ["DX", "CR"]
    assert [change.verb for change in RecordChange.objects.filter(subject="station")] == ["register"]


def test_saving_it_again_changes_it_and_says_what():
    first = save()
    second = save("CT", "PT", room="Room 2")

    assert (second.pk, second.version, modalities(second)) == (first.pk, 2, ["CT", "PT"])
    change = RecordChange.objects.get(subject="station", verb="edit")
    assert change.detail == {"room": ["", "Room 2"], "modalities": ["CT", "CT, PT"]}


def test_saving_the_same_leaves_no_trace():
    save()
    assert save().version == 1
    assert RecordChange.objects.filter(subject="station").count() == 1


def test_the_addresses_it_may_call_from_are_kept_in_one_form():
    save(addresses=("10.0.0.5/32 ", "fd00:0::/64", ""))
    station = save(addresses=("10.0.0.5", "fd00::/64", "192.168.1.0/24"))

    assert station.addresses == ["10.0.0.5", "fd00::/64", "192.168.1.0/24"]
    change = RecordChange.objects.get(subject="station", verb="edit")
    assert change.detail == {"addresses": ["10.0.0.5, fd00::/64", "10.0.0.5, fd00::/64, 192.168.1.0/24"]}


def test_everything_that_is_wrong_is_named():
    wrong = StationData("TOO-LONG-AE-TITLE", ("", "C/T"), room="x" * 17, opens=time(19), closes=time(7), addresses=("ct01",))

    with pytest.raises(InvalidInput) as refusal:
        save_station(a_site(), wrong, ACTOR)

    assert set(refusal.value.errors) == {"ae_title", "modalities", "room", "closes", "addresses"}
    assert not Station.objects.exists()


@pytest.mark.parametrize(("ae_title", "given"), [("", ("CT",)), ("  ", ("CT",)), ("CT01", ()), ("CT01", ("",))])
def test_a_station_needs_an_ae_title_and_a_modality(ae_title, given):
    with pytest.raises(InvalidInput):
        save_station(a_site(), StationData(ae_title, given), ACTOR)


WRONG = {
    "character_set": ("ISO_IR 999", "no character set of PS3.3"),
    "aliases": (("CT01",), "its own AE title"),
    "statuses_shown": (("SCHEDULED", "LATER"), "'LATER'"),
    "age_limit_hours": (0, "1 to 87840 hours"),
    "answer_limit": (-1, "1 to 100000 answers"),
    "at_answer_limit": ("B000", "0000 .* or A700"),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_setting_is_refused_in_words_and_leaves_the_station_as_it_was(field):
    save()
    value, words = WRONG[field]
    with pytest.raises(InvalidInput, match=words) as refusal:
        save(**{field: value})
    assert set(refusal.value.errors) == {field}
    assert Station.objects.get().version == 1


def test_no_status_shown_is_refused_and_so_is_scheduled_alone_where_arrival_is_required():
    for changes in ({"statuses_shown": ()}, {"statuses_shown": ("SCHEDULED",), "requires_arrival": True}):
        with pytest.raises(InvalidInput, match="statuses_shown"):
            save(**changes)


def test_there_are_as_many_aliases_as_can_be_asked_for_at_once():
    with pytest.raises(InvalidInput, match=f"at most {MOST_ALIASES}"):
        save(aliases=tuple(f"CT{number}" for number in range(100, 101 + MOST_ALIASES)))


def test_settings_are_kept_in_one_form_and_told_in_the_history():
    save()
    station = save(
        aliases=("CT2", " OLDCT ", "CT2", ""),
        statuses_shown=("ready", "ARRIVED"),
        character_set="\\iso-2022 ir 87",
        answer_limit=200,
        at_answer_limit="A700",
        age_limit_hours=48,
        own_list_only=True,
    )

    assert [row.ae_title for row in station.aliases.all()] == ["CT2", "OLDCT"]
    assert station.statuses_shown == ["ARRIVED", "READY"]
    assert station.character_set == "\\ISO 2022 IR 87"
    detail = RecordChange.objects.get(subject="station", verb="edit").detail
    assert detail["aliases"] == ["", "CT2, OLDCT"]
    assert detail["statuses_shown"] == ["SCHEDULED, ARRIVED, READY", "ARRIVED, READY"]
    assert detail["answer_limit"] == ["", "200"]
    assert detail["own_list_only"] == ["False", "True"]


def test_what_a_station_is_says_again_what_was_typed():
    given = StationData("CT01", ("DX", "CR"), "CT 1", "Room 1", aliases=("CT2",), statuses_shown=("READY",), answer_limit=5)
    station = save_station(a_site(), given, ACTOR)

    assert data_of(station) == given
    assert save_station(a_site(), data_of(station), ACTOR).version == 1


def test_who_listens_is_told_which_settings_changed():
    heard: list[events.StationChanged] = []
    events.subscribe(events.StationChanged, heard.append)
    try:
        station = save()
        save(room="Room 2", own_list_only=True)
    finally:
        events._subscribers[events.StationChanged].remove(heard.append)
    assert heard == [events.StationChanged(station.pk, ()), events.StationChanged(station.pk, ("room", "own_list_only"))]


def test_a_new_station_does_not_overwrite_one_that_is_there():
    save_station(a_site(), StationData("CT01", ("CT",)), ACTOR, expected_version=NEW)
    with pytest.raises(Conflict, match="There is a station CT01 already"):
        save_station(a_site(), StationData("CT01", ("MR",)), ACTOR, expected_version=NEW)


def test_two_people_who_edit_one_station_are_told():
    version = save().version
    save(room="Room 9")

    with pytest.raises(ChangedMeanwhile):
        save_station(a_site(), StationData("CT01", ("CT",), room="Room 1"), ACTOR, expected_version=version)


def test_an_ae_title_that_is_the_code_of_a_pool_is_refused():
    save()
    save_pool(a_site(), "ANYCT", "", ["CT01"], ACTOR)
    with pytest.raises(InvalidInput, match="code of a pool"):
        save_station(a_site(), StationData("ANYCT", ("CT",)), ACTOR)


def test_a_site_that_follows_the_settings_says_what_changed(settings):
    site = a_site()
    zone, settings.TIME_ZONE = settings.TIME_ZONE, "Asia/Tokyo"
    a_site()
    a_site()
    change = RecordChange.objects.get(subject="site", subject_id=site.pk)
    assert (change.actor, change.detail) == ("settings", {"time_zone": [zone, "Asia/Tokyo"]})


def test_a_token_s_history_says_from_what_to_what():
    user = User.objects.create_user("jo")
    create_token(user, "script")
    revoke_token(user, "script")
    assert [change.detail for change in RecordChange.objects.filter(subject="api token")] == [
        {"user": ["", "jo"], "name": ["", "script"], "scope": ["", "all that its user may"]},
        {"user": ["jo", ""], "name": ["script", ""]},
    ]
