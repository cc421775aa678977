"""`GET /healthz`: whether every part of a running Stepwise answers, proven by using it.

The database is read, Redis is pinged, the worker has beaten lately, and the DICOM port answers a C-ECHO on an association of
its own. Stations that have gone quiet are counted, and fail nothing. The checks run side by side, each for at most `PATIENCE`
seconds; what they found is kept for two seconds.

Everybody may ask, and is told which part fails in words of ours. Addresses, ports and what a driver says are for the log and for who may
see the association log (`journal.view`: a session or a token), who is told the quiet stations of their hospital by name, too.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from ninja.errors import AuthenticationError

from billing.outages import watch
from dimse.entries import HEALTH_AE_TITLE
from dimse.outcomes import ScuError
from dimse.scu import Timeouts, open_association
from ris import queries
from ris.accounts import account_of
from ris.api.auth import Bearer
from ris.errors import NotFound, NotPermitted, Throttled
from ris.kept import keep
from ris.models import Heartbeat, Site
from ris.permissions import allowed
from ris.validation import printable
from ris.web import recording

KEPT = 2.0  # seconds
PATIENCE = 3.0  # seconds
HEARTBEAT_AGE = 20.0  # seconds; the worker beats every 5
_NETWORK = 1.5  # seconds for one step of a conversation

log = structlog.get_logger(__name__)

Check = Callable[[], str]
"""Returns a few words about what answered, or raises one of `_FAILURES`."""


class UnhealthyError(Exception):
    """A part answers, and is not well."""


_IN_WORDS: Mapping[type[Exception], str] = {
    DatabaseError: "the database does not answer as it should; the log says more",
    redis.RedisError: "Redis does not answer; the log says more",
    ScuError: "the DICOM port does not answer a C-ECHO; the log says more",
    OSError: "cannot be reached; the log says more",
    ValueError: "is not set up as it should; the log says more",  # a malformed REDIS_URL
}
_STATUSES: Mapping[type[Exception], int] = {AuthenticationError: 401, NotPermitted: 403, Throttled: 429}
_FAILURES: tuple[type[Exception], ...] = (UnhealthyError, *_IN_WORDS)


@dataclass(frozen=True)
class Finding:
    """What one check found, in words for everybody; `exact` is what the part itself said of a failure, if anything."""

    ok: bool
    detail: str
    exact: str = ""

    def told(self, exactly: bool) -> str:
        return (exactly and self.exact) or self.detail

    def as_json(self, exactly: bool = False) -> dict[str, str]:
        return {"status": "ok" if self.ok else "failed", "detail": self.told(exactly)}


def check_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return connection.vendor


def check_redis() -> str:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=_NETWORK, socket_timeout=_NETWORK)
    with contextlib.closing(client):
        client.ping()
    return "PONG"


def check_worker() -> str:
    """By wall time: a simulated clock must not hide a dead worker."""
    beat = Heartbeat.objects.filter(process="worker").first()
    if beat is None:
        raise UnhealthyError("the worker has not given a sign of life yet")
    age = (datetime.now(UTC) - beat.at).total_seconds()
    if age > HEARTBEAT_AGE:
        raise UnhealthyError(f"the worker's last sign of life is {age:.0f} s old; is it running?")
    return f"heartbeat {max(age, 0):.0f} s ago"


def check_dicom() -> str:
    started = time.monotonic()
    timeouts = Timeouts(connect=_NETWORK, association=_NETWORK, response=_NETWORK, idle=_NETWORK)
    host, port = settings.DICOM_HOST, settings.DICOM_PORT
    with open_association(host, port, calling=HEALTH_AE_TITLE, called=settings.AE_TITLE, timeouts=timeouts) as association:
        association.echo()
    return f"C-ECHO in {(time.monotonic() - started) * 1000:.0f} ms"


def check_stations() -> str:
    """What modalities leave out is told here and makes nobody unhealthy: a restart of this system would not bring their MPPS back."""
    try:
        quiet = sum(len(watch.outages(site)) for site in Site.objects.order_by("pk"))
    except DatabaseError:
        return "not known: the database does not answer"
    return f"{quiet} {'is' if quiet == 1 else 'are'} quiet: exams due, none started" if quiet else "none is quiet"


def quiet_stations(sites: Iterable[Site]) -> str:
    """The same for who may know which they are. Raises DatabaseError."""
    quiet = [one for site in sites for one in watch.outages(site)]
    return "; ".join(f"{one.station} is quiet, {one.due} exams due, none started" for one in quiet) or "none is quiet"


CHECKS: Mapping[str, Check] = {
    "database": check_database,
    "redis": check_redis,
    "worker": check_worker,
    "dicom": check_dicom,
    "stations": check_stations,
}


class Checkup:
    """Runs the checks, all at once and one round at a time; those who ask meanwhile get the same answer."""

    def __init__(self, checks: Mapping[str, Check], *, kept: float = KEPT, patience: float = PATIENCE) -> None:
        self._checks = checks
        self._kept = kept
        self._patience = patience
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None  # made at first use: a server may fork after the import
        self._running: dict[str, Future[Finding]] = {}
        self._found: dict[str, Finding] = {}
        self._found_at = float("-inf")

    def findings(self) -> dict[str, Finding]:
        """Component to what was found, at most `kept` seconds ago."""
        with self._lock:
            if time.monotonic() - self._found_at > self._kept:
                self._tell(self._round())
                self._found_at = time.monotonic()
            return self._found

    def _round(self) -> dict[str, Finding]:
        self._pool = self._pool or ThreadPoolExecutor(len(self._checks), thread_name_prefix="health")
        for name, check in self._checks.items():
            if name not in self._running:  # one that still hangs is waited for again, not doubled
                self._running[name] = self._pool.submit(_run, check)
        deadline = time.monotonic() + self._patience
        return {name: self._result(name, deadline) for name in self._checks}

    def _result(self, name: str, deadline: float) -> Finding:
        running = self._running[name]
        try:
            return running.result(max(deadline - time.monotonic(), 0))
        except NotInTime:
            return Finding(False, f"no answer within {self._patience:g} s")
        finally:
            if running.done():
                del self._running[name]

    def _tell(self, found: dict[str, Finding]) -> None:
        """Log what changed: the endpoint is asked every few seconds."""
        for name, finding in found.items():
            before = self._found.get(name)
            if not finding.ok and (before is None or before.ok):
                log.warning("a component does not answer", component=name, detail=finding.told(exactly=True))
            elif finding.ok and before is not None and not before.ok:
                log.info("a component answers again", component=name)
        self._found = found


def _run(check: Check) -> Finding:
    try:
        return Finding(True, check())
    except _FAILURES as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        words = next((words for kind, words in _IN_WORDS.items() if isinstance(error, kind)), said)
        return Finding(False, words, said)
    finally:
        connections.close_all()  # this thread's own; back to the pool where there is one


_checkup = Checkup(CHECKS)


def findings() -> dict[str, Finding]:
    """Component to what was found, at most two seconds ago."""
    return _checkup.findings()


def _stations_told(request: HttpRequest) -> str | None:
    """The quiet stations for who may see the association log, by hospital; None for everybody else, and while the database cannot tell.

    Who has to choose another password is told nothing before, here as elsewhere. A token that is refused is told as little as none, and
    entered in the audit trail as anywhere: nobody tries tokens here unseen.
    """
    try:
        if request.headers.get("Authorization"):
            return _told_by_token(request)
        user = request.user
        if user.is_authenticated and allowed(user, "journal.view") and not account_of(user).must_change_password:
            return quiet_stations([queries.site_of(user)])
    except (NotFound, DatabaseError):
        return None
    return None


def _told_by_token(request: HttpRequest) -> str | None:
    try:
        user = Bearer("journal.view")(request).user
    except (AuthenticationError, NotPermitted, Throttled) as error:
        recording.record_refusal(request, _STATUSES[type(error)], printable(str(error))[:250])
        return None
    return quiet_stations(Site.objects.order_by("pk") if user is None else [queries.site_of(user)])


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when every component answers, else 503; both name each component."""
    found = findings()
    ok = all(finding.ok for finding in found.values())
    stations = _stations_told(request)
    components = {name: finding.as_json(stations is not None) for name, finding in found.items()}
    if stations is not None and "stations" in components:
        components["stations"]["detail"] = stations
    response = JsonResponse({"status": "ok" if ok else "failed", "components": components}, status=200 if ok else 503)
    response["Cache-Control"] = "no-store"
    # Django would log every 503 as an error of ours; `Checkup` logs what changed.
    keep(response, "_has_been_logged", True)
    return response
