"""A console in the browser: the list is asked for, an exam is begun, acquired and ended, and each message can be opened."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.stack import Stack
from tests.support.wait import patience

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]
Window = Callable[..., Page]
SOON = 15_000


def key(page: Page, label: str) -> None:
    page.get_by_role("group", name="Console keys").get_by_role("button", name=re.compile(f"^{label}")).click()


def message(page: Page, verb: str) -> None:
    expect(page.get_by_role("region", name="DICOM messages").get_by_text(verb, exact=True).first).to_be_visible(timeout=patience(SOON))


def test_an_exam_at_the_console_of_a_station(window: Window, stack: Stack) -> None:
    page, board = window("technologist"), window("technologist")
    page.goto("/stations/RF01/")
    page.get_by_role("link", name="Open its console").click()
    page.get_by_role("button", name="Set up").click()
    expect(page.locator(".console .ae")).to_have_text("RF01")

    page.get_by_label("Scheduled date").select_option("All days")
    page.get_by_label("Modality").fill("")
    page.get_by_label("Station AE title").select_option("Any")
    key(page, "Update list")
    entry = page.locator("tr[data-row]").last
    expect(entry).to_be_visible(timeout=patience(SOON))
    patient_id = entry.locator("th .mono").inner_text()
    entry.locator("td").last.click(force=True)  # the link lies over the whole row
    expect(page.locator(".c-form dd", has_text=patient_id)).to_be_visible()
    assert page.locator(".c-pane[aria-labelledby=exam-title] input:not([type=hidden])").count() == 0

    key(page, "Start exam")
    message(page, "N-CREATE")
    expect(page.locator("#exam-title")).to_contain_text(re.compile("in progress since", re.I), timeout=patience(SOON))
    board.goto("/performed/?show=in-progress")
    expect(board.locator("tr", has_text=patient_id).filter(has_text="RF01")).to_be_visible()

    key(page, "Next series")
    expect(page.locator(".c-series li").first.locator("progress")).to_have_attribute("value", re.compile("[1-9]"))
    key(page, "Complete")
    message(page, "N-SET")
    expect(page.locator("#exam-title")).to_contain_text(re.compile("completed", re.I), timeout=patience(SOON))
    expect(board.locator("tr", has_text=patient_id).filter(has_text="RF01")).to_have_count(0, timeout=patience(SOON))

    page.get_by_role("link", name=re.compile("^open N-SET")).first.click()
    expect(page.locator("#performed")).to_be_visible()
    expect(page.get_by_role("region", name="Request, elements")).to_contain_text("COMPLETED")
    page.get_by_role("link", name="JSON").click()
    expect(page.get_by_role("region", name="Request, text")).to_contain_text('"00400252"')
