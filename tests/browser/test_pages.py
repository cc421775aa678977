"""Every page there is, in its states, both themes and both widths: nothing for axe to find, nothing cut off, nothing in the console."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.template.loader import render_to_string
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve
from playwright.sync_api import Browser, Page, Response, Route

from tests.browser.conftest import Cookies, signed_in
from tests.browser.examples import Examples, prepare
from tests.browser.pages import NO_PAGES, STATES, State
from tests.support.looking import look_at
from tests.support.stack import Stack

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]


def views(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    """Names of all URLs, but for those of namespaces (the REST interface); one without a name by its route."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.name or str(pattern.pattern)
        elif not pattern.namespace:
            yield from views(pattern.url_patterns)


def test_every_url_is_a_page_that_is_looked_at_or_says_why_not() -> None:
    looked_at = {name for state in STATES for name in (state.view, *state.parts)}
    known = set(views(get_resolver().url_patterns))
    assert known - looked_at - NO_PAGES.keys() == set(), "add their states to tests/browser/pages.py"
    assert NO_PAGES.keys() - known == set(), "these are no URLs any more"
    assert NO_PAGES.keys() & looked_at == set(), "these are looked at and need no excuse"


def view_of(address: str) -> str:
    try:
        return resolve(urlsplit(address).path).url_name or ""
    except Resolver404:
        return ""


class Visitor:
    """A window of one person, with what went wrong in it: console, scripts, policy."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.troubles: list[str] = []
        self.answers: list[tuple[str, int]] = []
        page.on("console", lambda message: self.troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("response", self._answered)

    def _answered(self, response: Response) -> None:
        self.answers.append((view_of(response.url), response.status))

    def visit(self, state: State, address: str) -> None:
        self.troubles.clear()
        self.answers.clear()
        if state.template:
            self.page.route(f"**{address}", lambda route: self._fail(route, state))
        self.page.goto(address)
        if state.act:
            state.act(self.page)
        self.page.wait_for_load_state()
        self.page.unroute_all()

    @staticmethod
    def _fail(route: Route, state: State) -> None:
        route.fulfill(status=state.status, content_type="text/html", body=render_to_string(state.template))

    def unexpected(self, state: State) -> list[str]:
        """What the console said, but for the refusal that the state is about."""
        known = (f"status of {state.status}", *state.says)
        return [trouble for trouble in self.troubles if not any(words in trouble for words in known)]


Visit = Callable[[str], Visitor]


@pytest.fixture(scope="module")
def visitor(browser: Browser, stack: Stack, sessions: dict[str, Cookies]) -> Iterator[Visit]:
    """The visitor of a role; each has one window for all pages."""
    visitors: dict[str, Visitor] = {}

    def of(role: str) -> Visitor:
        if role not in visitors:
            visitors[role] = Visitor(signed_in(browser, stack, sessions, role))
        return visitors[role]

    yield of
    for one in visitors.values():
        one.page.context.close()


@pytest.fixture(scope="module")
def examples(visitor: Visit, stack: Stack) -> Examples:
    return prepare(stack, visitor("admin").page)


@pytest.mark.parametrize("state", STATES, ids=[state.name for state in STATES])
def test_a_page_is_accessible_and_fits(state: State, visitor: Visit, examples: Examples) -> None:
    visiting = visitor(state.role)
    visiting.visit(state, state.address.format(**vars(examples)))
    assert view_of(visiting.page.url) == state.view
    assert (state.view, state.status) in visiting.answers
    assert {name for name, _ in visiting.answers}.issuperset(state.parts)
    assert look_at(visiting.page, state.name, state.looks) == []
    assert visiting.unexpected(state) == []
