"""The main job in the browser: an exam is ordered, arrives, is performed by a modality and charged, on pages that follow by themselves."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.stack import Stack

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


def order_ct(page: Page) -> str:
    """Order a CT exam of one step on the first free time of CT01; the step's ID."""
    group = page.locator("#f-procedure optgroup[label=CT] option").first
    page.get_by_label("Procedure").select_option(group.get_attribute("value"))
    page.get_by_label("Station", exact=True).select_option("CT01")
    page.locator("[data-fills]").first.click()
    page.get_by_label("Reason for the exam").fill("Cough for three weeks")
    page.get_by_role("button", name="Order and schedule").click()
    expect(page.get_by_role("status")).to_contain_text("Ordered:")
    return page.locator("dt", has_text="Scheduled step").locator("+ dd").inner_text()


def test_an_exam_from_the_order_to_the_charge(window: Window, stack: Stack) -> None:
    desk, board = window("scheduler"), window("technologist")
    register(desk, "Geirsdóttir")
    step_id = order_ct(desk)

    desk.get_by_role("button", name="Arrive").click()
    expect(desk.locator(".page-head .chip")).to_have_text("Arrived")

    board.goto("/performed/")
    stack.manage("modality", "--station", "CT01", "--port", str(stack.dicom_port), "start", step_id)
    row = board.locator("tr", has_text="GEIRSDÓTTIR")
    expect(row.locator(".chip").first).to_have_text("In progress", timeout=15_000)
    expect(board.locator(".bay", has_text="CT01").locator(".who-now", has_text="GEIRSDÓTTIR")).to_be_visible()
    expect(desk.locator(".page-head .chip")).to_have_text("Started", timeout=15_000)

    stack.manage("modality", "--station", "CT01", "--port", str(stack.dicom_port), "complete", step_id)
    expect(row.locator(".chip").first).to_have_text("Completed", timeout=15_000)
    expect(desk.locator(".page-head .chip")).to_have_text("Completed", timeout=15_000)

    biller = window("biller")
    biller.goto(desk.url)
    expect(biller.locator(".stairs li").last).to_contain_text("acknowledged", timeout=60_000)
    biller.get_by_role("link", name=re.compile("All of it of charge")).click()
    expect(biller.locator("#message")).to_contain_text("DFT^P03")


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
    address = first.get_by_role("link").filter(has=first.locator(".fam")).first.get_attribute("href")
    scheduled = first.locator("tr", has=first.get_by_role("button", name=re.compile("^Arrive"))).first
    address = scheduled.locator("a").first.get_attribute("href")
    first.goto(f"{address}cancel/")
    second.goto(f"{address}arrive/")
    second.get_by_role("button", name="Arrive").click()
    expect(second.locator(".page-head .chip")).to_have_text("Arrived")
    first.get_by_label("Reason").select_option("Duplicate order")
    first.get_by_role("button", name="Cancel the exam").click()
    expect(first.get_by_role("status")).to_contain_text("technologist did “arrive”")
    expect(first.locator(".page-head .chip")).to_have_text("Arrived")
