"""The other side of a virtual modality, and what to try when it does not answer as it should."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dimse import statuses
from dimse.outcomes import Aborted, NonsenseAnswer, NothingAccepted, NotReachable, Refused, ScuAnswer, ScuError, SlowQuery, TimedOut
from dimse.scu import Timeouts

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


def is_sent(error: ScuError) -> bool:
    """Whether the message may have arrived in spite of the error: not when there was no association to send it on."""
    return not isinstance(error, NotReachable | Refused | NothingAccepted)


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
    if isinstance(error, NothingAccepted):
        return f"Is it a server for this? Look there at what it offers to {calling}, and in which transfer syntaxes."
    if isinstance(error, Aborted):
        return "Its log says why."
    if isinstance(error, SlowQuery):
        return "Ask for less: one day, one station, one patient."
    if isinstance(error, TimedOut | NonsenseAnswer):
        return f"Is {target.host}:{target.port} its DICOM port? In its log, look whether it saw the association."
    return ""


_HINTS: Mapping[int, str] = {
    statuses.NO_SUCH_ATTRIBUTE: "It holds the exam to what was created; a server that is lenient with this station would take it.",
    statuses.INVALID_ATTRIBUTE_VALUE: "A server that is lenient with this station would take it, or another profile.",
    statuses.MISSING_ATTRIBUTE: "A server that is lenient with this station would take it, or another profile.",
    statuses.MISSING_ATTRIBUTE_VALUE: "A server that is lenient with this station would take it, or another profile.",
    statuses.PROCESSING_FAILURE: "Its log says why.",
    statuses.DUPLICATE_SOP_INSTANCE: "That UID is used there already: begin with a new one.",
    statuses.NO_SUCH_SOP_INSTANCE: "It does not know the exam: was its N-CREATE refused or lost, or sent to another server?",
    statuses.INVALID_SOP_INSTANCE: "That UID breaks the rules of PS3.5 9.1.",
    statuses.NO_SUCH_SOP_CLASS: "Is it a server for this?",
    statuses.SOP_CLASS_NOT_SUPPORTED: "Is it a server for this?",
    statuses.UNRECOGNIZED_OPERATION: "Is it a server for this?",
    statuses.NOT_AUTHORIZED: "Let it allow this to the station.",
    statuses.RESOURCE_LIMITATION: "It is busy; try again in a moment.",
    statuses.OUT_OF_RESOURCES: "Ask for less: one day, one station.",
    statuses.IDENTIFIER_DOES_NOT_MATCH: "It does not take such a query; ask for less, or with another profile.",
}
_UNABLE = range(statuses.UNABLE_TO_PROCESS, 0xD000)


def hint(answer: ScuAnswer) -> str:
    """What to try after a failure status, as a sentence."""
    if answer.error_id == statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED:
        return "What is final stays so: `append` begins another performed step."
    if answer.status in _UNABLE:
        return "It could not make sense of the request; its log says why."
    return _HINTS.get(answer.status, "Its log says why.")
