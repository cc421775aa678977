"""One running product for all tests of this folder, a browser for each module; each test has windows of its own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support import prepared
from tests.support.chromium import ARGUMENTS, chromium
from tests.support.stack import Stack, running_stack
from tests.support.wait import patience

HARMLESS = ("status of 4", "503")  # refusals that a test provokes are shown in the console too
Cookies = list[Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with its module: while Playwright runs, its event loop keeps Django's database from the tests of other folders."""
    path = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    chromium()
    data_dir = tmp_path_factory.mktemp("stack")
    prepared.with_demo(data_dir)
    with running_stack(data_dir) as running:
        yield running


@pytest.fixture(scope="session")
def sessions() -> dict[str, Cookies]:
    """Cookies of who signed in already, by role: the password is checked once, which takes its time on purpose."""
    return {}


def sign_in(page: Page, role: str) -> None:
    page.goto("/sign-in/")
    page.get_by_label("User name").fill(role)
    page.get_by_label("Password").fill(prepared.DEMO_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector(".account")


def signed_in(browser: Browser, stack: Stack, sessions: dict[str, Cookies], role: str, width: int = 1440) -> Page:
    """A page in a context of its own, as one of the demo accounts; as a stranger when the role is empty."""
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{stack.http_port}", viewport={"width": width, "height": 900}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(patience(15_000))
    expect.set_options(timeout=patience(5_000))
    if not role:
        return page
    if role in sessions:
        context.add_cookies(sessions[role])
    else:
        sign_in(page, role)
        sessions[role] = [cookie for cookie in context.cookies() if "theme" not in cookie["name"]]
    return page


@pytest.fixture
def window(browser: Browser, stack: Stack, sessions: dict[str, Cookies]) -> Iterator[Callable[..., Page]]:
    """`window("scheduler", width=390, theme="dark")` is a page of somebody signed in. No script may fail or break the policy."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def open_window(role: str = "scheduler", width: int = 1440, theme: str = "light") -> Page:
        page = signed_in(browser, stack, sessions, role, width)
        contexts.append(page.context)
        page.context.add_cookies([{"name": "stepwise_theme", "value": theme, "url": f"http://127.0.0.1:{stack.http_port}"}])
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto("/help/")
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert [trouble for trouble in troubles if not any(known in trouble for known in HARMLESS)] == []
