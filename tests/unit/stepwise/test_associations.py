"""Who may call, and from where: the policy of the DICOM server."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from dimse.policy import Accept, Reject
from ris.actions.stations import StationData, save_station
from ris.models import Site
from stepwise import associations
from stepwise.associations import decide
from tests.support.hospital import ACTOR, a_site

pytestmark = pytest.mark.django_db


def a_station(*addresses: str, title: str = "CT01") -> None:
    save_station(a_site(), StationData(title, ("CT",), addresses=addresses), ACTOR)


def reason(calling: str = "CT01", called: str = "STEPWISE", address: str = "10.0.0.5") -> tuple[int, int, int] | None:
    verdict = decide(calling, called, address)
    return None if isinstance(verdict, Accept) else (verdict.result, verdict.source, verdict.reason)


@pytest.fixture(autouse=True)
def _strangers_are_refused(settings: Settings) -> None:
    settings.UNKNOWN_CALLERS = "reject"


def test_a_station_without_addresses_may_call_from_anywhere() -> None:
    a_station()
    assert reason(address="198.51.100.9") is None


def test_a_station_with_addresses_may_call_from_these_only() -> None:
    a_station("10.0.0.5", "192.168.1.0/24")
    assert [reason(address=address) for address in ("10.0.0.5", "192.168.1.77", "10.0.0.6")] == [None, None, (1, 1, 3)]


def test_the_refusal_says_which_address_and_what_to_do() -> None:
    a_station("10.0.0.5", "192.168.1.0/24")
    verdict = decide("CT01", "STEPWISE", "10.0.0.6")
    assert isinstance(verdict, Reject)
    assert verdict.why == (
        "'CT01' may not call from 10.0.0.6; add it to the addresses of the station if it is the device's (now 10.0.0.5, 192.168.1.0/24)"
    )


def test_unknown_titles_are_refused_as_before_and_addresses_hold_even_where_strangers_are_let_in(settings: Settings) -> None:
    a_station("10.0.0.5")
    assert (reason(called="OTHER"), reason("CT99")) == ((1, 1, 7), (1, 1, 3))
    settings.UNKNOWN_CALLERS = "accept"
    assert (reason("CT99", address="10.0.0.6"), reason(address="10.0.0.6")) == (None, (1, 1, 3))


def test_any_called_title_may_be_let_in_and_means_the_site_of_the_station(settings: Settings) -> None:
    a_station("10.0.0.5")
    settings.UNKNOWN_CALLED = "accept"
    assert (reason(called="ANY-SCP"), reason(called="ANY-SCP", address="10.0.0.6")) == (None, (1, 1, 3))
    assert reason("CT99", called="ANY-SCP") == (1, 1, 3)


def test_the_stations_of_a_site_are_its_own() -> None:
    a_station("10.0.0.5")
    Site.objects.create(code="other", name="Other", ae_title="ELSEWHERE", time_zone="UTC")
    assert reason(called="ELSEWHERE") == (1, 1, 3)


def test_a_change_holds_from_the_next_association_on_and_an_association_costs_one_query_until_then(
    django_assert_num_queries: Callable[[int], AbstractContextManager[object]],
) -> None:
    a_station()
    assert reason() is None
    with django_assert_num_queries(1):
        assert reason() is None
    with django_assert_num_queries(1):
        assert reason("CT99") == (1, 1, 3)
    a_station("10.0.0.9")
    assert reason() == (1, 1, 3)
    a_station("10.0.0.5")
    a_station(title="CT99")
    assert (reason(), reason("CT99")) == (None, None)


def test_those_who_tell_of_the_server_know_how_it_decides(settings: Settings, tmp_path: Path) -> None:
    a_site()
    settings.DATA_DIR = tmp_path
    assert isinstance(associations.decide_as_served("CT99", "STEPWISE", "10.0.0.6"), Reject)
    settings.UNKNOWN_CALLERS = "accept"
    associations.record()
    settings.UNKNOWN_CALLERS = "reject"
    assert isinstance(associations.decide_as_served("CT99", "STEPWISE", "10.0.0.6"), Accept)
    assert isinstance(decide("CT99", "STEPWISE", "10.0.0.6"), Reject)
