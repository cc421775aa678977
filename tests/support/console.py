"""A console and somebody at its keys; the worker is called in this process, in place of the broker."""

from collections.abc import Sequence
from typing import Any

import pytest

from ris.actor import Actor
from tests.support.hospital import a_site
from training import tasks
from training.actions.consoles import ConsoleData, save_console
from training.consoles.pressing import press
from training.memory import Exam, Memory
from training.models import Console, ConsoleAct

OPERATOR = Actor.system("somebody at the keys")


def a_console(ae_title: str = "CT01", **values: Any) -> Console:
    return save_console(a_site(), ConsoleData(ae_title, **values), OPERATOR)


def worker_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed to the broker is done before the caller goes on."""
    monkeypatch.setattr(tasks.perform, "apply_async", lambda args, **options: tasks.press_key(*args))


def worker_later(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is handed to the broker is gathered in the list, as ids of acts."""
    waiting: list[int] = []
    monkeypatch.setattr(tasks.perform, "apply_async", lambda args, **options: waiting.extend(args))
    return waiting


class Keys:
    """The keys of one console: `keys("update")`, `keys("start", pick=keys.rows()[0]["key"])`."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __call__(self, key: str, **given: Any) -> ConsoleAct:
        self.console.refresh_from_db()
        act = press(self.console, key, given, OPERATOR)
        self.console.refresh_from_db()
        return act

    def rows(self) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = self.console.rows
        return rows

    def exams(self) -> Sequence[Exam]:
        return Memory.of(self.console.memory, lambda _: None).exams
