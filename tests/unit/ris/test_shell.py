"""Commands and the audit trail: what they show, take out and take in is entered before, under the account of the operating system."""

import builtins
import getpass
import os
import pwd
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.db.backends.base.client import BaseDatabaseClient
from django.test import Client

from ris import audit, shell
from ris.actions import auditing, tokens
from ris.models import ApiToken, AuditRecord, RecordChange, ScheduledProcedureStep
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
    ("uid", "login", "sudo", "name"),
    [
        (0, "", "", "root at the shell"),
        (0, "4294967295", "root", "root at the shell"),
        (0, "4294967295", "anna", "root at the shell, says to be anna"),
        (0, "", "anna", "root at the shell, says to be anna"),
        (0, "0", "anna", "root at the shell"),
        (0, "987654", "anna", "uid 987654 as root at the shell"),
        (987_654, "987654", "", "uid 987654 at the shell"),
        (987_654, "", "", "uid 987654 at the shell"),
    ],
)
def test_who_it_was_says_the_operating_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uid: int, login: str, sudo: str, name: str
) -> None:
    """By who signed in, where that is kept; what the environment says proves nothing."""
    kept = tmp_path / "loginuid"
    if login:
        kept.write_text(login)
    monkeypatch.setattr(shell, "_LOGIN", kept)
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setenv("SUDO_USER", sudo)
    assert pwd.getpwuid(0).pw_name == "root"
    assert shell.who().name == name


RIGHT, TOO_SHORT = "seven quiet lanterns", "short"


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`typing("a", "b")`: what is typed at the terminal, one after the other."""

    def at_the_terminal(*typed: str) -> None:
        keys = iter(typed)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(getpass, "getpass", lambda prompt: next(keys))
        monkeypatch.setattr(builtins, "input", lambda prompt: next(keys))

    return at_the_terminal


def test_a_name_that_is_taken_is_told_before_a_password_is_typed(typing: Callable[..., None]) -> None:
    somebody("chief")
    typing("chief")
    with pytest.raises(CommandError, match="is taken"):
        call_command("createsuperuser")


def test_a_superuser_made_at_the_shell_has_a_history_and_an_entry(typing: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    typing("chief", "one lantern only", "another lantern", TOO_SHORT, TOO_SHORT, RIGHT, RIGHT)
    call_command("createsuperuser")
    user = User.objects.get()
    assert (user.username, user.is_superuser, user.check_password(RIGHT)) == ("chief", True, True)
    history = RecordChange.objects.get(subject="user", subject_id=user.pk)
    assert (history.verb, history.actor) == ("create user", shell.who().name)
    row = entered("createsuperuser")
    assert (row.event, row.action, row.actor, row.detail["of"]) == (audit.ROLES, audit.CREATE, shell.who().name, ["user chief"])
    said = capsys.readouterr()
    assert "type the same one twice" in said.err
    assert "is shorter than 10 characters" in said.err
    assert RIGHT not in said.out + said.err + str(row.detail) + str(history.detail)


def test_a_superuser_can_be_made_without_asking(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("createsuperuser", "--noinput", "--username", "made")
    password = capsys.readouterr().out.strip()
    assert User.objects.get(username="made").check_password(password), "one that is made is printed"
    for name, value in (("USERNAME", "told"), ("EMAIL", "jo@example.org"), ("PASSWORD", RIGHT)):
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name}", value)
    call_command("createsuperuser", "--noinput")
    told = User.objects.get(username="told")
    assert (told.email, told.check_password(RIGHT), capsys.readouterr().out) == ("jo@example.org", True, "")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", TOO_SHORT)
    with pytest.raises(CommandError, match="shorter than 10"):
        call_command("createsuperuser", "--noinput", "--username", "weak")
    with pytest.raises(CommandError, match="is taken"):
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", RIGHT)
        call_command("createsuperuser", "--noinput", "--username", "Told")
    with pytest.raises(CommandError, match="no letter and no digit"):
        call_command("createsuperuser", "--noinput", "--username", "-")


@pytest.mark.parametrize("keep", [True, False])
def test_a_password_set_at_the_shell_ends_what_the_old_one_began_and_is_entered(typing: Callable[..., None], keep: bool) -> None:
    anna = somebody("anna", "scheduler", password="the old lantern")
    tokens.create_token(anna, "scripts")
    client = Client()
    client.force_login(anna)
    typing(RIGHT, RIGHT)
    call_command("changepassword", "anna", keep_tokens=keep)
    anna.refresh_from_db()
    assert anna.check_password(RIGHT)
    assert client.get("/account/").status_code == 302
    assert (ApiToken.objects.get().revoked_at is None) == keep
    assert RecordChange.objects.filter(subject="user", subject_id=anna.pk, verb="reset password", actor=shell.who().name).count() == 1
    rows = AuditRecord.objects.filter(place="manage.py changepassword", event=audit.ACCOUNT, actor=shell.who().name)
    assert {row.action for row in rows} == ({audit.UPDATE} if keep else {audit.UPDATE, audit.DELETE})
    assert not any(RIGHT in str(row.detail) for row in rows)


def test_an_account_that_is_not_entered_is_not_changed(typing: Callable[..., None], no_room: None) -> None:
    anna = somebody("anna", "scheduler", password="the old lantern")
    typing(RIGHT, RIGHT)
    with pytest.raises(CommandError, match=r"entered in the audit trail.*Nothing was changed"):
        call_command("changepassword", "anna")
    anna.refresh_from_db()
    assert anna.check_password("the old lantern")


def test_three_passwords_that_will_not_do_change_nothing(typing: Callable[..., None]) -> None:
    anna = somebody("anna", "scheduler", password="the old lantern")
    typing(*[TOO_SHORT] * 6)
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("changepassword", "anna")
    anna.refresh_from_db()
    assert anna.check_password("the old lantern")


def test_without_a_terminal_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    somebody("anna")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    for command in (("changepassword", "anna"), ("createsuperuser",)):
        with pytest.raises(CommandError, match="terminal"):
            call_command(*command)


def test_what_django_reaches_the_database_with_is_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also outside of this product's rules, as far as it is asked: whoever has the database's own client is not."""
    an_order()
    kept = tmp_path / "sites.json"
    call_command("dumpdata", "ris.site", output=str(kept))
    call_command("loaddata", str(kept))
    call_command("shell", command="pass")
    monkeypatch.setattr(BaseDatabaseClient, "runshell", lambda *arguments: None)
    call_command("dbshell")
    found = [(entered(name).event, entered(name).action) for name in ("dumpdata", "loaddata", "shell", "dbshell")]
    assert found == [(audit.EXPORT, audit.READ), (audit.IMPORT, audit.CREATE), (audit.SHELL, audit.EXECUTE), (audit.SHELL, audit.EXECUTE)]
    assert entered("dumpdata").detail == {"asked": {"what": "ris.site"}}


@pytest.mark.parametrize("command", [("dumpdata", "ris.patient"), ("shell", "-c", "print('looked')"), ("dbshell",)])
def test_what_cannot_be_entered_opens_nothing(command: Sequence[str], capsys: pytest.CaptureFixture[str], no_room: None) -> None:
    an_order(name="HIDDEN^Ann")
    with pytest.raises(CommandError, match="disk is full"):
        call_command(*command)
    assert capsys.readouterr().out == ""
