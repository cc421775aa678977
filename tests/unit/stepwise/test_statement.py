"""The conformance statement as a page: all of docs/conformance.md, in the sections of PS3.2, with what is set here."""

import re
from html import unescape
from itertools import pairwise

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from dimse.services import TRANSFER_SYNTAXES
from ris.actions import connecting
from ris.actions.renaming import Renaming, rename_station
from ris.actions.stations import StationData, save_station
from ris.models import StationAlias
from stepwise import documents
from stepwise.statement import installation
from stepwise.statement.sections import statement
from tests.support.hospital import ACTOR, a_pool, a_site, a_station
from worklist.conformance import FILE

pytestmark = pytest.mark.django_db


def of_page(client: Client) -> str:
    answer = client.get(reverse("conformance"))
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


@pytest.fixture
def client(db: None) -> Client:
    a_site()
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


def test_every_part_of_the_document_is_in_a_section() -> None:
    """What is added to the document must have its place in the statement."""
    shown = {section.title for each in statement(a_site()) for section in each.walk()}
    written = {part.title for part in documents.read(FILE).walk() if part.depth > 1}
    assert written - shown == set()


def test_the_sections_are_those_of_ps3_2_and_numbered_once(client: Client) -> None:
    page = of_page(client)
    for heading in (
        "1 Conformance statement overview",
        "4.2 AE specifications",
        "4.3 Network interfaces",
        "5 Media interchange",
        "7 Security",
    ):
        assert heading in page
    numbers = [section.number for each in statement(a_site()) for section in each.walk()]
    assert len(set(numbers)) == len(numbers)


def test_what_is_set_here_is_filled_in(client: Client, settings: Settings) -> None:
    settings.DICOM_MAX_PDU, settings.UNKNOWN_CALLERS = 65536, "reject"
    station = a_station("CT01", strict=False)
    station.answer_limit = 100
    station.save()
    page = of_page(client)
    assert '<code>RIS_DICOM_MAX_PDU</code> <span class="here">(here 65536)</span>' in page
    assert '<code>RIS_UNKNOWN_CALLERS=accept</code> <span class="here">(here reject)</span>' in page
    assert "strict no; answer limit 100" in page
    assert "A-ASSOCIATE-RJ 1/1/7" in page and "ScheduledStationAETitle" in page


def test_headings_are_nested_as_the_sections_are(client: Client) -> None:
    """Who reads by ear goes from heading to heading: no level is left out, and each is that of its number."""
    page = of_page(client)
    found = re.findall(r'<h([1-6]) class="h2" id="s-[^"]+">([0-9.]+) ', page)
    assert len(found) == page.count('<section class="panel" id="s-')
    assert {number.count(".") + 2 for _, number in found} >= {2, 3, 4}
    assert [int(level) for level, _ in found] == [min(number.count(".") + 2, 6) for _, number in found]
    levels = [int(level) for level in re.findall(r"<h([1-6])", page.partition("<main")[2].partition("</main")[0])]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_station_of_a_pool_or_with_an_alias_is_not_as_a_new_one() -> None:
    station = a_station("CT01")
    assert installation.differences(station) == "none"
    a_pool("ANYCT", station)
    StationAlias.objects.create(station=station, ae_title="OLDCT")
    assert installation.differences(station) == "sees the list of OLDCT; in pool ANYCT"


def test_a_station_that_was_registered_by_its_form_is_as_a_new_one_but_for_the_former_titles_that_are_accepted() -> None:
    station = save_station(a_site(), StationData("CT01", ("CT",)), ACTOR)
    assert installation.differences(station) == "none"
    station = rename_station(a_site(), Renaming("CT01", keeps=False), "CT02", ACTOR)
    station = rename_station(a_site(), Renaming("CT02"), "CT03", ACTOR)
    assert installation.differences(station) == "former AE title CT02"
    assert installation.remote(a_site()).rows == (("CT03", "CT", "anywhere", "former AE title CT02"),)


def test_the_transfer_syntax_is_chosen_by_the_order_of_the_statement() -> None:
    section = next(one for one in statement(a_site()) if one.title == "Transfer syntaxes")
    words, table = section.blocks
    assert "the first of this list is accepted, in whatever order they come" in str(words)
    assert isinstance(table, documents.Table)
    assert tuple(uid for _, uid in table.rows) == TRANSFER_SYNTAXES


@pytest.mark.django_db(databases=["default", "journal"])
def test_every_title_by_which_it_lets_itself_be_called_is_named(client: Client) -> None:
    connecting.accept_called(a_site(), "RIS", ACTOR)
    assert installation.local(a_site()).rows[0][1] == "STEPWISE, also called RIS"
    assert "STEPWISE, also called RIS" in of_page(client)
    connecting.forget_called(a_site(), "RIS", ACTOR)
    assert installation.local(a_site()).rows[0][1] == "STEPWISE"
