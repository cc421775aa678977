"""Our C-ECHO to a station as pages tell it."""

from dataclasses import dataclass
from datetime import datetime

from dimse.echo import ADVICE
from ris import clock
from ris.actions.echoes import NOBODY, PATIENCE
from ris.models import EchoTest, Site


@dataclass(frozen=True)
class EchoSeen:
    """`at` is when it ended, None while it is under way. `advice` says what to do when it met no answer."""

    asked_at: datetime
    at: datetime | None
    ok: bool
    address: str
    said: str
    advice: str = ""
    asked_by: str = ""

    @property
    def look(self) -> str:
        return "INFO" if self.at is None else "PASS" if self.ok else "ERROR"


def latest(site: Site, ae_title: str, since: datetime | None = None, until: datetime | None = None) -> EchoSeen | None:
    """The last one that was asked for, between two moments."""
    tests = EchoTest.objects.filter(site=site, ae_title=ae_title)
    if since is not None:
        tests = tests.filter(asked_at__gte=since)
    if until is not None:
        tests = tests.filter(asked_at__lte=until)
    test = tests.first()
    return _seen(test) if test is not None else None


def _seen(test: EchoTest) -> EchoSeen:
    """One that nobody took in time is over."""
    if test.ended_at is None and clock.wall() - test.asked_at > PATIENCE:
        return EchoSeen(test.asked_at, test.asked_at + PATIENCE, False, test.address, NOBODY, asked_by=test.asked_by)
    is_ok = test.result == EchoTest.Result.SUCCESS
    return EchoSeen(test.asked_at, test.ended_at, is_ok, test.address, test.text, ADVICE.get(test.result, ""), test.asked_by)
