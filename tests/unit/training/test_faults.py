"""Switching faults on and off: what is refused and in which words, the history, and the command."""

from collections.abc import Mapping
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from billing.charge_processor.behaviour import Behaviour, Refusal
from ris import audit, clock, shell
from ris.actions.renaming import Renaming, rename_station
from ris.actor import Actor
from ris.errors import Conflict, InvalidInput, NotFound
from ris.models import AuditRecord
from ris.models.history import AppendOnlyError
from tests.support.hospital import ACTOR, a_site, a_station
from tests.support.sites import another_site
from training.actions import faults
from training.actions.faults import FaultData
from training.faults import active, charge_processor, declaration
from training.faults.effects import CHANGES
from training.faults.kinds import BROKER, CHARGE_PROCESSOR, DROPPED_ACK, KINDS, LATE_ACK, REFUSED_CHARGE, SKEW, Kind, Place
from training.faults.parameters import Choice, Number
from training.models import Fault, FaultChange

MAYA = Actor.system("maya")
pytestmark = pytest.mark.django_db


def on(kind: str = "delay", station: str = "", service: str = "", minutes: float | None = 10, **parameters: Any) -> Fault:
    return faults.switch_on(a_site(), FaultData(kind, station, service, minutes, parameters, "lesson 3"), MAYA)


def refusals(**changes: Any) -> Mapping[str, str]:
    with pytest.raises(InvalidInput) as refused:
        faults.switch_on(a_site(), FaultData(**({"kind": "delay"} | changes)), MAYA)
    assert not Fault.objects.exists()
    return refused.value.errors


