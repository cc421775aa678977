"""All pages that links lead to from the first one, as a browser resolves them."""

from collections import deque
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

from django.http import HttpResponse
from django.test import Client

HOST: Final = "http://testserver"
_ADDRESSES: Final = ("href", "src", "action", "formaction", "hx-get", "hx-post", "hx-push-url", "hx-replace-url", "poster", "data", "cite")
_FOLLOWED: Final = ("href", "hx-get", "src")
_PAIRS: Final = {"compare", "exchange", "with"}
"""Parameters that name the other message of a pair: one of each kind on a page is followed, since there are as many pairs as squares."""


@dataclass
class Page(HTMLParser):
    """What is in a page: tags and attributes by their names, addresses, its title, and the text between the tags."""

    address: str
    status: int = 0
    html: str = ""
    tags: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    addresses: list[str] = field(default_factory=list)
    leads_to: list[str] = field(default_factory=list)
    title: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self._inside = ""

    def read(self, html: str) -> "Page":
        self.html = html
        self.feed(html)
        return self

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in _ADDRESSES:
                self.addresses.append(value or "")
            if name in _FOLLOWED and value and not (tag == "form" and name == "action"):
                self.leads_to.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data
        self.text += data


def crawl(client: Client, *first: str, most: int = 400, without: tuple[str, ...] = ()) -> list[Page]:
    """The pages that can be reached by links and live parts, each address once, but for those that begin as in `without`.

    AssertionError when there are more than `most`.
    """
    waiting, seen, found = deque(first), set(map(_what, first)), list[Page]()
    while waiting:
        assert len(found) < most, f"more than {most} pages: {[page.address for page in found][-20:]}"
        page = _visited(client, waiting.popleft())
        found.append(page)
        for address in page.leads_to:
            whole = urldefrag(urljoin(HOST + page.address, address)).url
            target = whole.removeprefix(HOST)
            if whole.startswith(f"{HOST}/") and _what(target) not in seen and not _is_left(target) and not target.startswith(without):
                seen.add(_what(target))
                waiting.append(target)
    return found


def _what(address: str) -> str:
    """The address, without which message is the other one of a pair."""
    parts = urlsplit(address)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    return f"{parts.path}?{sorted((name, '' if name in _PAIRS else value) for name, value in asked)}"


def _is_left(address: str) -> bool:
    """Files, and lists of other days, of which there is no end."""
    parts = urlsplit(address)
    return parts.path.startswith(("/static/", "/django_htmx/", "/api/")) or "day=" in parts.query or "before=" in parts.query


def _visited(client: Client, address: str) -> Page:
    answer: HttpResponse = client.get(address)  # type: ignore[assignment]
    page = Page(address, answer.status_code)
    if "Location" in answer.headers:
        page.addresses.append(answer.headers["Location"])
        page.leads_to.append(answer.headers["Location"])
    is_page = answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming
    return page.read(answer.content.decode()) if is_page else page
