"""The other side of a virtual modality, and what to try when it does not answer as it should."""

from dataclasses import dataclass, field

from dimse.scu import NonsenseAnswer, NotReachable, Refused, ScuError, TimedOut, Timeouts

_CALLING_UNKNOWN, _CALLED_UNKNOWN = 3, 7  # reasons of the service user, PS3.8 Table 9-21
_SERVICE_USER = 1


@dataclass(frozen=True)
class Target:
    """The SCP that is asked and told: Stepwise or any other."""

    host: str
    port: int
    called: str
    timeouts: Timeouts = field(default_factory=Timeouts)

    def __str__(self) -> str:
        return f"{self.called} at {self.host}:{self.port}"


@dataclass(frozen=True)
class Ways:
    """How whoever uses the modality names another side: in words that end before "(asked: …)" and before a full stop."""

    reach: str
    call: str


COMMAND = Ways("Start it (`make run`), or name another one with --host and --port", "give the right one with --called")


def advice(error: ScuError, target: Target, calling: str, ways: Ways = COMMAND) -> str:
    """What to try next, as a sentence; empty when the error itself says it."""
    if isinstance(error, NotReachable):
        return f"{ways.reach} (asked: {target.host}, {target.port})."
    if isinstance(error, Refused):
        if error.transient:
            return "It is busy; try again in a moment."
        if error.source == _SERVICE_USER and error.reason == _CALLED_UNKNOWN:
            return f"It has another AE title than {target.called}; {ways.call}."
        if error.source == _SERVICE_USER and error.reason == _CALLING_UNKNOWN:
            return f"It does not know {calling}; register that station there, or let it accept unknown callers."
        return "Look at its log for why."
    if isinstance(error, TimedOut | NonsenseAnswer):
        return f"Is {target.host}:{target.port} its DICOM port? In its log, look whether it saw the association."
    return ""
