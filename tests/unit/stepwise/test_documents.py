"""Documents of the project as pages."""

import os
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from stepwise import documents
from stepwise.documents import Other, Part, Table
from tests.support.addresses import somebody
from tests.support.hospital import a_site

MODEL = settings.BASE_DIR / "docs" / "threat-model.md"


def test_a_document_is_read_as_it_is_written_and_holds_no_elements_of_its_own() -> None:
    text = "# A\n\nOne `x` and\n**two** [three](t.md).\n\n| a | b |\n|---|---|\n| c | d<e |\n\n## B\n\n### C\n\n"
    text += "<!-- no -->\n\n- one\n- `*`\n\n## D\n"
    root = documents.parse(text)
    (top,) = root.parts
    assert [part.title for part in root.walk()] == ["", "A", "B", "C", "D"]
    assert top.blocks == ["One `x` and **two** [three](t.md).", Table(("a", "b"), (("c", "d<e"),))]
    assert documents.shown(top.blocks[1], {}) == Table(("a", "b"), (("c", "d&lt;e"),))
    (items,) = root.named("C").blocks
    assert isinstance(items, Other), "a comment is nothing to show"
    assert "<li>one</li>\n<li><code>*</code></li>" in str(documents.shown(items, {}))
    assert documents.inline("<b> `x=1` **two** [three](t.md)", {"x": "9"}) == (
        '&lt;b&gt; <code>x=1</code> <span class="here">(here 9)</span> <strong>two</strong> three'
    )
    with pytest.raises(KeyError, match="no part 'Z'"):
        Part("", 0).named("Z")


def test_a_document_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "one.md"
    for title in ("First", "Second"):
        file.write_text(f"# {title}\n")
        os.utime(file, ns=(0, len(title)))
        assert documents.read(file).parts[0].title == title


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
