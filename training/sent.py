"""What a virtual modality said over the network and what it was told, one record for each exchange."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from dimse.outcomes import ScuAnswer
from training.target import Target


@dataclass(frozen=True)
class Sent:
    """One request and its answer.

    `verb` is C-ECHO, C-FIND, N-CREATE or N-SET; `calling` the AE title that spoke; `answer` is None when there was none, and `failure`
    then says in words why. `answers` are the items of a C-FIND. `begun` is by the modality's clock; `seconds` were measured.
    """

    verb: str
    calling: str
    target: Target
    sop_instance_uid: str
    request: Dataset
    answer: ScuAnswer | None
    answers: Sequence[Dataset]
    failure: str
    begun: datetime
    seconds: float


Listener = Callable[[Sent], None]
"""Told of each exchange when it is over, well or not."""


class Counted:
    """A listener that keeps how many messages there were and none of them: a script may send ten thousand with long answers."""

    messages = 0

    def __call__(self, sent: Sent) -> None:
        self.messages += 1
