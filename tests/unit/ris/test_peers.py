"""Whose hospital an association is about, and which part of the journal is a hospital's."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from dimse.models import Association, Message
from ris import clock, peers
from ris.actions import connecting
from ris.actions.renaming import Renaming, rename_station
from ris.actions.stations import StationData, save_station
from ris.errors import Conflict
from ris.models import CalledAlias, Station
from ris.peers import WHOLE, Journal
from tests.support.hospital import ACTOR, a_site, a_station
from tests.support.journal import a_query, an_association
from tests.support.sites import another_site

pytestmark = [
    pytest.mark.django_db(databases=["default", "journal"]),
    pytest.mark.both_databases,
]


def test_the_journals_of_the_sites_divide_it_by_the_rule_by_which_associations_are_answered() -> None:
    here, there, third = a_site(), another_site(), another_site("east", "EASTRIS")
    a_station("CT01")
    for site, ae_title in ((there, "MR77"), (there, "BOTH"), (third, "BOTH"), (third, "US09")):
        Station.objects.create(site=site, ae_title=ae_title, name=ae_title)
    for called, calling in product(("STEPWISE", "SOUTHRIS", "EASTRIS", "NOBODY", ""), ("CT01", "MR77", "BOTH", "US09", "NOBODY", "")):
        a_query(b"", calling, called=called)
    for site in (here, there, third):
        its = {row.pk for row in Association.objects.all() if peers.site_of(row.called, row.calling) == site}
        journal = Journal(site)
        assert set(journal.associations().values_list("pk", flat=True)) == its
        assert {message.association_id for message in journal.messages()} == its
    assert WHOLE.associations().count() == Association.objects.count() == 30


def test_a_title_claims_what_is_said_while_it_is_the_sites_own() -> None:
    """Stations that are registered, one at two hospitals, and a title that two hospitals accepted one after the other."""
    here, there, third = a_site(), another_site(), another_site("east", "EASTRIS")
    hours = [clock.wall() + timedelta(hours=hour) for hour in range(4)]
    for site, ae_title, since in ((there, "MR77", 1), (there, "BOTH", 1), (third, "BOTH", 2), (here, "BOTH2", 1), (there, "BOTH2", 1)):
        Station.objects.create(site=site, ae_title=ae_title, name=ae_title, registered_at=hours[since])
    for site, since, until in ((there, 1, 2), (third, 3, None)):
        ended = None if until is None else hours[until]
        CalledAlias.objects.create(site=site, ae_title="OLDRIS", accepted_at=hours[since], accepted_by="x", forgotten_at=ended)
    said = list(product(("STEPWISE", "OLDRIS", "NOBODY"), ("MR77", "BOTH", "BOTH2", "NOBODY"), hours))
    for called, calling, at in said:
        a_query(b"", calling, called=called, at=at)
    for site in (here, there, third):
        its = {row.pk for row in Association.objects.all() if peers.site_then(row.called, row.calling, row.started) == site}
        assert set(Journal(site).associations().values_list("pk", flat=True)) == its
        assert {message.association_id for message in Journal(site).messages()} == its
    by_title = {
        (called, calling): "".join("hst"[[here, there, third].index(peers.site_then(called, calling, at))] for at in hours)
        for called, calling, _ in said
    }
    assert by_title["STEPWISE", "MR77"] == "hhhh"
    assert (by_title["NOBODY", "MR77"], by_title["NOBODY", "BOTH"], by_title["NOBODY", "BOTH2"]) == ("hsss", "hsss", "hhhh")
    assert (by_title["OLDRIS", "NOBODY"], by_title["OLDRIS", "MR77"]) == ("hsht", "hsst")


def test_naming_a_title_gives_nothing_of_what_was_answered_before() -> None:
    here, there = a_site(), another_site()
    before, after = (clock.wall() + timedelta(minutes=minutes) for minutes in (-5, 5))
    of_before = {a_query(b"", calling, called=called, at=before).association_id for calling, called in (("QCT", "OLDRIS"), ("SCT", "ANY"))}
    connecting.accept_called(there, "OLDRIS", ACTOR)
    save_station(there, StationData("SCT", ("CT",)), ACTOR)
    of_after = {a_query(b"", calling, called=called, at=after).association_id for calling, called in (("QCT", "OLDRIS"), ("SCT", "ANY"))}
    divided = [of_before, of_after]
    assert [set(Journal(site).associations().values_list("pk", flat=True)) for site in (here, there)] == divided
    connecting.forget_called(there, "OLDRIS", ACTOR)
    save_station(here, StationData("SCT", ("CT",)), ACTOR)
    early = {one.pk for one in Association.objects.filter(started__lt=clock.wall())}
    assert early <= set(Journal(here).associations().values_list("pk", flat=True))
    assert connecting.accept_called(here, "OLDRIS", ACTOR).site == here


def test_a_title_by_which_stations_of_another_hospital_call_is_not_ones_own_to_take() -> None:
    here, there = a_site(), another_site()
    save_station(here, StationData("CT01", ("CT",)), ACTOR)
    an_association("CT01", called="OLDRIS")
    with pytest.raises(Conflict, match="set yours to call SOUTHRIS"):
        connecting.accept_called(there, "OLDRIS", ACTOR)
    assert connecting.accept_called(here, "OLDRIS", ACTOR).site == here
    assert peers.site_called("OLDRIS") == here
    connecting.forget_called(here, "OLDRIS", ACTOR)
    assert peers.site_called("OLDRIS") is None


def test_a_title_of_another_hospitals_station_takes_nothing_of_what_it_says() -> None:
    """Registered, or given to a station that there was: who calls nobody in particular so goes on as the one that had the title first."""
    here, there = a_site(), another_site()
    first = save_station(there, StationData("CTB1", ("CT",)), ACTOR)
    save_station(there, StationData("MRB1", ("MR",)), ACTOR)
    save_station(here, StationData("CTB1", ("CT",)), ACTOR)
    save_station(here, StationData("MR01", ("MR",)), ACTOR)
    rename_station(here, Renaming("MR01"), "MRB1", ACTOR)
    for title in ("CTB1", "MRB1"):
        assert (peers.site_of("WHATEVER", title), peers.site_of("STEPWISE", title)) == (there, here)
        an_association(title, called="WHATEVER", at=clock.wall() + timedelta(minutes=5))
    rename_station(there, Renaming("CTB1"), "CTB2", ACTOR, first.version)
    assert peers.site_of("WHATEVER", "CTB1") == there, "while the former title is accepted"
    assert Journal(there).associations().count() == 2
    rename_station(there, Renaming("CTB2", given_up=["CTB1"]), "CTB2", ACTOR)
    assert peers.site_of("WHATEVER", "CTB1") == here, "it is nobody else's any more"
    assert Journal(there).associations().count() == 1


def test_a_thousand_stations_registered_one_by_one_are_one_condition() -> None:
    a_site()
    there = another_site()
    now = clock.wall()
    Station.objects.bulk_create(
        Station(site=there, ae_title=f"S{number}", name="x", registered_at=now + timedelta(seconds=number)) for number in range(1500)
    )
    for number in (0, 1499):
        a_query(b"", f"S{number}", called="ANY", at=now + timedelta(seconds=10))
    assert [row.calling for row in Journal(there).associations()] == ["S0"]


def test_a_message_whose_association_was_lost_is_the_default_site_s() -> None:
    here, there = a_site(), another_site()
    lost = a_query(b"", "MR77", called="SOUTHRIS")
    Association.objects.filter(pk=lost.association_id)._raw_delete("journal")
    assert Journal(here).messages().count() == Message.objects.count() == 2
    assert not Journal(there).messages().exists()


def test_where_there_is_one_site_it_costs_one_query_to_know_that(django_assert_num_queries: Any) -> None:
    site = a_site()
    an_association("CT01")
    with django_assert_num_queries(1):
        journal = Journal(site)
        found = [journal.associations(), journal.messages(), journal.associations()]
    assert [rows.query.where.children for rows in found] == [[], [], []]


def test_what_a_site_sends_may_not_be_taken_for_what_another_sites_station_says() -> None:
    here, there = a_site(), another_site()
    a_station("CT01")
    for site, ae_title in ((there, "MR77"), (here, "BOTH"), (there, "BOTH")):
        Station.objects.create(site=site, ae_title=ae_title, name=ae_title)
    asked = product((here, there), ("CT01", "MR77", "BOTH", "NOBODY", ""), ("STEPWISE", "SOUTHRIS", "PACS"))
    posing = {(site.code, calling, called) for site, calling, called in asked if peers.poses_as_another_s(site, calling, called)}
    assert posing == {
        ("main", "MR77", "SOUTHRIS"), ("main", "BOTH", "SOUTHRIS"), ("main", "MR77", "PACS"),
        ("south", "CT01", "STEPWISE"), ("south", "BOTH", "STEPWISE"), ("south", "CT01", "PACS"), ("south", "BOTH", "PACS"),
    }  # fmt: skip
