"""A folder as the receiver of charge messages: one file a message, which another system fetches.

A file stands under its name when it is whole and on the disk; the same message again takes the place of the file, so that nobody who
counts by control ID counts it twice.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from billing.errors import NoAnswer, NotReached
from billing.hl7_answers import Ack

MODE: Final = 0o640
"""Of a file: it names patients, and is for who fetches it, by the group of the folder."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where charge messages are put as `CONTROL_ID.hl7`: UTF-8, segments ended by CR, no MLLP around them."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def send(self, message: str, control_id: str) -> Ack:
        """Put the message on the disk and return the proof, which has no code since nobody read it.

        NotReached when it cannot be put there; NoAnswer when it may stand there and is not known to be on the disk.
        """
        data, name = message.encode(), f"{control_id}.hl7"
        draft = self.path / f".{control_id}.{uuid4().hex}.part"
        try:
            _write(draft, data)
            draft.replace(self.path / name)
        except OSError as error:
            with suppress(OSError):  # the folder may be gone altogether
                draft.unlink(missing_ok=True)
            raise NotReached(f"{name} cannot be written into {self.path}: {error.strerror or error}.") from error
        try:
            _keep(self.path)
        except OSError as error:
            raise NoAnswer(f"{name} stands in {self.path}, maybe not on its disk: {error.strerror or error}.") from error
        self._clear(control_id)
        return Ack("", f"Written as {name}")

    def problem(self) -> str:
        """Why nothing can be put there; empty when it can."""
        if not self.path.is_dir():
            return "is no folder"
        return "" if os.access(self.path, os.W_OK | os.X_OK) else "cannot be written"

    def _clear(self, control_id: str) -> None:
        """What tries that were killed left half written."""
        for left in self.path.glob(f".{control_id}.*.part"):
            with suppress(OSError):
                left.unlink()


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), MODE)  # whatever the umask of the process takes away
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _keep(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
