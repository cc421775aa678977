"""Every page in every state that looks different: what to open and what to do there. A page that nobody opens fails `test_pages.py`."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Response, expect

from ris.web.steps import VERBS
from ris.web.worklist import STAGES
from tests.support import daytime
from tests.support.looking import LOOKS, NARROW, TWO_LOOKS, WIDE, Look

STRANGER = ""
Act = Callable[[Page], None]


@dataclass(frozen=True)
class State:
    """`view` is the name of the URL, `name` that of the picture, `address` holds keys of `Examples` in braces.

    `act` is done on the page before it is looked at; `parts` are the names of the URLs that it fetches into the page. `status` is that
    of the page that is shown in the end. `template` is a page that only a fault brings: it is shown as the answer to the address.
    `says` is what the console may say. Without `looks` the first state of a view is looked at in all four ways, the others in one, in turn.
    """

    view: str
    name: str
    address: str
    act: Act | None = None
    status: int = 200
    role: str = "admin"
    parts: tuple[str, ...] = ()
    looks: tuple[Look, ...] = ()
    template: str = ""
    says: tuple[str, ...] = ()


def press(name: str) -> Act:
    return lambda page: page.get_by_role("main").get_by_role("button", name=re.compile(f"^{name}")).first.click()


def fill(button: str, **fields: str) -> Act:
    """Type into fields by their names, then press a button."""

    def act(page: Page) -> None:
        for name, value in fields.items():
            page.locator(f"main [name={name}]").fill(value)
        press(button)(page)

    return act


def search(text: str, box: str = "main [name=q]") -> Act:
    """Search by the Enter key; the address then names the search by its key."""

    def act(page: Page) -> None:
        page.set_viewport_size({"width": WIDE, "height": 900})  # on a narrow one the box of the frame is in the menu
        page.locator(box).fill(text)
        with page.expect_navigation(url=re.compile(r"[?&]search=\w+$")):
            page.locator(box).press("Enter")

    return act


def _type_keys(keys: str) -> Act:
    def act(page: Page) -> None:
        page.get_by_text("Type a query of your own").click()
        page.get_by_label("Keys, one a line").fill(keys)
        press("Explain")(page)
        expect(page.get_by_label("Keys, one a line")).to_have_value(keys)

    return act


def _wrong_password(page: Page) -> None:
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill("wrong")
    press("Sign in")(page)


def _without_cookies(page: Page) -> None:
    page.context.clear_cookies(name=re.compile("csrf"))
    press("Sign in")(page)


def _choose_procedure(page: Page) -> None:
    page.get_by_label("Procedure", exact=True).select_option("CTCHEST")
    page.get_by_label("Station", exact=True).select_option("CT01")
    expect(page.locator("[data-fills]").first).to_be_visible()
    expect(page.locator("#station-day h2")).to_contain_text("CT01")


def _choose_pool(page: Page) -> None:
    page.get_by_label("Station", exact=True).select_option(index=1)
    expect(page.locator("[data-fills]").first).to_be_visible()


def _type_an_unreadable_time(page: Page) -> None:
    _choose_procedure(page)
    page.get_by_label("Start").fill("99-Foo-2026 25:61")
    press("Order and schedule")(page)


def _choose_a_taken_time(page: Page) -> None:
    """The time of an exam that the station's day shows: today's, for tomorrow's may be empty."""
    page.get_by_label("Station", exact=True).select_option("CT01")
    expect(page.locator("#station-day h2")).to_contain_text("CT01")
    day = f"{datetime.now(daytime.zone()):%d-%b-%Y}"
    _type_start(page, f"{day} 18:31")  # when no exam begins: the next start has to be another
    expect(page.locator("#station-day h2")).to_contain_text(f"CT01, {datetime.now(daytime.zone()):%a} {day}")
    _type_start(page, f"{day} {page.locator('#station-day time').last.inner_text()}")
    press("Schedule")(page)
    expect(page.get_by_role("main")).to_contain_text("CT01 is taken at")


def _type_start(page: Page, text: str) -> None:
    """A start, until the form has the places for it: what is typed or sent before would cut that question off."""

    def asks_for_it(response: Response) -> bool:
        return parse_qs(urlsplit(response.url).query).get("start") == [text]

    with page.expect_response(asks_for_it) as places:
        page.get_by_label("Start").fill(text)
        page.get_by_label("Start").press("Tab")
    places.value.finished()


