"""Documents of the project as pages."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from stepwise.web import documents
from tests.support.addresses import somebody
from tests.support.hospital import a_site

MODEL = settings.BASE_DIR / "docs" / "threat-model.md"


def test_a_document_is_read_as_sections_and_holds_no_elements_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "one.md"
    file.write_text("# Title\n\nAbout **it**.\n\n## First <b>\n\n| a | b |\n|---|---|\n| `x` | <b>y</b> |\n\n## Second\n\n- one\n")
    title, about, sections = documents.read(file)
    assert (title, [section.title for section in sections]) == ("Title", ["First <b>", "Second"])
    assert "<strong>it</strong>" in about
    assert 'aria-label="First &lt;b&gt;, table"' in sections[0].body
    assert "<code>x</code>" in sections[0].body and "&lt;b&gt;y" in sections[0].body


@pytest.mark.django_db
def test_the_threat_model_is_a_page_for_everybody_with_all_its_sections() -> None:
    a_site()
    client = Client()
    client.force_login(somebody("nobody-special"))
    assert "/help/threat-model/" in client.get("/help/").content.decode()
    text = client.get("/help/threat-model/").content.decode()
    headings = re.findall(r"^## (.+)$", MODEL.read_text(), re.MULTILINE)
    assert len(headings) > 8
    for heading in headings:
        assert f">{heading}</h2>" in text


def test_every_setting_that_the_threat_model_names_is_one() -> None:
    readme = (settings.BASE_DIR / "README.md").read_text()
    named = set(re.findall(r"`(RIS_[A-Z_]+)", MODEL.read_text()))
    assert named
    assert {name for name in named if f"`{name}`" not in readme} == set()
