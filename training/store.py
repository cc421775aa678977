"""Where a virtual modality keeps its memory: a file for each AE title, this process, or whatever else opens one."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from urllib.parse import quote

from training.memory import Memory


class MemoryUnreadable(Exception):
    """The file is there and cannot be used; the message says why."""


class Store(Protocol):
    """Gives the memory of one modality to one user at a time."""

    def opened(self) -> AbstractContextManager[Memory]: ...


class _Unwritten(Memory):
    """Has nowhere to be written, and is not made ready for it."""

    def save(self) -> None:
        self.forget()


class TransientStore:
    """Remembers as long as the process lives."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._memory = _Unwritten(lambda _: None)

    @contextmanager
    def opened(self) -> Iterator[Memory]:
        with self._lock:
            yield self._memory


class FileStore:
    """One small JSON file for the AE title. Characters that mean something in a path are escaped."""

    def __init__(self, directory: Path, ae_title: str) -> None:
        self._directory = directory
        self._name = quote(ae_title, safe="")

    @property
    def path(self) -> Path:
        return self._directory / f"{self._name}.json"

    @contextmanager
    def opened(self) -> Iterator[Memory]:
        """Raises MemoryUnreadable, or OSError when the directory cannot be written."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / f"{self._name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._read()

    def _read(self) -> Memory:
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            return Memory.of({"exams": kept["exams"]} | kept, self._write)
        except FileNotFoundError:
            return Memory(self._write)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise MemoryUnreadable(
                f"{self.path} holds what this modality has in progress and cannot be read ({error}); repair or delete it."
            ) from error

    def _write(self, kept: dict[str, Any]) -> None:
        """Replace the file as a whole: after a power cut the old or the new one is there."""
        text = json.dumps(kept, ensure_ascii=False, indent=1)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self._directory, suffix=".new", delete=False) as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        Path(new.name).replace(self.path)
