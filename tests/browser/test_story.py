"""The main job in the browser: an exam is ordered, arrives, is performed by a modality and charged, on pages that follow by themselves."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from dimse.uids import new_uid
from tests.browser.examples import report_series
from tests.support.looking import picture
from tests.support.stack import Stack
from tests.support.wait import patience

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]
Window = Callable[..., Page]


def register(page: Page, family: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name="New order").click()
    page.get_by_label("Name or patient ID").fill(family)
    page.get_by_role("link", name=re.compile("Register “")).click()
    expect(page.get_by_label("Family name")).to_have_value(family)
    page.get_by_label("Given name").fill("Sigrún")
    page.get_by_label("Birth date").fill("25-May-1959")
    page.get_by_label("Sex").select_option("F")
    page.get_by_role("button", name="Register and go on").click()


def order_into_the_tray(page: Page) -> None:
    page.get_by_label("Procedure", exact=True).select_option("CTCHEST")
    page.get_by_label("Reason for the exam").fill("Cough for three weeks")
    page.get_by_role("button", name="Order without a time").click()
    expect(page.get_by_role("status")).to_contain_text("waits for a time")
    expect(page.locator(".page-head .chip")).to_have_text("To schedule")


def schedule_from_the_tray(page: Page, family: str, station: str) -> str:
    """Give the exam the first free time of a station; the step's ID."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Worklist").click()
    page.get_by_role("navigation", name="Workflow stage").get_by_role("link", name="To schedule").click()
    page.get_by_role("link", name=re.compile(f"^Schedule {family.upper()}")).click()
    page.get_by_label("Station", exact=True).select_option(station)
    page.locator("[data-fills]").first.click()
    page.get_by_role("button", name="Schedule the exam").click()
    expect(page.get_by_role("status")).to_contain_text(f"is scheduled on {station}")
    expect(page.locator(".page-head .chip")).to_have_text("Scheduled")
    return page.locator("dt", has_text="Scheduled step").locator("+ dd").inner_text()


class Watched:
    """Pages that nobody touches: what changes on them came without a reload."""

    def __init__(self, **pages: Page) -> None:
        self.pages = pages
        for page in pages.values():
            page.evaluate("window.untouched = true")

    def keep(self, moment: str, theme: str) -> None:
        for name, page in self.pages.items():
            picture(page, f"story-{moment}-{name}-{theme}")

    def were_not_reloaded(self) -> None:
        assert all(page.evaluate("window.untouched") is True for page in self.pages.values())


@pytest.mark.parametrize(("theme", "station", "family"), [("light", "CT01", "Geirsdóttir"), ("dark", "CT02", "Ragnarsdóttir")])
def test_an_exam_from_the_order_to_the_charge(window: Window, stack: Stack, theme: str, station: str, family: str) -> None:
    desk, board, exam, charges = (
        window("scheduler", theme=theme),
        *(window(role, theme=theme) for role in ("technologist", "biller", "biller")),
    )
    register(desk, family)
    order_into_the_tray(desk)
    step_id = schedule_from_the_tray(desk, family, station)

    board.goto("/performed/")
    exam.goto(desk.url)
    charges.goto("/charges/")
    watched = Watched(board=board, exam=exam, charges=charges)
    status, row = exam.locator(".page-head .chip"), board.locator("tr", has_text=family.upper())
    desk.get_by_role("button", name="Arrive").click()
    expect(status).to_have_text("Arrived", timeout=patience(15_000))

    console, uid = ("modality", "--station", station, "--port", str(stack.dicom_port)), new_uid()
    stack.manage(*console, "start", step_id, "--uid", uid)
    expect(row.locator(".chip").first).to_have_text("In progress", timeout=patience(15_000))
    expect(board.locator(".bay", has_text=station).locator(".who-now", has_text=family.upper())).to_be_visible()
    expect(status).to_have_text("Started", timeout=patience(15_000))
    report_series(stack, station, uid)
    expect(row).to_contain_text("2 / ", timeout=patience(15_000))
    watched.keep("started", theme)

    stack.manage(*console, "complete", step_id)
    expect(row.locator(".chip").first).to_have_text("Completed", timeout=patience(15_000))
    expect(status).to_have_text("Completed", timeout=patience(15_000))
    expect(exam.locator(".stairs li").last).to_contain_text("acknowledged", timeout=patience(60_000))
    charged = charges.locator("tr", has_text=family.upper())
    expect(charged.locator(".chip")).to_have_text("Posted", timeout=patience(15_000))
    watched.keep("charged", theme)
    watched.were_not_reloaded()

    charged.get_by_role("link").first.click()
    expect(charges.locator("#message")).to_contain_text("DFT^P03")
    assert charges.evaluate("document.documentElement.dataset.theme") == theme


def test_arriving_in_the_list_needs_no_reload_and_keeps_the_focus_in_the_row(window: Window, stack: Stack) -> None:
    page = window("scheduler")
    page.goto("/worklist/remaining/")
    button = page.get_by_role("button", name=re.compile("^Arrive")).first
    row = page.locator(f"#{button.locator('xpath=ancestor::tr').get_attribute('id')}")
    page.evaluate("window.untouched = true")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("has arrived")
    expect(row.locator(".chip")).to_have_text("Arrived")
    assert page.evaluate("window.untouched") is True
    expect(row.locator("a").first).to_be_focused()


def test_two_people_at_once_get_a_message_of_its_own(window: Window, stack: Stack) -> None:
    first, second = window("scheduler"), window("technologist")
    first.goto("/worklist/remaining/")
    scheduled = first.locator("tr", has=first.get_by_role("button", name=re.compile("^Arrive"))).first
    address = scheduled.locator("a").first.get_attribute("href")
    first.goto(f"{address}cancel/")
    second.goto(f"{address}arrive/")
    second.get_by_role("button", name="Arrive").click()
    expect(second.locator(".page-head .chip")).to_have_text("Arrived")
    first.get_by_label("Reason").select_option("Duplicate order")
    first.get_by_role("button", name="Cancel the exam").click()
    told = first.get_by_role("alert")
    expect(told).to_contain_text(re.compile(r"Somebody else changed this exam meanwhile: technologist at \d\d:\d\d, “arrive”"))
    expect(first.get_by_label("Reason")).to_have_value("Duplicate order")
