"""Connecting a modality in the browser: lines that follow the network by themselves, buttons that put it right, and a card of one page."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from dimse.echo import echo
from tests.support.looking import picture
from tests.support.stack import Stack
from tests.support.wait import patience, wait_until
from training.query import Question
from training.scu import Wire
from training.target import Target

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]
Window = Callable[..., Page]


def line(page: Page, key: str) -> Locator:
    return page.locator(f"#line-{key}")


def calls(stack: Stack, called: str) -> str:
    return echo("127.0.0.1", stack.dicom_port, calling="DX01", called=called).result


def test_a_line_turns_red_by_what_came_and_green_by_what_is_put_right(window: Window, stack: Stack) -> None:
    page = window("integrator")
    page.goto("/stations/DX01/edit/")
    page.locator("[name=host]").fill("127.0.0.1")
    page.locator("[name=port]").fill(str(stack.dicom_port))
    page.get_by_role("button", name="Save").click()
    page.goto("/connect/DX01/")
    page.get_by_role("button", name="Begin").click()
    expect(line(page, "title")).to_contain_text("Nothing heard yet")
    page.evaluate("window.untouched = true")

    assert calls(stack, "ELSEWHERE") == "REJECTED"
    slowly = patience(15_000)
    expect(line(page, "reaches_us")).to_contain_text("It calls us ELSEWHERE, and we are STEPWISE", timeout=slowly)
    expect(line(page, "title")).to_have_attribute("data-status", "PASS")
    picture(page, "connect-called-otherwise-light")
    assert page.evaluate("window.untouched") is True, "the page followed by itself"

    page.get_by_role("button", name="Accept ELSEWHERE too").click()
    expect(page.get_by_role("status")).to_contain_text("lets itself be called ELSEWHERE too")
    assert calls(stack, "ELSEWHERE") == "SUCCESS"
    expect(line(page, "reaches_us")).to_have_attribute("data-status", "PASS", timeout=slowly)

    # A worker sends it: to this product itself, which is called otherwise.
    page.get_by_role("button", name="Send C-ECHO").click()
    expect(line(page, "we_reach")).to_contain_text("called AE title not recognized (1/1/7)", timeout=slowly)
    page.get_by_role("button", name="End the check").click()
    expect(page.get_by_role("status")).to_contain_text("2 of 7 seen")
    page.goto("/connect/")
    page.get_by_role("button", name="No more").click()
    expect(page.get_by_role("status")).to_contain_text("Who calls ELSEWHERE is rejected from now on")
    assert calls(stack, "ELSEWHERE") == "REJECTED"


def test_the_card_is_one_page_of_paper(window: Window, tmp_path: Path) -> None:
    page = window("integrator", theme="dark")
    page.goto("/connect/DX01/card/")
    paper = page.pdf(path=tmp_path / "card.pdf", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) == 1
    page.emulate_media(media="print")
    picture(page, "connect-card-printed")
    expect(page.locator(".side")).to_be_hidden()
    expect(page.locator(".card")).to_contain_text("not for clinical use")


@pytest.mark.parametrize("address", ["/conformance/", "/stations/CT01/report/", "/connect/CT01/card/"])
def test_what_is_given_to_a_vendor_is_printed_without_the_frame_and_within_the_page(window: Window, address: str) -> None:
    page = window("integrator", width=688)  # A4 less the margins
    page.goto(address)
    page.emulate_media(media="print")
    for frame in (".side", ".top", ".tabs", ".crumbs", ".btn", ".filters"):
        expect(page.locator(f"{frame}:visible")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    cells = "[...document.querySelectorAll('main :is(th, td)')]"
    cut = f"{cells}.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.innerText)"
    assert page.evaluate(cut) == []
    heads = page.evaluate("[...document.querySelectorAll('main thead')].map(one => getComputedStyle(one).display)")
    assert set(heads) <= {"table-header-group"}
    parted = "one => { one.lastElementChild.append(document.createElement('p')); return getComputedStyle(one).breakInside; }"
    checks = page.evaluate(f"[...document.querySelectorAll('.table--checks tbody tr')].map({parted})")
    assert set(checks) <= {"auto"}, "one check with many examples would leave a page empty before it"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    expect(page.get_by_text("not for clinical use").locator("visible=true").first).to_be_visible()


def _asked(stack: Stack, number: int) -> list[dict[str, Any]] | None:
    said = [one for one in stack.get("/api/v1/messages?calling=DX01&service=C-FIND")["items"] if one["direction"] == "in"]
    return said if len(said) >= number else None


def test_on_a_phone_the_statement_and_a_comparison_are_read_without_moving_tables_sideways(window: Window, stack: Stack) -> None:
    page = window("integrator", width=390)
    for question in (Question(station="DX01"), Question(station="DX01", modality="DX")):
        Wire("DX01", Target("127.0.0.1", stack.dicom_port, "STEPWISE")).find([question.identifier()])
    said = wait_until(lambda: _asked(stack, 2), 10, "the queries are in the journal")
    exchange = f"/associations/{said[0]['association']}/messages/{said[0]['id']}"
    for address in ("/conformance/", f"{exchange}/beside/?exchange={said[1]['id']}&all=1", "/associations/", "/connect/DX01/card/"):
        page.goto(address)
        boxes = "[...document.querySelectorAll('main :is(.scroll, table, .desk)')]"
        wide = f"{boxes}.filter(one => one.scrollWidth > one.clientWidth + 1).length"
        assert page.evaluate(wide) == 0, address
        over = "[...document.querySelectorAll('main select')].filter(one => one.getBoundingClientRect().right > innerWidth).length"
        assert page.evaluate(over) == 0, address
    page.set_viewport_size({"width": 1440, "height": 900})
    assert page.evaluate("Math.min(...[...document.querySelectorAll('td.c-end')].map(one => one.clientWidth))") >= 140
    page.goto(exchange)
    page.locator("#compare-search").click()
    page.locator("[id^=compare-]").first.click()
    expect(page.get_by_role("heading", name="Two messages")).to_be_visible()
