"""What a virtual modality remembers between two commands: one small JSON file for each AE title."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

_KEPT = 200  # exams that are over

SENT, IN_PROGRESS, ENDING = "SENT", "IN PROGRESS", "ENDING"
"""Our side of an exam: N-CREATE sent and not answered, answered, final N-SET sent and not answered. Then its final status."""

ENDED_ELSEWHERE = "ENDED ELSEWHERE"
"""The other side refused a change because the step is final there."""

OPEN = (SENT, IN_PROGRESS, ENDING)


class MemoryUnreadable(Exception):
    """The file is there and cannot be used; the message says why."""


@dataclass
class Exam:
    """One performed step. `started` is ISO 8601 with the offset; `what_is_done` is DICOM JSON.

    `unanswered` is the message (DICOM JSON) of SENT and ENDING, to be sent again as it was; `final_status` the state that
    an ENDING exam is to have.
    """

    sop_instance_uid: str
    state: str
    step_id: str
    accession_number: str
    target: str
    modality: str
    description: str
    protocol: str
    character_set: list[str]
    started: str
    what_is_done: dict[str, Any]
    final_status: str = ""
    unanswered: dict[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def is_called(self, name: str) -> bool:
        """Whether `name` is its step ID or its accession number."""
        return bool(name) and name in (self.step_id, self.accession_number)


class Memory:
    """The exams of one AE title, the latest last. Use it inside `opened`; `save` after each change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.exams = self._read()

    @classmethod
    @contextmanager
    def opened(cls, directory: Path, ae_title: str) -> Iterator["Memory"]:
        """The memory of the AE title, while no other command uses it. Characters that mean something in a path are escaped.

        Raises MemoryUnreadable, or OSError when the directory cannot be written.
        """
        directory.mkdir(parents=True, exist_ok=True)
        name = quote(ae_title, safe="")
        with (directory / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield cls(directory / f"{name}.json")

    def _read(self) -> list[Exam]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            return [Exam(**row) for row in rows["exams"]]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError) as error:
            raise MemoryUnreadable(
                f"{self._path} holds what this modality has in progress and cannot be read ({error}); repair or delete it."
            ) from error

    def save(self) -> None:
        """Replace the file as a whole: after a power cut the old or the new one is there."""
        over = [exam for exam in self.exams if not exam.is_open]
        forgotten = {id(exam) for exam in over[: max(0, len(over) - _KEPT)]}
        self.exams = [exam for exam in self.exams if id(exam) not in forgotten]
        text = json.dumps({"exams": [asdict(exam) for exam in self.exams]}, ensure_ascii=False, indent=1)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self._path.parent, suffix=".new", delete=False) as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        Path(new.name).replace(self._path)
