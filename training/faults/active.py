"""Which faults hold at this moment: read from the table at most once a second, so that each message may ask."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now

from dimse.interference import INJECTED
from ris import clock, profiles
from ris.models import Site
from ris.prepared import Prepared
from training.faults.kinds import KINDS, SKEW
from training.models import Fault

logger = logging.getLogger(__name__)

KEPT: Final = 1.0
"""Seconds within which every process knows that a fault was switched on or off."""


_on = Prepared(lambda: Fault.objects.filter(ended=None, until__gt=Now()).select_related("site").order_by("begun", "pk"))


class Faults:
    """Those that this process knows of. Who comes first looks again, the others go on with what is known, as all do when it cannot be
    read."""

    def __init__(self) -> None:
        self._known: tuple[Fault, ...] = ()
        self._look_at = 0.0
        self._looking = threading.Lock()
        self._failed = False

    def current(self) -> Sequence[Fault]:
        """Those that hold, the latest last, each with its site. Where there is none it costs a look at the stopwatch."""
        if monotonic() >= self._look_at:
            self._look()
        if not self._known:
            return ()
        moment = wall()
        return [fault for fault in self._known if fault.until > moment]

    def forget(self) -> None:
        """Look again at the next question: this process changed something."""
        self._look_at = 0.0

    def _look(self) -> None:
        if not self._looking.acquire(blocking=False):
            return
        try:
            self._look_at = monotonic() + KEPT
            if not connection.needs_rollback:
                self._known = tuple(_on())
                self._failed = False
        except (DatabaseError, InterfaceError) as error:
            if not self._failed:
                logger.warning("Which faults are on cannot be read (%s); what was known holds", type(error).__name__)
            self._failed = True
        finally:
            self._looking.release()


_faults = Faults()
current, forget = _faults.current, _faults.forget


def wall() -> datetime:
    """Faults end on wall time, whatever the clock of their site shows."""
    return clock.wall()


def of_kind(name: str) -> Fault | None:
    """A fault of a process that all share, while it holds."""
    return next((fault for fault in reversed(current()) if fault.kind == name), None)


def is_about(fault: Fault, ae_title: str) -> bool:
    """Whether it holds for who calls so: a fault of a station does for each AE title under which that is accepted."""
    if fault.station_ae_title in ("", ae_title):
        return True
    return profiles.present_title(fault.site, ae_title) == profiles.present_title(fault.site, fault.station_ae_title)


def skew_of(ae_title: str, site: Site | None = None) -> timedelta:
    """By how much the clock of the virtual modalities of a station is fast (negative: slow); none unless that was switched on.

    Without a site it is a modality that only has an AE title, whichever hospital's station it stands for.
    """
    found = [fault for fault in current() if fault.kind == SKEW and is_about(fault, ae_title) and site in (None, fault.site)]
    return timedelta(seconds=found[-1].parameters["seconds"]) if found else timedelta(0)


def skewed(ae_title: str, now: Callable[[], datetime], site: Site | None = None) -> Callable[[], datetime]:
    """The clock of the virtual modalities of a station: `now` with what `skew_of` says at each moment."""
    return lambda: now() + skew_of(ae_title, site)


def is_on(fault: Fault) -> bool:
    """Whether it holds at this moment."""
    return fault.ended is None and fault.until > wall()


def in_words(fault: Fault) -> str:
    """What a fault does: `answered 10 s late`."""
    return KINDS[fault.kind].in_words(fault.parameters)


def told(fault: Fault) -> str:
    """What the journal says beside what the fault did: `injected by integrator until 14:30: answered 10 s late`."""
    return f"{INJECTED} {fault.set_by} until {ends(fault)}: {in_words(fault)}"


def ends(fault: Fault) -> str:
    """`14:30`, on the hospital's wall clock; while that is simulated it is said that this is another one."""
    until = f"{clock.local(fault.until, fault.site):%H:%M}"
    return f"{until} (real time)" if clock.simulation(fault.site) else until
