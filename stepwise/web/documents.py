"""Documents of the project as pages: what is read in the repository is what the product shows."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_READER: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
_TABLE: Final = '<div class="scroll" tabindex="0" role="region" aria-label="{}, table"><table class="table">'


@dataclass(frozen=True)
class Section:
    """What stands under a heading of the second level, as HTML."""

    title: str
    body: SafeString


@cache
def read(path: Path) -> tuple[str, SafeString, tuple[Section, ...]]:
    """Title, what stands before the first section, and the sections, of a document that is written as Markdown."""
    head, *sections = path.read_text(encoding="utf-8").split("\n## ")
    title, _, about = head.removeprefix("# ").partition("\n")
    parts = (section.partition("\n") for section in sections)
    return title, _shown(title, about), tuple(Section(name, _shown(name, body)) for name, _, body in parts)


def _shown(title: str, text: str) -> SafeString:
    """Our own text: no element of HTML in it is taken for one."""
    html: str = _READER.render(text)
    tables = (("<table>", format_html(_TABLE, title)), ("</table>", "</table></div>"), ("<th>", '<th scope="col">'))
    for plain, dressed in tables:
        html = html.replace(plain, dressed)
    return mark_safe(html)
