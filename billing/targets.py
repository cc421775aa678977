"""Where charges go: a receiver over MLLP, which may be the demo charge processor, or a folder."""

from pathlib import Path
from typing import Protocol

from django.conf import settings

from billing import mllp
from billing.errors import NotReached
from billing.folder import Folder
from billing.hl7_answers import Ack

_HERE = ("127.0.0.1", "localhost", "::1")


class Target(Protocol):
    """A receiver of charge messages; its text is its address."""

    def send(self, message: str, control_id: str) -> Ack:
        """Deliver one message and return the proof; raise NotReached, NoAnswer, Garbled or Refused."""


def current() -> Target:
    """The receiver as configured at this moment; NotReached while the port of the demo charge processor is not known."""
    return Folder(Path(settings.CHARGE_FOLDER)) if settings.CHARGE_FOLDER else mllp.target()


def is_for_the_demo() -> bool:
    """Whether the demo charge processor of this installation is to take the charges: neither a folder nor another receiver is named."""
    return not settings.CHARGE_FOLDER and (not settings.MLLP_HOST or (settings.MLLP_HOST in _HERE and not settings.MLLP_PORT))


def is_demo() -> bool:
    """Whether it is the demo charge processor that takes them, whose ledger can be looked at."""
    return is_for_the_demo() and settings.MLLP_PORT in (0, mllp.recorded_port())


def ledger_file() -> Path:
    """Where the demo charge processor keeps its ledger."""
    return Path(settings.DATA_DIR) / "ledger.sqlite3"


def in_words() -> str:
    """`the demo charge processor at 127.0.0.1:40261`, `billing.example.org:2575 over MLLP`, `the folder /srv/charges`."""
    if settings.CHARGE_FOLDER:
        return f"the folder {settings.CHARGE_FOLDER}"
    try:
        address = str(mllp.target())
    except NotReached:
        return "the demo charge processor, which has not started yet"
    return f"the demo charge processor at {address}" if is_demo() else f"{address} over MLLP"
