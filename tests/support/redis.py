"""A real Redis of a test's own, on a unix socket, which may be killed and started again with its data."""

import os
import tempfile
from pathlib import Path

import redis

from stepwise.supervisor.checks import redis_server_binary
from tests.support.processes import Process
from tests.support.wait import wait_until


class RedisServer(Process):
    """`directory` keeps its append-only file; the socket lies where its path is short enough (108 bytes)."""

    def __init__(self, directory: Path) -> None:
        self.socket = Path(tempfile.gettempdir()) / f"stepwise-test-{os.getpid()}-{id(self):x}.sock"
        directory.mkdir(parents=True, exist_ok=True)
        command = [str(redis_server_binary()), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(directory)]
        super().__init__([*command, "--appendonly", "yes", "--save", ""], directory / "redis.log")

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> "RedisServer":
        super().start()
        wait_until(self._answers, 10, "Redis answers")
        return self

    def kill(self) -> None:
        super().kill()
        self.socket.unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
