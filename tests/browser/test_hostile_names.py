"""A patient whose name and number are a script, as worklist files and modalities may send them: a browser shows text and runs none."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from playwright.sync_api import Page
from pydicom.dataset import Dataset

from dimse.uids import new_uid
from tests.support import daytime
from tests.support.items import element, part_10, sequence
from tests.support.stack import Stack
from training.performed import Device, in_progress
from training.query import Question
from training.scu import Wire
from training.target import Target

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]
Window = Callable[..., Page]

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(2)>'
MADE_ELEMENTS = "[...document.scripts].some(one => one.textContent.includes('alert(')) || !!document.querySelector('[onerror], img[src=x]')"
CT01 = Device("CT01", "CT")


def import_it(stack: Stack) -> str:
    """An exam of today on CT01 for the patient; its step's key."""
    step = (
        element(0x00080060, "CS", "CT"),
        element(0x00400001, "AE", "CT01"),
        element(0x00400002, "DA", f"{datetime.now(daytime.zone()):%Y%m%d}"),
        element(0x00400003, "TM", "235500"),
        element(0x00400007, "LO", SCRIPT),
        element(0x00400009, "SH", "S-HOSTILE"),
    )
    path = stack.data_dir / "hostile.wl"
    path.write_bytes(
        part_10(
            element(0x00080050, "SH", "A-HOSTILE"),
            element(0x00100010, "PN", SCRIPT),
            element(0x00100020, "LO", IMAGE),
            element(0x0020000D, "UI", new_uid()),
            element(0x00321060, "LO", IMAGE),
            sequence(0x00400100, b"".join(step)),
        )
    )
    stack.manage("import_worklist", str(path))
    return str(stack.get("/api/v1/scheduled-steps?accession_number=A-HOSTILE")["items"][0]["id"])


def report_it(stack: Stack) -> None:
    """The exam is begun as it stands on the list, and once more for somebody whom nobody has scheduled."""
    wire = Wire("CT01", Target("127.0.0.1", stack.dicom_port, "STEPWISE"))
    listed = wire.find([Question(station="CT01", step_id="S-HOSTILE").identifier()])[0]
    walk_in = Dataset()
    walk_in.PatientName, walk_in.PatientID = SCRIPT, IMAGE
    for item, number in ((listed, "PPS-H1"), (walk_in, "PPS-H2")):
        answer = wire.n_create(new_uid(), in_progress([item], CT01, datetime.now(daytime.zone()), number))
        assert answer.ok, answer


def linked(page: Page, address: str, to: str) -> list[str]:
    """Addresses of rows below `to` that the page leads to."""
    page.goto(address)
    found = page.locator(f'main a[href^="{to}"]').evaluate_all("them => them.map(one => one.getAttribute('href'))")
    return list(dict.fromkeys(one for one in found if one.strip("/") != to.strip("/")))


def addresses(page: Page, step: str) -> Iterator[str]:
    """Every page that shows the patient; what leads to further ones is asked on the way."""
    exam = f"/steps/{step}/"
    yield from ("/worklist/?whole=1", exam, f"{exam}edit/", "/performed/")
    patient, order, performed = (linked(page, exam, to)[0] for to in ("/patients/", "/orders/", "/performed/"))
    yield from (patient, order, performed, *(f"{performed}?as={form}" for form in ("dump", "json")))
    yield from linked(page, "/performed/?show=unscheduled", "/performed/")[:1]
    association = linked(page, "/associations/?q=CT01&service=N-CREATE", "/associations/")[0].partition("messages/")[0]
    yield from ("/associations/", association)
    exchange = next(one for one in linked(page, association, association) if "/messages/" in one).partition("?")[0]
    yield from (exchange, f"{exchange}?as=dump", f"{exchange}?as=json")
    yield "/audit/"
    yield next(one for one in linked(page, f"/audit/?patient={patient.strip('/').rpartition('/')[2]}", "/audit/") if "export" not in one)


def test_a_script_for_a_name_is_text_on_every_page_that_shows_it(window: Window, stack: Stack) -> None:
    """The window itself fails on whatever the policy had to stop."""
    step = import_it(stack)
    report_it(stack)
    page, dialogs, seen = window("admin"), [], set()
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for address in addresses(page, step):
        page.goto(address)
        text = page.locator("body").inner_text().lower()
        seen |= {(address, what) for what in (SCRIPT, IMAGE) if what.lower() in text or what.lower().replace('"', '\\"') in text}
        assert not page.evaluate(MADE_ELEMENTS), f"{address} made elements of a patient's name"
    assert dialogs == []
    shown = {address for address, _ in seen}
    assert len(shown) >= 13, f"the patient is not shown where it was looked for: {sorted(shown)}"
