"""Why something is not billed, the likeliest first, each from a fact that was looked up."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from django.db.models import Max

from billing import queries
from billing.models import Charge
from billing.sending import Sending, sending
from billing.transitions import FAILED
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.models import Heartbeat, ScheduledProcedureStep, Site, Station
from ris.transitions import SCHEDULED
from ris.web import times

WINDOW: Final = timedelta(days=31)
_ITS_OWN: Final = timedelta(minutes=1)
"""After an exam began: its own first message may have been written down by then, and says nothing of others."""
WORKER_SILENT: Final = 20.0
"""Seconds without a sign of life of the worker, which gives one every five."""


class Facts:
    """What is asked for many rows at once, looked up once and only when asked."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._now = clock.now(site)

    @cached_property
    def _last_mpps(self) -> dict[str, datetime]:
        rows = PerformedProcedureStep.objects.filter(site=self._site, received_at__gte=self._now - WINDOW).order_by()
        return dict(rows.values_list("station_ae_title").annotate(Max("received_at")))

    @cached_property
    def _not_reporting(self) -> set[str]:
        return set(Station.objects.filter(site=self._site, reports_performed_steps=False).values_list("ae_title", flat=True))

    @cached_property
    def _sending(self) -> Sending:
        return sending(self._site)

    @cached_property
    def _worker(self) -> str:
        """By wall time. With Redis down the worker gives no sign of life either."""
        beat = Heartbeat.objects.filter(process="worker").first()
        if beat is None:
            return "The worker that sends charges has given no sign of life: it, or Redis, is down."
        age = (clock.wall() - beat.at).total_seconds()
        return f"The worker that sends charges is silent for {age:.0f} s: it, or Redis, is down." if age > WORKER_SILENT else ""

    def not_posted(self, charge: Charge) -> tuple[str, ...]:
        """A hold, a refusal or no acknowledgement, what has to go first, the worker, the receiver."""
        if charge.status == FAILED:
            refused = f"{'Nobody acknowledged it' if charge.is_dead_letter else 'The charge processor refused it'}: {charge.error}"
            is_booked = not charge.is_dead_letter and not queries.is_untold(charge)
            return (refused, "An earlier try had no answer: it may be booked all the same.") if is_booked else (refused,)
        if charge.on_hold:
            return (f"On hold: {charge.on_hold}",)
        if before := queries.waits_for(charge):
            return (f"It is sent when {before} is posted.",)
        failure = self._sending.failure
        is_news = failure is not None and self._sending.is_failing and failure.text != charge.error
        refusing = f"The last try to deliver any charge failed: {failure.text}" if failure and is_news else ""
        own = f"Its last try: {charge.error}" if charge.error else ""
        return tuple(filter(None, (self._worker, own, refusing))) or ("It is to be sent; no try has failed.",)

    def quiet(self, station: str) -> tuple[str, ...]:
        """How long the station has said nothing."""
        if not station:
            return ("It is booked on no station.",)
        if station in self._not_reporting:
            return (f"{station} is set not to report performed steps: each of its MPPS is refused.",)
        last = self._last_mpps.get(station)
        if last is None:
            return (f"No MPPS from {station} in the last {WINDOW.days} days.",)
        return (f"No MPPS from {station} since {times.moment_near(last, clock.today(self._site))}.",)

    def too_long(self, begun_at: datetime, station: str) -> tuple[str, ...]:
        """A station that spoke since it began lives: then the end of this exam is likelier to be missing."""
        last = self._last_mpps.get(station)
        if last is not None and last > begun_at + _ITS_OWN and station not in self._not_reporting:
            return (f"{station} has sent MPPS since, not the end of this exam.",)
        return self.quiet(station)

    def overdue(self, step: ScheduledProcedureStep, station: str) -> tuple[str, ...]:
        """A station that spoke since its time has reported others: then the patient is likelier to be missing."""
        last = self._last_mpps.get(station)
        missing = "The patient has not been marked as arrived." if step.status == SCHEDULED else ""
        if last is not None and step.start is not None and last > step.start:
            return tuple(filter(None, (missing, f"{station} has sent MPPS since, not for this exam.")))
        return tuple(filter(None, (*self.quiet(station), missing)))
