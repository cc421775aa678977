"""What every page shares: live parts, keys, theme, narrow screens."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, Route, expect
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dimse.uids import new_uid
from tests.browser.conftest import sign_in
from tests.browser.pages import search
from tests.support.stack import Stack
from tests.support.wait import patience, wait_until
from training.performed import Device, in_progress
from training.scu import Wire
from training.target import Target

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]
Window = Callable[..., Page]


def test_a_page_says_when_it_is_not_updating_and_recovers(window: Window) -> None:
    page = window()
    page.goto("/performed/")
    note = page.locator("#live-note")
    expect(note).to_have_text(re.compile(r"^Updated \d\d:\d\d:\d\d$"))
    page.route("**/performed/", lambda route: route.fulfill(status=503, body=""))
    expect(note).to_have_attribute("data-live", "stale", timeout=patience(20_000))
    expect(note).to_have_text(re.compile(r"^Not updating since \d\d:\d\d:\d\d$"))
    page.unroute("**/performed/")
    expect(note).to_have_text(re.compile("^Updated"), timeout=patience(20_000))


def test_what_is_typed_outlives_the_session_and_is_saved_after_signing_in_again(window: Window) -> None:
    page = window()
    page.goto("/patients/new/")
    page.locator("main [name=family]").fill("Lasting")
    page.context.clear_cookies()
    page.evaluate("htmx.trigger('#pulse', 'pulse')")
    notice = page.locator("#session-ended")
    expect(notice).to_contain_text("What you typed is still here")
    with page.context.expect_page() as other:
        notice.get_by_role("link", name="Sign in again").click()
    sign_in(other.value, "scheduler")
    page.bring_to_front()
    page.evaluate("htmx.trigger('#pulse', 'pulse')")
    expect(notice).to_have_count(0)
    page.locator("main [name=birth_date]").fill("1970-01-31")
    page.get_by_role("main").get_by_role("button", name=re.compile("^Register")).click()
    expect(page.get_by_role("main")).to_contain_text("is registered")


def test_without_anything_typed_the_end_of_the_session_leads_to_the_sign_in(window: Window) -> None:
    page = window()
    page.goto("/patients/new/")
    page.context.clear_cookies()
    page.evaluate("htmx.trigger('#pulse', 'pulse')")
    expect(page).to_have_url(re.compile("/sign-in/[?]next=/patients/new/$"))


def test_focus_and_closed_rows_survive_an_update(window: Window) -> None:
    page = window()
    page.goto("/worklist/remaining/")
    page.goto(
        page.locator("tr", has=page.get_by_role("button", name=re.compile("^Arrive"))).first.locator("a").first.get_attribute("href") or ""
    )
    sequence = page.locator("#item details").first
    sequence.locator("summary").first.click()
    link = page.get_by_role("link", name="Cancel")
    link.focus()
    page.evaluate("document.querySelector('[data-live]').setAttribute('hx-headers', '{\"X-Seen\": \"another.one\"}')")
    page.evaluate("document.querySelector('[data-live]').dataset.old = 'yes'")
    page.evaluate("window.stepwise.refresh()")
    expect(page.locator("[data-live][data-old]")).to_have_count(0)
    expect(page.locator("#item details").first).not_to_have_attribute("open", "")
    expect(page.get_by_role("link", name="Cancel")).to_be_focused()


def test_the_list_narrows_as_one_types_and_keeps_it_in_the_address(window: Window) -> None:
    page = window()
    page.goto("/worklist/?whole=1")
    name = page.locator(".fam").first.inner_text()
    rows = page.locator("tr[data-row]").count()
    page.get_by_label("Filter by name, ID or accession").press_sequentially(name[:6])
    wait_until(lambda: page.evaluate("new URLSearchParams(location.search).has('search')"), 15, "the address has the key of what was typed")
    wait_until(lambda: page.locator("tr[data-row]").count() < rows, 15, "the list is narrower")
    page.wait_for_load_state("networkidle")
    assert name[:6].casefold() not in page.url.casefold()
    page.reload()
    expect(page.get_by_label("Filter by name, ID or accession")).to_have_value(name[:6])
    page.locator("tr[data-row] a").first.click()
    page.go_back()
    expect(page.get_by_label("Filter by name, ID or accession")).to_have_value(name[:6])


def test_an_update_that_comes_after_a_filter_has_taken_its_place_is_dropped(window: Window) -> None:
    page = window()
    page.goto("/worklist/?whole=1")
    updates: list[Route] = []
    page.route("**/worklist/**", lambda route: updates.append(route) if "x-seen" in route.request.headers else route.continue_())
    with page.expect_request(lambda request: "x-seen" in request.headers):
        page.evaluate("document.querySelector('[data-live]').setAttribute('hx-headers', '{\"X-Seen\": \"another.one\"}')")
        page.evaluate("window.stepwise.refresh()")
    page.get_by_label("Filter by name, ID or accession").press_sequentially("zzz")
    expect(page).to_have_url(re.compile(r"/worklist/\?search=\w+$"))
    with page.expect_response(lambda response: "x-seen" in response.request.headers):
        updates[0].continue_()
    expect(page.locator("tr[data-row]")).to_have_count(0)


def test_single_keys_move_and_open_and_can_be_switched_off(window: Window) -> None:
    page = window()
    page.goto("/worklist/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("tr[data-row] a").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#f-q")).to_be_focused()
    page.locator("#f-q").blur()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard keys")).to_be_hidden()
    page.get_by_role("button", name="Turn single keys off").click()
    page.locator("body").press("?")
    expect(page.get_by_role("dialog", name="Keyboard keys")).to_be_hidden()
    page.reload()
    expect(page.get_by_role("button", name="Turn single keys on")).to_be_visible()


def test_the_theme_is_kept(window: Window) -> None:
    page = window()
    page.locator(".pulse").get_by_text("Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_the_dicom_port_shows_its_sign_of_life(window: Window) -> None:
    page = window()
    expect(page.locator("#pulse")).to_contain_text("DICOM answering")
    expect(page.locator("#pulse")).to_contain_text("C-ECHO in")


def test_an_error_summary_takes_the_focus_and_leads_to_the_field(window: Window) -> None:
    page = window()
    page.goto("/patients/new/")
    page.get_by_label("Birth date").fill("31-Feb-1959")
    page.get_by_role("button", name="Register").click()
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("link", name="31-Feb-1959 does not exist").click()
    expect(page.get_by_label("Birth date")).to_be_focused()
    expect(page.get_by_label("Birth date")).to_have_attribute("aria-invalid", "true")


def test_on_a_narrow_screen_the_menu_leads_everywhere(window: Window) -> None:
    page = window("admin", width=390)
    page.locator("summary", has_text="Menu").click()
    menu = page.get_by_role("navigation", name="Menu")
    everywhere = [text.strip() for text in page.locator(".side .nav a").all_text_contents()]
    assert {"Worklist", "Station board", "Charges", "Consoles"} < set(everywhere)
    assert menu.get_by_role("link").all_inner_texts() == everywhere
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_on_a_narrow_screen_no_table_of_words_is_cut(window: Window) -> None:
    page = window("admin", width=390)
    for address in ("/roles/", "/help/threat-model/"):
        page.goto(address)
        tables = page.locator("main .scroll")
        assert tables.count() > 0
        cut = tables.evaluate_all("them => them.filter(one => one.scrollWidth > one.clientWidth).length")
        assert cut == 0, f"{cut} tables of {address} are cut"


def test_signing_out_ends_the_session(window: Window) -> None:
    page = window()
    page.context.clear_cookies()
    sign_in(page, "scheduler")  # not the session that the others go on with
    page.locator(".account > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in/$"))
    page.goto("/worklist/")
    expect(page).to_have_url(re.compile(r"/sign-in/\?next=/worklist/"))


LONG_NAME = 200 * "X"
"""Far beyond what a PN holds; a modality may send it all the same."""


def send_a_long_name(stack: Stack) -> None:
    """An unscheduled exam begins at CT01; N-CREATE is taken whatever the length of the name."""
    item = Dataset()
    item.PatientID = "LONG-1"
    created = in_progress([item], Device("CT01", "CT"), datetime.now(UTC), "PPS-LONG")
    created.add(DataElement("PatientName", "PN", LONG_NAME, validation_mode=IGNORE))
    assert Wire("CT01", Target("127.0.0.1", stack.dicom_port, "STEPWISE")).n_create(new_uid(), created).status == 0


def order_for_a_long_name(stack: Stack) -> str:
    """An order without a time for a registered patient whose name and ID are as long as they may be; the address of its exam."""
    patient = {"name": f"{60 * 'W'}^W", "patient_id": 64 * "9", "birth_date": "1984-05-31", "sex": "F"}
    order = stack.post("/api/v1/orders", {"patient": patient, "procedure_code": "CTCHEST", "referring_physician_name": 60 * "W"})
    return f"/steps/{order['steps'][0]['id']}/"


def search_addresses(page: Page) -> list[str]:
    """Addresses of searches that find the long name."""
    found = []
    for address, box in (("/patients/", "main [name=q]"), ("/find/", "#q")):
        page.goto(address)
        search("WWWW", box)(page)
        found.append(page.url)
    return found


def test_one_long_word_as_a_name_stretches_nothing(window: Window, stack: Stack) -> None:
    send_a_long_name(stack)
    exam = order_for_a_long_name(stack)
    addresses = ("/worklist/to-schedule/", "/performed/", exam, f"{exam}cancel/", "/charges/", *search_addresses(window("admin")))
    for width in (1440, 390):
        page = window("admin", width=width)
        for address in addresses:
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} is wider than {width}"
            wide = page.locator(".bay, .patient, .notice").evaluate_all(
                "them => them.filter(one => one.scrollWidth > one.clientWidth).length"
            )
            assert wide == 0, f"something on {address} is wider than its card at {width}"
