"""Whose hospital an association is about, and which part of the journal is a hospital's."""

from itertools import product
from typing import Any

import pytest

from dimse.models import Association, Message
from ris import peers
from ris.models import Station
from ris.peers import WHOLE, Journal
from tests.support.hospital import a_site, a_station
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