def _change_in_the_list(page: Page) -> None:
    press("(Arrive|Ready)")(page)
    expect(page.get_by_role("status")).to_contain_text(re.compile("is ready|has arrived"))


def _open_keys(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard keys")).to_be_visible()


def _open_account(page: Page) -> None:
    page.locator(".account > summary").click()


def _open_menu(page: Page) -> None:
    page.set_viewport_size({"width": NARROW, "height": 900})
    page.locator("summary", has_text="Menu").click()


def _open_more(page: Page) -> None:
    """What few need of a form."""
    for summary in page.locator("details.more > summary").all():
        summary.click()


def _stop_updating(page: Page) -> None:
    """The server is away for two requests; then nothing is asked any more, so that the page stays as it is."""
    page.route("**/performed/*", lambda route: route.abort())
    for _ in range(2):
        with page.expect_event("requestfailed"):
            page.evaluate("window.stepwise.refresh()")
    expect(page.locator("#live-note")).to_have_attribute("data-live", "stale")
    page.evaluate("document.getElementById('live').removeAttribute('data-live')")


def _register_without_exams(page: Page) -> None:
    page.get_by_label("Family name").fill("Example")
    page.get_by_label("Given name").fill("New")
    press("Register")(page)
    expect(page.get_by_role("heading", name="No exam yet")).to_be_visible()


def _set_the_station(page: Page) -> None:
    """Settings that are not those by default."""
    for name, value in {"aliases": "XA1OLD", "answer_limit": "200"}.items():
        page.locator(f"main [name={name}]").fill(value)
    page.get_by_label("Empty code sequences").check()
    press("Save")(page)
    expect(page.get_by_role("status")).to_contain_text("XA01 is changed")


def _rename_the_station(page: Page) -> None:
    page.locator("main [name=ae_title]").fill("NM-EAST")
    press("Save")(page)
    expect(page.get_by_role("status")).to_contain_text("NM-EAST is changed")


def _open_the_form_of_a_renamed_station(page: Page) -> None:
    _rename_the_station(page)
    page.get_by_role("link", name="Change", exact=True).click()
    expect(page.locator("main [name=accepted]")).to_be_visible()


def _begin_to_connect(page: Page) -> None:
    """A test exam on the list, and a C-ECHO that cannot be sent for want of a host."""
    if page.get_by_role("button", name="Begin").count():
        press("Begin")(page)
    if page.get_by_role("button", name="Make a test exam").count():
        press("Make a test exam")(page)
    expect(page.get_by_role("main")).to_contain_text("never charged")


def _make_an_account(page: Page) -> None:
    page.get_by_label("User name").fill("example")
    page.get_by_label("Given name").fill("New")
    page.get_by_label("Trainee").check()
    press("Make the account")(page)
    expect(page.get_by_role("heading", name="Shown this once")).to_be_visible()


def _limit_the_token(page: Page) -> None:
    expect(page.get_by_label("steps.view")).to_be_hidden()
    page.get_by_label("Only what is ticked here").check()
    page.get_by_label("steps.view").check()


def _open_a_permission(page: Page) -> None:
    page.locator("summary", has_text="orders.place").click()


_REASONED = [verb.slug for verb in VERBS if verb.needs_reason]
_FORMS = {"cancel": "waiting", "undo-arrival": "arrived", "restore": "canceled"}
"""Changes whose form is shown for one of the examples; the others show why they cannot be made of an exam that is over."""

_STATES = [
    State("sign-in", "sign-in", "/sign-in/", role=STRANGER),
    State("sign-in", "sign-in-refused", "/sign-in/", _wrong_password, status=422, role=STRANGER),
    State("sign-in", "error-403-form", "/sign-in/", _without_cookies, status=403, role=STRANGER),
    *[State("worklist-stage", f"worklist-{one.key}", f"/worklist/{one.key}/?station=CT01") for one in STAGES if one.key != "all"],
    State("worklist", "worklist", "/worklist/?modality=CT"),
    State("worklist", "worklist-whole-day", "/worklist/?station=CT01&whole=1"),
    State("worklist", "worklist-no-match", "/worklist/?station=CT01", search("zzzz")),
    State("worklist", "worklist-empty-day", "/worklist/?day=2031-01-01"),
    State("worklist", "worklist-misread-day", "/worklist/?day=31-Feb-2026&station=MR01"),
    State("worklist-stage", "worklist-told", "/worklist/remaining/?station=MR01", _change_in_the_list, parts=("step-verb",)),
    State("help", "help", "/help/"),
    State("threat-model", "threat-model", "/help/threat-model/"),
    State("help", "help-keys", "/help/", _open_keys),
    State("help", "account", "/help/", _open_account),
    State("help", "menu", "/help/", _open_menu, looks=((NARROW, "light"), (NARROW, "dark"))),
    State("find", "find", "/find/", search("yam", "#q")),
    State("find", "find-nothing", "/find/", search("zzzz", "#q")),
    State("find", "find-too-short", "/find/", search("z", "#q")),
    State("patients", "patients", "/patients/", search("ro")),
    State("patients", "patients-nothing", "/patients/", search("zzzz")),
    State("patient", "patient", "/patients/{patient}/"),
    State("patient-new", "patient-new", "/patients/new/"),
    State(
        "patient-new", "patient-new-errors", "/patients/new/", fill("Register", birth_date="31-Feb-1959", patient_id="X" * 70), status=422
    ),
    State("patient", "patient-without-exams", "/patients/new/", _register_without_exams),
    State("patient-edit", "patient-edit", "/patients/{patient}/edit/"),
    State("patient-edit", "patient-edit-more", "/patients/{patient}/edit/", _open_more),
    State("patient-edit", "patient-edit-errors", "/patients/{patient}/edit/", fill("Save", birth_date="31-Feb-1959"), status=422),
    State("order-new", "order-patient", "/orders/new/", search("ro")),
    State("order-new", "order-patient-nothing", "/orders/new/", search("zzzz")),
    State("order-new", "order", "/orders/new/?patient={patient}"),
    State("order-new", "order-more", "/orders/new/?patient={patient}", _open_more),
    State("order-new", "order-places", "/orders/new/?patient={patient}", _choose_procedure, parts=("order-places",)),
    State("order-new", "order-errors", "/orders/new/?patient={patient}", _type_an_unreadable_time, status=422, parts=("order-places",)),
    State("patient-merge", "patient-merge", "/patients/{survivor}/merge/?with={patient}"),
    State("patient-merge", "patient-merge-choose", "/patients/{survivor}/merge/", search("ro")),
    State("patient-merge", "patient-merge-errors", "/patients/{survivor}/merge/?with={patient}", press("Merge into"), status=422),
    State("patient-merge", "patient-merge-again", "/patients/{survivor}/merge/?with={merged}"),
    State("patient", "patient-survivor", "/patients/{survivor}/"),
    State("patient", "patient-merged", "/patients/{merged}/"),
    State("patient-undo-merge", "patient-undo-merge", "/patients/{merged}/undo-merge/"),
    State("patient-undo-merge", "patient-undo-merge-none", "/patients/{survivor}/undo-merge/"),
    State("order", "order-page", "/orders/{order}/"),
    State("order", "order-page-done", "/orders/{order_done}/"),
    State("order-add", "order-add", "/orders/{order}/add/", _choose_procedure, parts=("order-places",)),
    State("order-add", "order-add-errors", "/orders/{order}/add/", press("Add"), status=422),
    State("order-add", "order-add-over", "/orders/{order_done}/add/"),
    State("procedure-add", "procedure-add", "/procedures/{procedure}/add/"),
    State("procedure-add", "procedure-add-errors", "/procedures/{procedure}/add/", fill("Add", duration_minutes="0"), status=422),
    State("order-cancel", "order-cancel", "/orders/{order}/cancel/"),
    State("order-cancel", "order-cancel-errors", "/orders/{order}/cancel/", press("Cancel"), status=422),
    State("order-cancel", "order-cancel-over", "/orders/{order_done}/cancel/"),
    State("procedure-cancel", "procedure-cancel", "/procedures/{procedure}/cancel/"),
    State("step", "step-waiting", "/steps/{waiting}/"),
    State("step", "step-tray", "/steps/{tray}/"),
    State("step", "step-in-progress", "/steps/{underway}/"),
    State("step", "step-held", "/steps/{held}/"),
    State("step", "step-done", "/steps/{done}/"),
    State("step", "step-text", "/steps/{done}/?item=dump"),
    State("step-explanation", "explanation", "/steps/{waiting}/explanation/?station=MR01"),
    State("step-explanation", "explanation-tray", "/steps/{tray}/explanation/?station=CT01"),
    State("step-explanation", "explanation-typed", "/steps/{waiting}/explanation/?station=CT01", _type_keys("PatientName=DOE*")),
    State(
        "step-explanation", "explanation-errors", "/steps/{waiting}/explanation/?station=CT01", _type_keys("PatientNam=DOE*"), status=422
    ),
    State("step-edit", "step-edit", "/steps/{waiting}/edit/"),
    State("step-edit", "step-edit-more", "/steps/{waiting}/edit/", _open_more),
    State("step-edit", "step-edit-errors", "/steps/{waiting}/edit/", fill("Save", PreMedication="x" * 70), status=422),
    State("step-schedule", "step-schedule", "/steps/{tray}/schedule/", _choose_pool, parts=("step-places",)),
    State("step-schedule", "step-move", "/steps/{waiting}/schedule/"),
    State("step-schedule", "step-schedule-errors", "/steps/{tray}/schedule/", fill("Schedule", start="soon"), status=422),
    State("step-schedule", "step-schedule-taken", "/steps/{tray}/schedule/", _choose_a_taken_time, status=422, parts=("step-places",)),
    State("step-schedule", "step-schedule-too-late", "/steps/{done}/schedule/"),
    *[State("step-verb", f"step-{slug}", f"/steps/{{{_FORMS.get(slug, 'done')}}}/{slug}/") for slug in _REASONED],
    State("step-verb", "step-cancel-errors", "/steps/{waiting}/cancel/", press("Cancel"), status=422),
    State("stations", "stations", "/stations/"),
    State("station", "station", "/stations/CT01/"),
    State("station", "station-set", "/stations/XA01/edit/", _set_the_station),
    State("station-edit", "station-edit", "/stations/CT01/edit/"),
    State("station-edit", "station-edit-errors", "/stations/CT01/edit/", fill("Save", aliases="CT01", answer_limit="0"), status=422),
    State("station", "station-renamed", "/stations/NM01/edit/", _rename_the_station),
    State("station-edit", "station-edit-renamed", "/stations/NM01/edit/", _open_the_form_of_a_renamed_station),
    State("station-new", "station-new", "/stations/register-a-station/"),
    State("station-copy", "station-copy", "/stations/CT01/copy/", looks=TWO_LOOKS),
    State("station-switch", "station-switch", "/stations/CT01/switch/"),
    State("connect", "connect", "/connect/"),
    State("connect-station", "connect-station-fresh", "/connect/US01/"),
    State("connect-station", "connect-station", "/connect/CT02/", _begin_to_connect, parts=("connect-act",)),
    State("connect-card", "connect-card", "/connect/CT02/card/"),
    State("connect-card-general", "connect-card-general", "/connect/card-for-the-service-engineer/", looks=TWO_LOOKS),
    State("pool-new", "pool-new", "/stations/make-a-pool-of-stations/"),
    State("pool-edit", "pool-edit", "/stations/pools-of-stations/ANYCT/"),
    State("destinations", "destinations", "/destinations/"),
    State("destination", "destination", "/destinations/{destination}/"),
    State("destination", "destination-away", "/destinations/{destination_away}/"),
    State("destination-new", "destination-new", "/destinations/add/"),
    State("destination-new", "destination-new-errors", "/destinations/add/", fill("Add", host="pacs:104", port="0"), status=422),
    State("destination-edit", "destination-edit", "/destinations/{destination}/edit/"),
    State("destination-remove", "destination-remove", "/destinations/{destination}/remove/"),
    State("station-queries", "station-queries", "/stations/MR01/queries/"),
    State("station-queries", "station-queries-none", "/stations/NOBODY/queries/"),
    State("station-findings", "station-findings", "/stations/MR01/findings/"),
    State("station-findings", "station-findings-none", "/stations/NOBODY/findings/"),
    State("step", "step-findings", "/steps/{faulty}/"),
    State("fault-on", "fault-form", "/faults/inject/failure/?station=CT01"),
    State("fault-on", "fault-form-errors", "/faults/inject/delay/", fill("Switch on", seconds="soon", minutes=""), status=422),
    # On for as long as the two pages take; the clock of virtual modalities is nothing that the other pages show.
    State(
        "faults", "faults", "/faults/inject/clock-skew/?station=US01", fill("Switch on", minutes="2", why="Lesson 3"), parts=("fault-on",)
    ),
    State("faults", "faults-ended", "/faults/", press("Switch off"), parts=("fault-off",)),
    State("performed", "board", "/performed/?show=unscheduled"),
    State("performed", "board-empty-day", "/performed/?day=2031-01-01"),
    State("performed", "board-not-updating", "/performed/?show=unscheduled", _stop_updating, says=("net::ERR_FAILED", "htmx:")),
    State("performed-step", "performed", "/performed/{performed}/"),
    State("performed-step", "performed-sent-on", "/performed/{sent_on}/"),
    State("performed-step", "performed-mismatched", "/performed/{mismatched}/"),
    State("performed-step", "performed-unscheduled", "/performed/{unscheduled}/"),
    State("charges", "charges", "/charges/"),
    State("charges", "charges-held", "/charges/?show=held"),
    State("charges", "charges-empty-day", "/charges/?day=2031-01-01"),
    State("charge", "charge-posted", "/charges/{posted_charge}/"),
    State("charge", "charge-held", "/charges/{held_charge}/"),
    State("accounting", "accounting", "/accounting/"),
    State("accounting", "accounting-empty", "/accounting/?day=2031-01-01"),
    State("unbilled", "unbilled", "/unbilled/"),
    State("unbilled", "unbilled-kind", "/unbilled/?kind=OVERDUE"),
    State("unbilled", "unbilled-unknown-station", "/unbilled/?station=NOPE", status=422),
    State("unbilled-nothing", "unbilled-nothing", "/unbilled/exams/{done}/nothing/", looks=TWO_LOOKS),
    State("unbilled-performed-nothing", "unbilled-performed-nothing", "/unbilled/performed/{unscheduled}/nothing/", looks=TWO_LOOKS),
    State("charge-rules", "charge-rules", "/charges/rules/"),
    State("charge-ledger", "ledger", "/charges/ledger/"),
    State("charge-ledger", "ledger-nothing", "/charges/ledger/", search("zzzz")),
    State("charges", "charges-nothing", "/charges/?show=nothing"),
    State("charge-void", "charge-void", "/charges/{held_charge}/void/"),
    State("charge-write-off", "charge-write-off", "/charges/{held_charge}/write-off/"),
    State("charge-credit", "charge-credit-without-reason", "/charges/{posted_charge}/credit/", press("Credit the charge"), status=422),
    State("associations", "associations", "/associations/"),
    State("associations", "associations-nothing", "/associations/?q=zzzz"),
    State("associations", "associations-unreadable", "/associations/?code=failure", status=422),
    State("association", "association", "/associations/{association}/"),
    State("association", "association-failed", "/associations/{failed_association}/"),
    State("association", "association-rejected", "/associations/{rejected_association}/"),
    State("association", "association-text", "/associations/{association}/?as=dump"),
    State("conformance", "conformance-statement", "/conformance/", looks=TWO_LOOKS),
    State("station-report", "station-report", "/stations/CT01/report/"),
    State("station-report", "station-report-unreadable", "/stations/CT01/report/?from=soon", status=422),
    State("exchange", "exchange", "/associations/{association}/messages/{query_message}/"),
    State("exchange", "exchange-dump", "/associations/{association}/messages/{query_message}/?as=dump"),
    State("exchange", "exchange-refused", "/associations/{failed_association}/messages/{refused_message}/"),
    State("exchange-again", "exchange-again", "/associations/{association}/messages/{query_message}/again/"),
    State(
        "exchange-beside",
        "exchange-beside",
        "/associations/{failed_association}/messages/{refused_message}/",
        lambda page: page.get_by_role("button", name="Compare").click(),
    ),
    State("consoles", "consoles", "/consoles/"),
    State("console", "console", "/consoles/{console}/"),
    State("console", "console-fresh", "/consoles/MG01/"),
    State("console", "console-elsewhere", "/consoles/TESTER/"),
    State("console-new", "console-new", "/consoles/set-up-new-console/?station=CT02", looks=TWO_LOOKS),
    State("console-new", "console-new-errors", "/consoles/set-up-new-console/", fill("Set up", ae_title="X" * 17, host="a b"), status=422),
    State("console-edit", "console-edit", "/consoles/TESTER/edit/", looks=TWO_LOOKS),
    State("console-remove", "console-remove", "/consoles/MG01/remove/"),
    State("console-remove", "console-remove-refused", "/consoles/{console}/remove/", press("Remove"), status=409),
    State("console-key", "console-hand", "/consoles/MG01/keys/hand/", looks=TWO_LOOKS),
    State("console-key", "console-hand-errors", "/consoles/MG01/keys/hand/", fill("Type patient", birth_date="soon"), status=422),
    State("console-key", "console-discontinue", "/consoles/{console}/keys/discontinue/"),
    State("console-key", "console-group", "/consoles/TESTER/keys/group/"),
    State("console-message", "console-message", "/consoles/{console}/messages/{console_message}/", looks=TWO_LOOKS),
    State("console-message", "console-message-failed", "/consoles/TESTER/messages/{console_failure}/"),
    State("user-new", "user-new", "/users/new/"),
    State("user-new", "user-new-errors", "/users/new/", fill("Make the account", username="a b", password="x"), status=422),
    State("user-new", "user-made", "/users/new/", _make_an_account),
    State("users", "users", "/users/"),
    State("users", "users-nothing", "/users/", fill("Find", q="zzzz")),
    State("user", "user", "/users/{user}/"),
    State("user", "user-own", "/users/{user_own}/"),
    State("user-edit", "user-edit", "/users/{user}/edit/"),
    State("user-password", "user-password", "/users/{user}/password/"),
    State("token-new", "token-new", "/tokens/new/", _limit_the_token),
    State("token-new", "token-new-errors", "/tokens/new/", fill("Make the token", expires="soon"), status=422),
    State("token-new", "token-shown", "/tokens/new/?user=admin", fill("Make the token", name="night import")),
    State("tokens", "tokens", "/tokens/"),
    State("token-revoke", "token-revoke", "/tokens/{token}/revoke/"),
    State("account-token-revoke", "token-revoke-own", "/account/tokens/{token_own}/revoke/", looks=TWO_LOOKS),
    State("tokens", "tokens-revoked", "/tokens/{token}/revoke/", press("Revoke the token"), looks=TWO_LOOKS),
    State("account", "own-account", "/account/"),
    State("account-password", "own-password", "/account/password/"),
    State(
        "account-password", "own-password-errors", "/account/password/", fill("Change", present="x", password="y", again="z"), status=422
    ),
    State("roles", "roles", "/roles/", _open_a_permission),
    State("audit", "audit", "/audit/"),
    State("audit", "audit-patient", "/audit/?patient={patient}"),
    State("audit", "audit-nothing", "/audit/?person=nobody"),
    State("audit", "audit-unreadable", "/audit/?from=soon", status=422),
    State("audit-record", "audit-record", "/audit/?patient={patient}", lambda page: page.locator("tbody a[id^=record-]").first.click()),
    State("openapi-view", "reference", "/api/v1/docs", role=STRANGER, looks=TWO_LOOKS),
    State("help", "error-400", "/help/", status=400, template="400.html"),
    State("", "error-404", "/nowhere/", status=404),
    State("step", "error-404-step", "/steps/99999999/", status=404),
    State("order-new", "error-403", "/orders/new/", role="biller", status=403),
    State("help", "error-409", "/help/", status=409, template="409.html"),
    State("help", "error-413", "/help/", status=413, template="413.html"),
    State("help", "error-500", "/help/", status=500, template="500.html"),
    State("help", "error-503", "/help/", status=503, template="503.html"),
]


def _with_looks() -> Iterator[State]:
    seen: Counter[str] = Counter()
    for state in _STATES:
        in_turn = TWO_LOOKS[seen[state.view] % len(TWO_LOOKS)]
        yield replace(state, looks=state.looks or ((in_turn,) if seen[state.view] else LOOKS))
        seen[state.view] += 1


STATES = tuple(_with_looks())

NO_PAGES = {
    "user-verb": "takes POST only and sends on to the account",
    "account-end-sessions": "takes POST only and sends on to one's own account",
    "home": "sends everybody on to the page of their work",
    "sign-out": "takes POST only and sends on to the sign-in",
    "console-message-why": "sends on to the explanation of a query",
    "console-withdraw": "takes POST only and sends on to the console",
    "accounting-csv": "is a file",
    "audit-csv": "is a file",
    "audit-json": "is a file",
    "exchange-files": "is a file",
    "station-report-file": "is a file",
    "charge-release": "takes POST only and sends on to the charge",
    "charges-send-again": "takes POST only and sends on to the charges",
    "unbilled-capture": "takes POST only and sends on to the charge",
    "charge-retry": "takes POST only and sends on to the charge",
    "destination-try": "takes POST only and sends on to the destination",
    "delivery-decide": "takes POST only and sends on to where its button was",
    "connect-forget": "takes POST only and sends on to the list",
    "station-echo": "takes POST only and sends on to where its button was",
    "healthz": "answers JSON",
    "pulse": "is fetched into every page",
}
"""Names of URLs that are no page of their own, and why. Those of the REST interface are its namespace."""
