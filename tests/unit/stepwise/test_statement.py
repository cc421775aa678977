"""The conformance statement as a page: all of docs/conformance.md, in the sections of PS3.2, with what is set here."""

from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from stepwise.statement import document
from stepwise.statement.document import Part, Table
from stepwise.statement.sections import statement
from tests.support.hospital import a_site, a_station

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
    written = {part.title for part in document.whole().walk() if part.depth > 1}
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


def test_the_document_is_read_as_it_is_written() -> None:
    text = "# A\n\nOne `x` and\n**two** [three](t.md).\n\n| a | b |\n|---|---|\n| c | d<e |\n\n## B\n\n### C\n\n<!-- no -->\n\n## D\n"
    root = document.parse(text)
    (top,) = root.parts
    assert [part.title for part in root.walk()] == ["", "A", "B", "C", "D"]
    assert top.blocks == ["One `x` and **two** [three](t.md).", Table(("a", "b"), (("c", "d<e"),))]
    assert document.inline("<b> `x=1` **two** [three](t.md)", {"x": "9"}) == (
        '&lt;b&gt; <code>x=1</code> <span class="here">(here 9)</span> <em>two</em> three'
    )
    with pytest.raises(KeyError, match="no part 'Z'"):
        Part("", 0).named("Z")
