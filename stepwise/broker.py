"""How Celery meets a Redis that comes and goes."""

from typing import Any

import structlog
from celery.app.amqp import AMQP
from celery.beat import PersistentScheduler, ScheduleEntry, SchedulingError
from kombu.connection import Connection
from kombu.transport.redis import Channel, Transport
from redis.exceptions import ConnectionError as RedisConnectionError

from dimse.dispatch import without_values

RETRY_INTERVAL_MAX = 2  # seconds; Kombu's own 30 would leave charges waiting for that long after Redis is back

log = structlog.get_logger(__name__)


class PlainChannel(Channel):
    """A channel that says so when its connection is gone: a task that was being done when Redis went is to be acknowledged on it.

    Kombu's own trips over the missing connection instead (AttributeError), which ends the worker. The message stays in Redis and is given
    out again after `visibility_timeout`.
    """

    def _connparams(self, *args: Any, **kwargs: Any) -> Any:
        if self.connection.client is None:
            raise RedisConnectionError("the connection to Redis is gone")
        return super()._connparams(*args, **kwargs)


class PlainTransport(Transport):
    Channel = PlainChannel


class PromptConnection(Connection):
    """A broker connection that is tried again at least every `RETRY_INTERVAL_MAX` seconds."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> "PromptConnection":
        kwargs.setdefault("interval_start", 0.5)
        kwargs.setdefault("interval_step", 0.5)
        kwargs.setdefault("interval_max", RETRY_INTERVAL_MAX)
        super().ensure_connection(*args, **kwargs)
        return self

    def get_transport_cls(self) -> Any:
        found = super().get_transport_cls()
        return PlainTransport if found is Transport else found


class PromptAMQP(AMQP):
    Connection = PromptConnection


class Scheduler(PersistentScheduler):
    """Beat's scheduler, which says in one line that a due task could not be sent; Celery's own logs two tracebacks every time."""

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            log.warning("a due task was not sent; it is sent when it is next due", error=without_values(error))
