"""Consoles are set up, changed, pointed elsewhere and removed, or it is said why not."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from ris import clock
from ris.actions.connecting import accept_called
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput
from ris.models import RecordChange
from tests.support.console import OPERATOR, a_console, worker_later
from tests.support.hospital import a_site
from tests.support.sites import another_site
from tests.unit.training.test_console_keys import an_exam
from training import tasks
from training.actions.console_acts import LEASE
from training.actions.consoles import NEW, ConsoleData, data_of, delete_console, save_console
from training.consoles import reporting
from training.consoles.performing import PATIENCE, modality_of, target_of
from training.memory import Memory
from training.models import Console, ConsoleAct

pytestmark = pytest.mark.django_db


def occupied(console: Console, **values: Any) -> Console:
    kept: list[dict[str, Any]] = []
    Memory(kept.append, [an_exam(patient_name="DOE^Jane", **values)]).save()
    Console.objects.filter(pk=console.pk).update(memory=kept[0])
    console.refresh_from_db()
    return console


def test_a_console_talks_to_this_stepwise_unless_it_is_pointed_elsewhere(settings):
    settings.DICOM_HOST, settings.DICOM_PORT = "127.0.0.1", 11112
    assert str(target_of(a_console())) == "STEPWISE at 127.0.0.1:11112"
    assert str(target_of(a_console("CT02", host="ris.example.org", port=104, called="RIS"))) == "RIS at ris.example.org:104"


def test_a_console_is_pointed_at_no_other_hospital_here():
    here, there = a_site(), another_site()
    accept_called(there, "SOUTHPACS", OPERATOR)
    mine = {here: "STEPWISE", there: "SOUTHPACS"}
    for site, called in ((here, "SOUTHRIS"), (here, "SOUTHPACS"), (there, "STEPWISE")):
        with pytest.raises(InvalidInput) as refused:
            save_console(site, ConsoleData("CT01", host="127.0.0.1", port=104, called=called), OPERATOR)
        assert "another hospital here" in refused.value.errors["called"]
        save_console(site, ConsoleData("CT01", host="127.0.0.1", port=104, called=mine[site]), OPERATOR)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"ae_title": ""}, "ae_title", "for example CT01"),
        ({"ae_title": "X" * 17}, "ae_title", "at most 16"),
        ({"ae_title": "CT\\01"}, "ae_title", "backslash"),
        ({"ae_title": "CTÄ"}, "ae_title", "ASCII"),
        ({"kind": "c/t"}, "kind", "upper-case"),
        ({"kind": "ZZ"}, "kind", "choose one of CT, MR, US"),
        ({"profile": "none-of-them"}, "profile", "known are"),
        ({"profile": "boreal-3t", "kind": "CT"}, "profile", "whose kind is MR"),
        ({"operator": "A^B^C^D^E^F"}, "operator", "five components"),
        ({"host": "http://ris.example.org/", "port": 104, "called": "RIS"}, "host", "host alone"),
        ({"host": "ris.example.org:104", "port": 104, "called": "RIS"}, "host", "field of its own"),
        ({"host": "two words", "port": 104, "called": "RIS"}, "host", "neither a host name nor an address"),
        ({"host": "ris", "port": 70000, "called": "RIS"}, "port", "1 to 65535"),
        ({"host": "ris"}, "called", "Leave all three empty"),
        ({"port": 104}, "host", "Leave all three empty"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(values: dict[str, Any], field: str, words: str):
    with pytest.raises(InvalidInput) as error:
        a_console(**values)
    assert words in error.value.errors[field]
    assert not Console.objects.exists()


@pytest.mark.parametrize("host", ["10.20.8.7", "ris", "ris-2.example.org.", "::1", "[2001:db8::7]"])
def test_a_host_is_a_name_or_an_address(host: str):
    assert a_console(host=host, port=104, called="RIS").is_elsewhere


def test_a_console_is_set_up_once_and_two_who_change_it_at_once_are_told():
    console = save_console(a_site(), ConsoleData("CT01"), OPERATOR, NEW)
    with pytest.raises(Conflict, match="There is a console CT01 already"):
        save_console(a_site(), ConsoleData("CT01"), OPERATOR, NEW)
    save_console(a_site(), ConsoleData("CT01", kind="MR"), OPERATOR, console.version)
    with pytest.raises(ChangedMeanwhile):
        save_console(a_site(), ConsoleData("CT01", kind="US"), OPERATOR, console.version)
    assert data_of(Console.objects.get()).kind == "MR"
    assert RecordChange.objects.latest("pk").detail == {"kind": ["CT", "MR"]}


def test_while_an_exam_is_open_it_is_neither_removed_nor_pointed_elsewhere():
    occupied(a_console())
    with pytest.raises(Conflict, match=r"^SPS-1 is open on CT01, which cannot be removed"):
        delete_console(a_site(), "CT01", OPERATOR)
    with pytest.raises(Conflict, match="pointed at another system"):
        save_console(a_site(), ConsoleData("CT01", host="ris", port=104, called="RIS"), OPERATOR)
    assert save_console(a_site(), ConsoleData("CT01", operator="WEBER^Jan"), OPERATOR).operator == "WEBER^Jan"


def test_a_kind_that_was_set_up_before_stays_until_another_is_chosen():
    Console.objects.filter(pk=a_console().pk).update(kind="BI")
    assert save_console(a_site(), ConsoleData("CT01", kind="BI", operator="WEBER^Jan"), OPERATOR).operator == "WEBER^Jan"
    assert save_console(a_site(), ConsoleData("CT01", kind="MR"), OPERATOR).kind == "MR"
    with pytest.raises(InvalidInput):
        save_console(a_site(), ConsoleData("CT01", kind="BI"), OPERATOR)


def test_a_removed_console_leaves_its_history():
    a_console()
    delete_console(a_site(), "CT01", OPERATOR)
    assert not Console.objects.exists()
    assert [row.verb for row in RecordChange.objects.order_by("pk") if row.subject == "console"] == ["set up", "remove"]


def test_a_device_that_reports_by_itself_does_so_when_its_minutes_are_over(monkeypatch: pytest.MonkeyPatch):
    waiting = worker_later(monkeypatch)
    told = clock.now(a_site()) - timedelta(minutes=4)
    console = occupied(a_console(profile="boreal-3t", kind="MR"), told_at=told.isoformat())
    occupied(a_console("CT02"), told_at=told.isoformat())
    reporting.report_due()
    assert not waiting
    occupied(console, told_at=(told - timedelta(minutes=2)).isoformat())
    reporting.report_due()
    reporting.report_due()
    (act,) = ConsoleAct.objects.all()
    assert (act.pk, act.key, act.actor, act.console_id) == (waiting[0], "report", "the machine", console.pk)


def test_when_a_worker_has_its_hands_full_a_key_comes_back_a_little_later(monkeypatch: pytest.MonkeyPatch):
    again: list[tuple[Any, Any]] = []
    monkeypatch.setattr(tasks.perform, "apply_async", lambda args, **options: again.append((args, options["countdown"])))
    monkeypatch.setattr(tasks, "_free", threading.BoundedSemaphore(1))
    with tasks._free:
        tasks.press_key(4711)
    assert again == [((4711,), 0.5)]
    tasks.press_key(4711)
    assert len(again) == 1


def test_an_exchange_of_a_console_ends_before_its_lease() -> None:
    """To connect, to associate, and for the longest wait behind it; each message prolongs the lease."""
    longest = PATIENCE.connect + PATIENCE.association + max(PATIENCE.response, PATIENCE.query or float("inf"))
    assert longest + 10 < LEASE.total_seconds()
    assert target_of(a_console()).timeouts == target_of(Console(host="ris.example.org", port=104, called="RIS")).timeouts == PATIENCE


def test_a_console_has_the_wall_clock_of_its_site() -> None:
    console = a_console()
    console.site.time_zone = "Asia/Tokyo"
    assert str(modality_of(ConsoleAct(console=console)).local_now().tzinfo) == "Asia/Tokyo"
