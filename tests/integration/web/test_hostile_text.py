"""Every text attribute of a worklist item and of a performed step is hostile, as it arrives by import and over the network.

Each page that links lead to shows it as text; no address and no title holds anything of it; every link leads somewhere.
"""

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from django.test import Client
from django.urls import reverse

from billing import messages
from billing.models import Charge
from dimse.models import Association
from dimse.server import DicomServer
from dimse.uids import new_uid
from mpps.models import PerformedProcedureStep
from ris.actions.stations import StationData, save_station
from ris.models import KeptSearch, Patient, ScheduledProcedureStep
from tests.integration.web.conftest import connected
from tests.support.addresses import somebody
from tests.support.crawl import Page, crawl
from tests.support.everything import Text, an_item_of, marks, performed_of
from tests.support.hospital import ACTOR, a_site, a_station
from tests.support.items import write_item
from tests.support.mpps import a_series, an_end
from tests.support.wait import wait_until
from tests.support.worklist import identifier
from worklist import importer

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

MARK = re.compile(r"ZYX\d{3}Q", re.IGNORECASE)
BROKEN_OUT, WITHIN = "elements, templates, segments, control characters", "attributes, formulas, SQL, comments"
HOSTILE = {
    BROKEN_OUT: '"><x-evil a=b>{{7*7}}{%x%}|^~\\&\r\nZZZ|x\x00\x1b\u202e',
    WITHIN: '\' x-evil="1" \'";DROP--<!--=cmd()',
}
"""Longer than some attributes may be: a lenient station is heard all the same, and a file is taken as it is."""
HOSTILE_MACHINE = "'\"><x-evil a=b>"
CALLERS = ("../../x", "A/B", "%2e%2e", "..", "A B", "<x-evil>", "~2F", "?q=1#x")


def arrives(server: DicomServer, folder: Path, text: Text, station: str = "LENIENT") -> None:
    """Imported for a known station and for one that nobody knows; performed, with orders and without one."""
    a_station(station, strict=False)
    known = {"Modality": "CT", "ScheduledStationAETitle": station, "ScheduledProcedureStepStatus": None}
    items = [an_item_of(text, **known), an_item_of(text, ScheduledProcedureStepStatus=None, ScheduledProcedureStepID="S2")]
    paths = [write_item(folder / f"{number}.wl", item) for number, item in enumerate(items)]
    assert importer.import_paths(paths, False, a_site()).skipped == []
    step = ScheduledProcedureStep.objects.filter(stations__ae_title=station).get()
    own = {
        "PerformedProcedureStepStatus": "IN PROGRESS", "PerformedStationAETitle": station, "Modality": "CT",
        "StudyInstanceUID": step.requested_procedure.study_instance_uid,
        "AccessionNumber": step.requested_procedure.order.accession_number,
    }  # fmt: skip
    shown = {"SeriesDescription": "LO", "ProtocolName": "LO", "OperatorsName": "PN"}
    with connected(server, station) as association:
        for uid, values in ((new_uid(), own), (new_uid(), {"PerformedProcedureStepStatus": "IN PROGRESS"})):
            assert association.n_create(performed_of(text, **values), uid).status in (0, 0x0107)
            series = a_series(**{keyword: text(keyword, vr) for keyword, vr in shown.items()})
            assert association.n_set(an_end(PerformedSeriesSequence=[series], SpecificCharacterSet="ISO_IR 192"), uid).status in (0, 0x0107)
        association.n_create(performed_of(text), new_uid())


def pages_of(client: Client) -> list[Page]:
    """All that links lead to, and each form of each data set."""
    steps = [f"/steps/{step.pk}/{query}" for step in ScheduledProcedureStep.objects.all() for query in ("", "?item=dump", "?item=json")]
    performed = [f"/performed/{one.pk}/?as={how}" for one in PerformedProcedureStep.objects.all() for how in ("table", "dump", "json")]
    found = crawl(client, "/", *steps, *performed, "/worklist/?whole=1", "/performed/", "/charges/", "/unbilled/")
    assert len(found) > 30
    assert reached(found) == []
    return found


