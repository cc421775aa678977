"""The nudge never delays its caller and never fails it."""

import os
import threading
import time

import pytest
from structlog.testing import capture_logs

from billing import nudge as nudge_module
from billing.nudge import nudge
from ris.nudge import CAPACITY, Nudger
from tests.support.wait import wait_until


def test_caller_does_not_wait_while_redis_is_away() -> None:
    began = time.monotonic()
    with capture_logs() as logs:
        for charge_id in range(50):
            nudge(charge_id)
        assert time.monotonic() - began < 0.5
        wait_until(lambda: logs, 15, "the dropped nudges are logged")
    assert logs[0]["event"] == "nudges dropped, the sweep will send the charges"


def test_nudges_beyond_the_queue_are_dropped_and_logged() -> None:
    stuck = threading.Event()

    def send(charge_id: int) -> None:
        stuck.wait(10)

    nudger = Nudger(send, what="charge")
    began = time.monotonic()
    with capture_logs() as logs:
        for charge_id in range(CAPACITY + 5):
            nudger.nudge(charge_id)
    stuck.set()
    assert time.monotonic() - began < 2
    assert {log["event"] for log in logs} == {"nudge dropped, the sweep will send the charge"}
    assert 4 <= len(logs) <= 5


def test_nudges_are_sent_in_order_and_go_on_after_an_outage() -> None:
    sent: list[int] = []

    def send(charge_id: int) -> None:
        if charge_id == 1:
            raise ConnectionError("Redis is away")
        sent.append(charge_id)

    nudger = Nudger(send, what="charge")
    nudger.nudge(1)
    wait_until(lambda: nudger._waiting.empty(), 5, "the first was tried")
    for charge_id in (2, 3):
        nudger.nudge(charge_id)
        wait_until(lambda: charge_id in sent, 5, "it is sent")  # noqa: B023  (called within the iteration)
    assert sent == [2, 3]


def test_charges_in_quick_succession_share_a_nudge() -> None:
    sent: list[int] = []
    sweeps: list[str] = []
    all_wait = threading.Event()

    def send(charge_id: int) -> None:
        sent.append(charge_id)
        all_wait.wait(10)

    nudger = Nudger(send, lambda: sweeps.append("all that are due"), what="charge")
    nudger.nudge(1)
    wait_until(lambda: sent, 5, "the first is sent at once")
    for charge_id in range(2, 10):
        nudger.nudge(charge_id)
    all_wait.set()
    wait_until(lambda: sweeps, 5, "the others are swept")
    assert (sent, sweeps) == ([1], ["all that are due"])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # forking is the subject
def test_forked_child_starts_its_own_thread() -> None:
    nudger = Nudger(lambda charge_id: None, what="charge")
    nudger.nudge(1)
    child = os.fork()
    if child == 0:  # nothing of pytest may run in the child
        alive_before = nudger._thread is not None
        nudger.nudge(2)
        os._exit(0 if not alive_before and nudger._thread is not None and nudger._thread.is_alive() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_charges_left_to_the_sweep_are_not_nudged(monkeypatch: pytest.MonkeyPatch) -> None:
    nudged: list[int] = []
    monkeypatch.setattr(nudge_module._nudger, "nudge", nudged.append)
    with nudge_module.left_to_the_sweep():
        nudge_module.nudge(1)
    nudge_module.nudge(2)
    assert nudged == [2]
