"""The broker down: Redis itself holds back all that would write, the giving out of tasks included, until it is told or its time is up."""

import contextlib
from collections.abc import Iterator

import redis
from django.conf import settings
from redis.exceptions import RedisError, ResponseError

from ris.errors import Conflict

_PATIENCE = 2.0  # seconds


def pause(seconds: float) -> None:
    """From now on for so long (`CLIENT PAUSE … WRITE`, Redis 6.2 or later). Raises Conflict when Redis does not."""
    with _asked("CLIENT PAUSE", "It takes Redis 6.2 or later, and a user who may.") as client:
        client.client_pause(round(seconds * 1000), all=False)


def go_on() -> None:
    """Raises Conflict when Redis does not."""
    with _asked("CLIENT UNPAUSE", "It goes on by itself at the time that was set.") as client:
        client.client_unpause()


@contextlib.contextmanager
def _asked(command: str, advice: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE)
    try:
        with contextlib.closing(client):
            yield client
    except ResponseError as error:
        raise Conflict(f"Redis refused {command}: {error}. {advice}") from error
    except RedisError as error:
        raise Conflict(f"Redis does not answer {command} ({error}); is it running? Nothing was changed.") from error
