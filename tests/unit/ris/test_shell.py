"""Commands and the audit trail: what they show, take out and take in is entered before, under the account of the operating system."""

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from ris import audit, shell
from ris.actions import auditing
from ris.models import AuditRecord, ScheduledProcedureStep
from tests.support.addresses import somebody
from tests.support.hospital import an_order, in_minutes, steps_of

pytestmark = pytest.mark.django_db(databases=["default", "journal"])


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(auditing, "insert_one", full)


def entered(command: str) -> AuditRecord:
    return AuditRecord.objects.get(place=f"manage.py {command}")


def test_an_export_is_entered_with_whose_it_is(tmp_path: Path) -> None:
    orders = [an_order(patient_id=f"P{number}", start=in_minutes(60 * number + 10)) for number in range(2)]
    call_command("export_worklist", str(tmp_path))
    row = entered("export_worklist")
    assert (row.event, row.action, row.total, row.actor_kind) == (audit.EXPORT, audit.READ, 2, "system")
    assert row.actor == shell.who().name
    assert row.detail["asked"]["into"] == str(tmp_path)
    assert {(one.patient_key, one.accession_number) for one in row.patients.all()} == {
        (order.patient_id, order.accession_number) for order in orders
    }


def test_what_cannot_be_entered_is_not_exported(tmp_path: Path, no_room: None) -> None:
    an_order()
    with pytest.raises(CommandError, match="disk is full"):
        call_command("export_worklist", str(tmp_path / "new"))
    assert not list((tmp_path / "new").glob("*.wl"))


def test_what_cannot_be_entered_is_not_explained(capsys: pytest.CaptureFixture[str], no_room: None) -> None:
    step = steps_of(an_order(name="HIDDEN^Ann"))[0]
    with pytest.raises(CommandError, match="disk is full"):
        call_command("explain", step.scheduled_procedure_step_id, station="CT01")
    assert "HIDDEN" not in capsys.readouterr().out


def test_an_explanation_is_entered_with_its_patient() -> None:
    order = an_order()
    call_command("explain", steps_of(order)[0].scheduled_procedure_step_id, station="CT01")
    row = entered("explain")
    assert (row.event, row.detail["asked"]) == (audit.PROCEDURE, {"station": "CT01"})
    assert [one.patient_key for one in row.patients.all()] == [order.patient_id]


def test_an_import_is_entered_before_anything_is_taken_in(tmp_path: Path) -> None:
    an_order()
    call_command("export_worklist", str(tmp_path))
    call_command("import_worklist", "--replace", str(tmp_path))
    row = entered("import_worklist")
    assert (row.event, row.action) == (audit.IMPORT, audit.CREATE)
    assert row.detail["asked"] == {"what": "worklist", "from": str(tmp_path), "replace": True}


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_entered_is_not_taken_in(tmp_path: Path, no_room: None) -> None:
    waiting = steps_of(an_order())[0]
    with pytest.raises(CommandError, match="disk is full"):
        call_command("import_worklist", "--replace", str(tmp_path))
    assert ScheduledProcedureStep.objects.get() == waiting


def test_a_token_made_at_the_shell_is_entered(capsys: pytest.CaptureFixture[str]) -> None:
    an_order()
    somebody("anna", "scheduler")
    call_command("api_token", "anna", name="scripts")
    row = entered("api_token")
    assert (row.event, row.action, row.actor) == (audit.ACCOUNT, audit.CREATE, shell.who().name)
    assert capsys.readouterr().out.strip() not in str(row.detail)


@pytest.mark.parametrize(
    ("uid", "sudo", "name"),
    [
        (0, "", "root at the shell"),
        (0, "root", "root at the shell"),
        (0, "anna", "anna as root at the shell"),
        (987_654, "", "uid 987654 at the shell"),
    ],
)
def test_who_it_was_says_the_operating_system(monkeypatch: pytest.MonkeyPatch, uid: int, sudo: str, name: str) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setenv("SUDO_USER", sudo)
    assert pwd.getpwuid(0).pw_name == "root"
    assert shell.who().name == name