def go_on(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    monkeypatch.setattr(active, "wall", lambda: clock.wall() + timedelta(**by))


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("fault", *arguments, stdout=out)
    return out.getvalue()


def row(kind: Kind) -> str:
    """The line of docs/faults.md about a kind."""
    told = []
    for one in kind.parameters:
        limits = f"{one.least} to {one.most}" if isinstance(one, Number) else ", ".join(one.choices) if isinstance(one, Choice) else "text"
        told.append(f"`{one.name}` ({limits}{f'; {one.default}' if one.default != '' else ''})")
    return f"| `{kind.name}` | {kind.what} | {kind.place.value} | {'; '.join(told)} |"


@pytest.mark.both_databases
class TestSwitching:
    def test_it_holds_from_now_on_until_its_time_and_says_who_and_why(self) -> None:
        a_station("CT01")
        fault = on("truncate", "CT01", after=3)
        assert fault.parameters == {"after": 3}
        assert fault.until - fault.begun == timedelta(minutes=10)
        assert active.current() == [fault]
        assert active.told(fault) == f"injected by maya until {clock.local(fault.until):%H:%M}: list ended behind answer 3"
        change = fault.changes.get()
        assert (change.verb, change.actor, change.reason, change.to_status) == ("on", "maya", "lesson 3", "on")

    def test_it_is_over_at_its_time_by_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fault = on()
        go_on(monkeypatch, minutes=9, seconds=59)
        assert active.current() == [fault]
        go_on(monkeypatch, minutes=10, seconds=1)
        assert list(active.current()) == []
        assert faults.over(fault) == "its time was up"
        with pytest.raises(Conflict, match=r"is over already \(its time was up\); nothing was changed"):
            faults.switch_off(a_site(), fault.pk, MAYA)
        assert on().pk != fault.pk

    def test_it_is_switched_off_once(self) -> None:
        fault = on()
        assert faults.switch_off(a_site(), fault.pk, MAYA, "enough").ended is not None
        assert list(active.current()) == []
        with pytest.raises(Conflict, match="switched off by maya"):
            faults.switch_off(a_site(), fault.pk, MAYA)
        assert [(one.verb, one.reason) for one in fault.changes.all()] == [("on", "lesson 3"), ("off", "enough")]
        with pytest.raises(NotFound, match="There is no fault 999"):
            faults.switch_off(a_site(), 999, MAYA)

    def test_the_same_is_not_switched_on_twice_but_for_another_station_it_is(self) -> None:
        a_station("CT01")
        fault = on()
        with pytest.raises(Conflict, match=f"That is on already: injected by maya .* End fault {fault.pk} first"):
            on(seconds=30)
        on("delay", "CT01")
        assert len(faults.switch_all_off(a_site(), MAYA)) == 2
        assert list(active.current()) == []

    def test_its_history_cannot_be_changed(self) -> None:
        on()
        with pytest.raises(AppendOnlyError):
            FaultChange.objects.get().delete()

    def test_the_clock_of_a_station_is_wrong_while_it_is_said_so(self) -> None:
        a_station("CT01")
        assert active.skew_of("CT01") == timedelta(0)
        on(SKEW, "CT01", seconds=-90)
        assert active.skew_of("CT01") == timedelta(seconds=-90)
        assert active.skew_of("CT02") == timedelta(0)
        assert active.skew_of("CT01", a_site()) == timedelta(seconds=-90)
        assert active.skew_of("CT01", another_site()) == timedelta(0)


class TestRefusals:
    def test_a_station_is_named_by_the_title_that_its_console_calls_with_while_that_is_accepted(self) -> None:
        station = a_station("CT01")
        rename_station(station.site, Renaming("CT01"), "CT-EAST", ACTOR)
        assert on("delay", "CT01", seconds=5).station_ae_title == "CT-EAST"
        with pytest.raises(Conflict, match="That is on already"):
            on("delay", "CT-EAST", seconds=5)
        rename_station(station.site, Renaming("CT-EAST", given_up=["CT01"]), "CT-EAST", ACTOR)
        with pytest.raises(InvalidInput, match="no station here"):
            on("delay", "CT01", seconds=6)

    def test_each_wrong_field_is_named_at_once(self) -> None:
        errors = refusals(kind="delay", station_ae_title="NOWHERE", service="x", minutes=0, parameters={"seconds": 0, "secs": 3})
        assert set(errors) == {"station_ae_title", "service", "minutes", "parameters.seconds", "parameters.secs"}
        assert errors["station_ae_title"].startswith("is 'NOWHERE', which is no station here")
        assert errors["parameters.secs"] == "is no parameter of delay; it has seconds"

    def test_an_unknown_kind_is_told_those_there_are(self) -> None:
        assert "which is no fault; there are delay, reject" in refusals(kind="dlay")["kind"]

    @pytest.mark.parametrize("minutes", [None, 0, -1, 241, float("nan"), float("inf")])
    def test_there_is_no_fault_without_an_end(self, minutes: float | None) -> None:
        assert "end" in refusals(minutes=minutes)["minutes"]

    @pytest.mark.parametrize("seconds", [0, 601, "x", "", 1.5, True, None, "1e400", "nan"])
    def test_a_number_is_whole_and_within_its_limits(self, seconds: Any) -> None:
        assert "1 to 600" in refusals(parameters={"seconds": seconds})["parameters.seconds"]

    def test_a_choice_is_one_of_its_words(self) -> None:
        assert "temporary-congestion" in refusals(kind="reject", parameters={"reason": ""})["parameters.reason"]

    @pytest.mark.parametrize("comment", ["x" * 65, "Zähler", "a\\b", "a\nb"])
    def test_a_comment_is_what_an_error_comment_holds(self, comment: str) -> None:
        assert "parameters.comment" in refusals(kind="failure", parameters={"comment": comment})

    def test_a_status_belongs_to_its_operation(self) -> None:
        wrong = {"operation": "C-FIND", "status": "0110"}
        assert "with which no C-FIND is answered" in refusals(kind="failure", parameters=wrong)["parameters.status"]

    def test_a_place_that_a_kind_does_not_have_is_refused(self) -> None:
        a_station("CT01")
        assert "leave it out" in refusals(kind=CHARGE_PROCESSOR, station_ae_title="CT01")["station_ae_title"]
        assert "leave it out" in refusals(kind="failure", service="mpps")["service"]
        assert "name it" in refusals(kind=SKEW)["station_ae_title"]


class TestChargeProcessor:
    def test_it_behaves_well_unless_told_otherwise(self) -> None:
        assert charge_processor.behaviour() == Behaviour()

    def test_each_fault_is_a_behaviour_until_it_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for kind, parameters, told in (
            (CHARGE_PROCESSOR, {}, Behaviour(is_down=True)),
            (REFUSED_CHARGE, {"code": "AR", "text": "Closed"}, Behaviour(refusal=Refusal("AR", "Closed"))),
            (LATE_ACK, {"seconds": 3}, Behaviour(delay=3.0)),
            (DROPPED_ACK, {}, Behaviour(drops=True)),
        ):
            fault = on(kind, **parameters)
            assert charge_processor.behaviour() == told
            faults.switch_off(a_site(), fault.pk, MAYA)
            assert charge_processor.behaviour() == Behaviour()
        on(LATE_ACK, minutes=10)
        assert charge_processor.behaviour() == Behaviour(delay=15.0)
        go_on(monkeypatch, minutes=11)
        assert charge_processor.behaviour() == Behaviour()


class TestTable:
    def test_each_kind_does_something(self) -> None:
        shared = {CHARGE_PROCESSOR, REFUSED_CHARGE, LATE_ACK, DROPPED_ACK, BROKER}
        beside_messages = shared | {"reject", SKEW}
        assert set(CHANGES) | beside_messages == set(KINDS)
        assert {name for name, kind in KINDS.items() if kind.place is Place.PROCESS} == shared

    def test_what_is_taken_by_default_is_within_the_limits_and_told_in_words(self) -> None:
        for kind in KINDS.values():
            for parameter in kind.parameters:
                assert parameter.read(parameter.default) == parameter.default
            assert "{" not in kind.in_words({})

    def test_the_documentation_lists_each_kind_as_it_is(self) -> None:
        lines = (Path(settings.BASE_DIR) / "docs" / "faults.md").read_text().splitlines()
        assert [line for line in lines if line.startswith("| `")] == [row(kind) for kind in KINDS.values()]

    def test_a_status_is_taken_by_name_by_number_and_by_what_it_means(self) -> None:
        status = KINDS["failure"].parameters[1]
        operation = KINDS["drop-response"].parameters[0]
        assert [operation.read(given) for given in ("N-CREATE", "n-set", "both", "N-CREATE and N-SET")] == [
            "N-CREATE",
            "N-SET",
            "both",
            "both",
        ]
        assert {status.read(given) for given in ("out-of-resources", "a700", "A700 Refused: out of resources")} == {"out-of-resources"}


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_a_declaration_is_exchanged_in_every_transfer_syntax(syntax: str) -> None:
    plain = b"\x00\x10\x00\x10" if syntax.endswith(".2.2") else b"\x10\x00\x10\x00"
    declared = declaration.unknown(plain, syntax)
    assert declared.endswith(b"ISO_IR 999" + plain)
    assert declaration.none(declared, syntax) == plain
    assert declaration.another(plain, syntax) == plain
    utf_8 = declaration.another(declared, syntax)
    assert b"ISO_IR 192" in utf_8
    assert b"ISO_IR 100" in declaration.another(utf_8, syntax)


class TestCommand:
    def test_a_fault_is_switched_on_listed_and_ended(self) -> None:
        a_station("CT01")
        assert command("list") == "no fault is on\n"
        told = command("on", "failure", "operation=N-SET", "status=0112", "--station", "CT01", "--minutes", "5", "--reason", "lesson 3")
        fault = Fault.objects.get()
        assert told == f"fault {fault.pk} is on until {clock.local(fault.until):%H:%M:%S}: N-SET answered 0112 No such SOP instance\n"
        listed = command("list").splitlines()
        assert [word in listed[2] for word in ("failure", "CT01", shell.who().name, "lesson 3")] == [True] * 4
        assert command("off", str(fault.pk)) == f"fault {fault.pk} is off: N-SET answered 0112 No such SOP instance\n"
        assert f"over, switched off by {shell.who().name}" in command("list", "--all")
        assert command("off", "--all") == "no fault was on\n"
        entered = AuditRecord.objects.filter(place="manage.py fault", event=audit.SETTINGS, actor=shell.who().name).order_by("pk")
        assert [[verb for _, _, verb in row.detail["changes"]] for row in entered] == [["on"], ["off"]]

    def test_what_there_is_can_be_asked(self) -> None:
        told = command("kinds")
        assert all(name in told for name in KINDS)
        assert "seconds=10: Late by, 1 to 600" in told

    @pytest.mark.parametrize(
        "arguments, told",
        [
            (("on", "dlay"), "which is no fault"),
            (("on", "delay", "seconds"), "is no NAME=VALUE"),
            (("on", "delay", "--station", "NOWHERE"), "which is no station here"),
            (("on", "delay", "--minutes", "0"), "it must be 0.05 to 240 minutes"),
            (("off", "999"), "There is no fault 999"),
            (("off",), "name the faults"),
        ],
    )
    def test_what_is_wrong_is_told(self, arguments: tuple[str, ...], told: str) -> None:
        with pytest.raises(CommandError, match=told):
            command(*arguments)
