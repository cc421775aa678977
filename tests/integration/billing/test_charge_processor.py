"""The charge processor as a process: booked once, before it is acknowledged, through stops and kills."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from billing.charge_processor.ledger import Ledger
from billing.errors import NoAnswer, Refused
from billing.hl7 import build
from billing.mllp import Target, send
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.wait import wait_until
from tests.unit.billing.test_hl7 import MESSAGE

TEXT = build(MESSAGE)


def charge_processor(tmp_path: Path, *arguments: str) -> Process:
    return Process.manage("charge_processor", *arguments, log=tmp_path / "log", env={"RIS_DATA_DIR": str(tmp_path), "RIS_MLLP_PORT": "0"})


def address(tmp_path: Path) -> Target:
    return Target("127.0.0.1", int((tmp_path / "mllp.port").read_text()))


def message(number: int) -> tuple[str, str]:
    control_id = f"C{number:08d}"
    return build(replace(MESSAGE, control_id=control_id)), control_id


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Process]:
    with charge_processor(tmp_path) as process:
        process.wait_for("listens on")
        yield process


def test_charge_is_booked_and_acknowledged(running: Process, tmp_path: Path) -> None:
    assert send(TEXT, MESSAGE.control_id, address(tmp_path)).code == "AA"
    entries = Ledger(tmp_path / "ledger.sqlite3").entries(control_id=MESSAGE.control_id)
    assert [entry.posting.code for entry in entries] == ["71260", "A9579"]
    assert "TANAKA" not in running.output()


def test_same_control_id_is_acknowledged_again_and_booked_once(running: Process, tmp_path: Path) -> None:
    for _ in range(3):
        assert send(TEXT, MESSAGE.control_id, address(tmp_path)).code == "AA"
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    assert (len(ledger.entries()), ledger.duplicates()) == (2, 2)


def test_control_id_that_comes_with_another_charge_is_refused(running: Process, tmp_path: Path) -> None:
    send(TEXT, MESSAGE.control_id, address(tmp_path))
    with pytest.raises(Refused, match="booked before with other content"):
        send(TEXT.replace("71260", "71250"), MESSAGE.control_id, address(tmp_path))


def test_wrong_messages_are_refused_and_the_port_lives_on(running: Process, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="FT1 is missing"):
        send(TEXT.split("\rFT1")[0] + "\r", MESSAGE.control_id, address(tmp_path))
    with pytest.raises(Refused, match="AR"):
        send(TEXT.replace("DFT^P03", "ORM^O01"), MESSAGE.control_id, address(tmp_path))
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    assert [refusal.code for refusal in ledger.refusals()] == ["AR", "AE"]
    assert ledger.entries() == []
    assert send(TEXT, MESSAGE.control_id, address(tmp_path)).code == "AA"


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n\x1c\r", b"\x0bhalf a frame", b"\x0b\x1c\r", b"\x0b" + b"x" * 1_200_000])
def test_garbage_closes_its_connection_and_nothing_else(running: Process, tmp_path: Path, garbage: bytes) -> None:
    peer = address(tmp_path)
    with socket.create_connection((peer.host, peer.port), timeout=5) as connection:
        try:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        except ConnectionError:
            pass  # closed while garbage was still being sent
    assert send(TEXT, MESSAGE.control_id, peer).code == "AA"


def test_several_messages_on_one_connection_and_many_connections_at_once(running: Process, tmp_path: Path) -> None:
    peer = address(tmp_path)
    with socket.create_connection((peer.host, peer.port), timeout=5) as connection:
        for number in (1, 2):
            connection.sendall(b"\x0b" + message(number)[0].encode() + b"\x1c\r")
        answers = b""
        while answers.count(b"\x1c\r") < 2:
            answers += connection.recv(4096)
    assert (b"MSA|AA|C00000001" in answers, b"MSA|AA|C00000002" in answers) == (True, True)
    with ThreadPoolExecutor(20) as pool:
        codes = list(pool.map(lambda number: send(*message(number), peer).code, range(1, 41)))
    assert codes == ["AA"] * 40
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    assert (len(ledger.entries()), ledger.duplicates()) == (80, 2)


def test_killed_charge_processor_keeps_what_it_acknowledged_and_returns_to_its_port(running: Process, tmp_path: Path) -> None:
    before = address(tmp_path)
    assert send(TEXT, MESSAGE.control_id, before).code == "AA"
    running.kill()
    with pytest.raises(NoAnswer):
        send(TEXT, MESSAGE.control_id, before)
    with charge_processor(tmp_path) as again:
        wait_until(lambda: again.output().count("listens on") == 2, 20, "it listens again")
        assert address(tmp_path) == before
        assert send(TEXT, MESSAGE.control_id, before).code == "AA"
        assert len(Ledger(tmp_path / "ledger.sqlite3").entries()) == 2


def test_recorded_port_that_is_taken_is_replaced_by_a_free_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (tmp_path / "mllp.port").write_text(f"{taken.getsockname()[1]}\n")
        with charge_processor(tmp_path) as process:
            process.wait_for("listens on")
            assert address(tmp_path).port != taken.getsockname()[1]
            assert send(TEXT, MESSAGE.control_id, address(tmp_path)).code == "AA"


def test_sigterm_stops_it_cleanly_even_with_an_open_connection(running: Process, tmp_path: Path) -> None:
    peer = address(tmp_path)
    with socket.create_connection((peer.host, peer.port), timeout=5) as connection:
        connection.sendall(b"\x0bMSH")
        assert running.terminate() == 0
        assert connection.recv(10) == b""
    assert "Charge processor stopped" in running.output()
    assert "Traceback" not in running.output()


def test_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with charge_processor(tmp_path, "--port", str(port)) as process:
            assert process.wait() == 1
    sentence = process.output().strip().splitlines()
    assert len(sentence) == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in sentence[0]
    assert not (tmp_path / "mllp.port").exists()


def test_ledger_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with charge_processor(tmp_path, "--ledger", str(tmp_path / "file" / "ledger.sqlite3")) as process:
        assert process.wait() == 1
    assert "The ledger" in process.output()
    assert "Traceback" not in process.output()


def test_given_port_and_ledger_are_used(tmp_path: Path) -> None:
    port = free_port()
    with charge_processor(tmp_path, "--port", str(port), "--ledger", str(tmp_path / "other.sqlite3")) as process:
        process.wait_for("listens on")
        assert address(tmp_path).port == port
        assert send(TEXT, MESSAGE.control_id, address(tmp_path)).code == "AA"
        os.kill(process.pid, signal.SIGINT)
        assert process.wait() == 0
    assert len(Ledger(tmp_path / "other.sqlite3").entries()) == 2