def reached(found: list[Page]) -> list[tuple[str, int]]:
    """What links lead to and is not there."""
    return [(page.address, page.status) for page in found if page.status not in (200, 302)]


@pytest.fixture
def chief() -> Client:
    client = Client()
    client.force_login(somebody("the-chief", is_superuser=True))
    return client


@pytest.mark.both_databases
def test_hostile_text_is_text_on_every_page(server: DicomServer, tmp_path: Path, chief: Client) -> None:
    plain = HOSTILE[BROKEN_OUT].replace("\u202e", "")  # of VRs of ASCII
    by_vr = {"AE": HOSTILE_MACHINE, "CS": plain, "UR": plain}
    arrives(server, tmp_path, lambda path, vr: by_vr.get(vr, HOSTILE[BROKEN_OUT]))
    is_text_everywhere(pages_of(chief))


def test_hostile_text_is_text_and_in_no_address_and_no_title(server: DicomServer, tmp_path: Path, chief: Client) -> None:
    """Every attribute but AE titles and modalities, which are of machines, begins with a mark that is its own."""
    mark = marks()
    plain = {"AE": "MACHINE", "Modality": "CT"}
    arrives(
        server,
        tmp_path,
        lambda path, vr: plain.get(vr) or plain.get(path.rpartition(".")[2]) or f"{mark(path, vr)}{HOSTILE[WITHIN]}",
    )
    name = Patient.objects.exclude(name="")[0].name
    for address in ("/worklist/?whole=1", "/patients/", "/find/", "/orders/new/", "/charges/ledger/"):
        assert chief.post(address, {"q": name}).status_code == 303
    keys = KeptSearch.objects.values_list("key", flat=True)
    searched = [f"{address}?search={key}" for key in keys for address in ("/worklist/", "/patients/", "/find/", "/orders/new/")]
    found = [*pages_of(chief), *crawl(chief, *searched)]
    is_text_everywhere(found)
    assert sum(bool(MARK.search(page.text)) for page in found) > 8
    for page in found:
        assert [one for one in page.addresses if MARK.search(one)] == [], page.address
        assert not MARK.search(page.title), page.address


def is_text_everywhere(found: list[Page]) -> None:
    """On the pages, and in the messages of the charges that followed."""
    for page in found:
        assert "x-evil" not in page.tags | page.attributes, page.address
        assert "49{%" not in page.text, page.address
    assert sum("x-evil" in page.text for page in found) > 8
    charges = list(Charge.objects.all())
    assert charges
    for charge in charges:
        charge.control_id = "C1"
        message = messages.build(charge)
        assert {segment[:3] for segment in message.rstrip("\r").split("\r")} <= {"MSH", "EVN", "PID", "PV1", "FT1", "PR1"}
        assert not set(message) & set("\n\x00\x1b")


def test_machines_called_like_paths_have_pages_that_a_browser_reaches(server: DicomServer, chief: Client) -> None:
    for calling in CALLERS:
        with connected(server, calling) as association:
            assert list(association.find(identifier({}, PatientName="*"))) == []
    for calling in CALLERS:
        save_station(a_site(), StationData(calling, ("CT",)), ACTOR)
    wait_until(lambda: Association.objects.filter(ended__isnull=False).count() == len(CALLERS), 15, "the journal is written")
    found = crawl(
        chief, "/associations/", "/stations/", "/consoles/", most=600, without=("/faults/inject/", "/steps/", "/patients/", "/orders/")
    )
    assert reached(found) == []
    for calling in CALLERS:
        for view in ("station", "station-edit", "station-queries", "station-findings"):
            address = reverse(view, args=[calling])
            assert urljoin("http://testserver/", address) == f"http://testserver{address}"
            assert chief.get(address).status_code == 200, (view, address)
        assert any(page.address == reverse("station", args=[calling]) for page in found), calling
    assert "x-evil" not in {name for page in found for name in page.tags | page.attributes}
