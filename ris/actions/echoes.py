"""C-ECHO of ours to a station: asked for by a person, sent by a worker, kept as a row. Only writer of `EchoTest`."""

from datetime import timedelta
from typing import Final

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from dimse.echo import Echo, echo
from dimse.outcomes import NotReachable
from ris import audit, clock, outgoing
from ris.actions import auditing
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict, InvalidInput
from ris.models import EchoTest, Station

PATIENCE: Final = timedelta(seconds=30)
"""Past which a test that has not ended is over: no worker took it, or the one that did is gone."""
_NO_BROKER: Final = (
    "It was not sent: the message broker (Redis) does not answer, so that no worker can be asked. `make run` starts it again by itself; "
    "else start the one that REDIS_URL names. Then test again."
)
NOBODY: Final = "It was not sent in time: no worker took it within 30 s. Is the worker running? Then test again."


def ask(station: Station, actor: Actor) -> EchoTest:
    """Have a worker send a C-ECHO to the station; the row says what became of it, also when no worker can be asked. The audit trail has who
    asked for it, and for which host and port, for longer than the rows are kept.

    InvalidInput for a station without host and port, Conflict while one is under way.
    """
    from ris.tasks import send_echo  # a task imports this module

    test = _begin(station, actor)
    try:
        send_echo.apply_async((test.pk,), expires=PATIENCE.total_seconds(), retry=False)
    except (OperationalError, RedisError, OSError):
        _end(test.pk, Echo(EchoTest.Result.NO_WORKER, _NO_BROKER))
    test.refresh_from_db()
    return test


@action
def _begin(station: Station, actor: Actor) -> EchoTest:
    if not station.host or station.port is None:
        raise InvalidInput({"host": f"is not known: write the host and port at which {station.ae_title} answers a C-ECHO"})
    Station.objects.select_for_update().get(pk=station.pk)
    now = clock.wall()
    its = EchoTest.objects.filter(site=station.site_id, ae_title=station.ae_title)
    if its.filter(ended_at=None, asked_at__gt=now - PATIENCE).exists():
        raise Conflict(f"A C-ECHO to {station.ae_title} is under way already; its result shows in a moment.")
    its.filter(ended_at=None).update(ended_at=now, result=EchoTest.Result.NO_WORKER, text=NOBODY)
    test = EchoTest.objects.create(
        site=station.site,
        ae_title=station.ae_title,
        host=station.host,
        port=station.port,
        tls=station.tls,
        asked_at=now,
        asked_by=actor.name,
    )
    auditing.did(actor, audit.PROBE, audit.EXECUTE, f"C-ECHO to {station.ae_title} at {station.host}:{station.port}")
    kept = its.order_by("-pk").values_list("pk", flat=True)[: EchoTest.MOST_KEPT]
    its.exclude(pk__in=list(kept)).delete()
    return test


def send(test_id: int) -> None:
    """What the worker does. A test that is over is left alone, so that it is safe to run twice."""
    test = EchoTest.objects.select_related("site").filter(pk=test_id, ended_at=None).first()
    if test is None:
        return
    try:
        context = outgoing.context() if test.tls else None
    except NotReachable as error:
        _end(test_id, Echo(error.obstacle, str(error)))
        return
    _end(test_id, echo(test.host, test.port, calling=test.site.ae_title, called=test.ae_title, tls=context))


@action
def _end(test_id: int, met: Echo) -> None:
    EchoTest.objects.filter(pk=test_id, ended_at=None).update(
        ended_at=clock.wall(), result=met.result, text=met.words[:500], duration_ms=met.milliseconds
    )
