"""The clock of a modality that a script plays: the site's, or one that runs ahead of it instead of waiting."""

import time
from datetime import datetime, timedelta

from ris import clock

_LOOK = 0.2  # seconds between two looks at the site's clock, which may be simulated


class ScriptClock:
    """`fast` waits for nothing."""

    def __init__(self, *, fast: bool) -> None:
        self._fast = fast
        self._ahead = timedelta()

    def now(self) -> datetime:
        return clock.now() + self._ahead

    def wait(self, span: timedelta) -> None:
        """Return when the site's clock has gone on by the span."""
        if self._fast:
            self._ahead += span
            return
        until = clock.now() + span
        while (left := (until - clock.now()).total_seconds()) > 0:
            time.sleep(min(left, _LOOK))
