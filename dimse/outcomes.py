"""What becomes of what is asked of a peer: its answer, or an error by what to do next."""

from dataclasses import dataclass
from enum import StrEnum

from pydicom.dataset import Dataset

from dimse import policy, statuses
from dimse.statuses import StatusClass


@dataclass(frozen=True, slots=True)
class ScuAnswer:
    """A response: its status, what explains it, the instance it is about, and the data set of a success, if any."""

    status: int
    comment: str = ""
    error_id: int | None = None
    offending: tuple[int, ...] = ()
    sop_instance_uid: str = ""
    dataset: Dataset | None = None

    @property
    def ok(self) -> bool:
        """Success, or success with a warning."""
        return statuses.class_of(self.status) in (StatusClass.SUCCESS, StatusClass.WARNING)

    def __str__(self) -> str:
        comment = f": {self.comment}" if self.comment else ""
        return f"{self.status:04X}H ({statuses.name_of(self.status)}{comment})"


class ScuError(Exception):
    """The exchange with the peer failed; the message says how and what to look at."""


class Obstacle(StrEnum):
    """Why there is no connection."""

    UNRESOLVED = "UNRESOLVED"  # the host has a name that nobody knows
    REFUSED = "REFUSED"  # the host is there and nothing listens on the port
    SILENT = "SILENT"  # nothing came back in time: switched off, or a firewall that drops
    UNREACHABLE = "UNREACHABLE"  # no way to the host, or something else
    TLS = "TLS"  # connected, and no TLS
    MUTE = "MUTE"  # connected, and not a word of TLS in time


class NotReachable(ScuError):
    """No connection: look at host, port, firewall, and whether the peer runs. `obstacle` says why, where that is known."""

    def __init__(self, words: str, obstacle: Obstacle = Obstacle.UNREACHABLE) -> None:
        super().__init__(words)
        self.obstacle = obstacle


class Refused(ScuError):
    """The peer rejected the association: look at the AE titles, or at the peer's load when `transient`."""

    def __init__(self, peer: str, result: int, source: int, reason: int) -> None:
        self.result, self.source, self.reason = result, source, reason
        self.transient = result == 2
        words = policy.reason_in_words(source, reason)
        super().__init__(f"{peer} refused the association{' for now' if self.transient else ''}: {words} ({result}/{source}/{reason}).")


class NothingAccepted(ScuError):
    """The peer accepted the association but not the service: look at its configuration for our AE title."""


class Aborted(ScuError):
    """The peer aborted the association or closed the connection: look at its log."""


class TimedOut(ScuError):
    """The peer is connected and silent: try again, or look at its load."""


class SlowQuery(TimedOut):
    """The peer still answers a query when all the time for it is over: ask for less."""


class NonsenseAnswer(ScuError):
    """What came back is not DICOM, or breaks its rules: look at whether this is the right port."""


class FailureStatus(ScuError):
    """The peer answered with a failure status; `answer` holds it."""

    def __init__(self, peer: str, operation: str, answer: ScuAnswer) -> None:
        super().__init__(f"{peer} answered {operation} with {answer}.")
        self.answer = answer
