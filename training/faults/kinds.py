"""The table of faults: what each does in words, where it can hold, and what it can be told. What it does on the wire is `effects`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from dimse import policy, statuses
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, MPPS_RETRIEVE, VERIFICATION, Verb
from training.faults.parameters import Choice, Number, Parameter, Text


class Place(Enum):
    """Where a fault holds."""

    NETWORK = "a station or all, a service or all"
    STATION = "a station or all"
    ONE_STATION = "one station"
    PROCESS = "a process that all share"


SERVICES: Final[dict[str, str]] = {"worklist": "Worklist", "mpps": "MPPS", "verification": "Verification"}
SYNTAXES: Final[dict[str, frozenset[str]]] = {
    "worklist": frozenset({MODALITY_WORKLIST}),
    "mpps": frozenset({MODALITY_PERFORMED_PROCEDURE_STEP, MPPS_RETRIEVE}),
    "verification": frozenset({VERIFICATION}),
}
"""Services by name, with the abstract syntaxes of each."""

REJECTIONS: Final[dict[str, policy.Reject]] = {
    "calling-ae-title-not-recognized": policy.Reject(1, 1, 3, ""),
    "called-ae-title-not-recognized": policy.Reject(1, 1, 7, ""),
    "application-context-name-not-supported": policy.Reject(1, 1, 2, ""),
    "no-reason-given": policy.Reject(1, 1, 1, ""),
    "acse-no-reason-given": policy.Reject(1, 2, 1, ""),
    "protocol-version-not-supported": policy.Reject(1, 2, 2, ""),
    "temporary-congestion": policy.Reject(2, 3, 1, ""),
    "local-limit-exceeded": policy.Reject(2, 3, 2, ""),
}
"""Every reason of PS3.8 Table 9-21, with the result that it goes with."""


def _in_words(verdict: policy.Reject) -> str:
    lasts = "transient" if verdict.result == policy.TRANSIENT else "permanent"
    reason = policy.reason_in_words(verdict.source, verdict.reason)
    return f"{verdict.result}/{verdict.source}/{verdict.reason} {reason} ({lasts})"


FINAL: Final = "may-no-longer-be-updated"
"""0110H as a performed step answers that is final: with Error ID A710H (PS3.4 F.7.2.2.3)."""
_GENERAL: Final = (0x0124, 0x0210, 0x0211, 0x0212, 0x0213)
FAILURES: Final[dict[str, tuple[int, ...]]] = {
    Verb.C_FIND: (0xA700, 0xA900, 0xC000, 0x0122),
    Verb.N_CREATE: (0x0105, 0x0106, 0x0110, 0x0111, 0x0117, 0x0118, 0x0120, 0x0121, 0x0122, *_GENERAL),
    Verb.N_SET: (0x0105, 0x0106, 0x0110, 0x0112, 0x0117, 0x0118, 0x0119, 0x0121, 0x0122, *_GENERAL),
    Verb.N_GET: (0x0110, 0x0112, 0x0117, 0x0118, 0x0119, *_GENERAL),
}
"""The failures that each operation can be answered with (PS3.4 Table K.4-1; PS3.7 10.1.2, 10.1.3, 10.1.5), and 0122H, which some SCPs
answer to an N-CREATE or N-SET as well."""


def _slug(status: int) -> str:
    return statuses.name_of(status).lower().replace("refused: ", "").replace(" ", "-")


STATUSES: Final[dict[str, int]] = {
    **{_slug(status): status for status in sorted({one for listed in FAILURES.values() for one in listed})},
    FINAL: statuses.PROCESSING_FAILURE,
}
_MEANT: Final = {name: f"{status:04X} {statuses.name_of(status)}" for name, status in STATUSES.items()} | {
    FINAL: "A710 Processing failure (0110), may no longer be updated"
}


def statuses_of(operation: str) -> list[str]:
    """The names of the failures that an operation can be answered with."""
    listed = FAILURES[operation]
    return [name for name, status in STATUSES.items() if status in listed and (name != FINAL or operation == Verb.N_SET)]


@dataclass(frozen=True, slots=True)
class Kind:
    """`what` says what happens, `told` what the journal says, with the words of its parameters in braces."""

    name: str
    title: str
    what: str
    place: Place
    told: str
    parameters: tuple[Parameter, ...] = ()
    services: tuple[str, ...] = ()

    def in_words(self, parameters: Mapping[str, Any]) -> str:
        """`told` with the words of these parameters."""
        return self.told.format(**{one.name: one.shown(parameters.get(one.name, one.default)) for one in self.parameters})

    @property
    def of_station(self) -> bool:
        return self.place is not Place.PROCESS


_ALL: Final = tuple(SERVICES)
_AFTER: Final = Number("after", "After so many answers", 1, 0, 10_000)
CHARGE_PROCESSOR, BROKER, SKEW = "charge-processor-down", "broker-down", "clock-skew"
REFUSED_CHARGE, LATE_ACK, DROPPED_ACK = "charge-refused", "charge-ack-late", "charge-ack-dropped"

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "delay",
            "Late answers",
            "What is asked is done at once, and the response comes late: a modality that does not wait for it will ask again.",
            Place.NETWORK,
            "answered {seconds} late",
            (Number("seconds", "Late by", 10, 1, 600, "s"),),
            _ALL,
        ),
        Kind(
            "reject",
            "Associations rejected",
            "Each association is answered with A-ASSOCIATE-RJ, for a reason of PS3.8 Table 9-21. With a service: those that ask for it.",
            Place.NETWORK,
            "association rejected, {reason}",
            (Choice("reason", "Reason", "temporary-congestion", {name: _in_words(one) for name, one in REJECTIONS.items()}),),
            _ALL,
        ),
        Kind(
            "abort",
            "Abort in the middle",
            "A-ABORT after some answers of a worklist query; in the place of the response to anything else, which has been done.",
            Place.NETWORK,
            "aborted behind answer {after}",
            (_AFTER,),
            _ALL,
        ),
        Kind(
            "cut",
            "Connection breaks within a message",
            "The connection closes in the middle of a P-DATA-TF PDU: of the answer behind the last whole one, or of the response.",
            Place.NETWORK,
            "connection broken within the message behind answer {after}",
            (_AFTER,),
            _ALL,
        ),
        Kind(
            "failure",
            "Failure status",
            "Requests of one operation are answered with a failure status, and nothing of them is done or kept.",
            Place.STATION,
            "{operation} answered {status}",
            (
                Choice("operation", "Operation", Verb.N_CREATE.value, {str(verb): str(verb) for verb in FAILURES}),
                Choice("status", "Status", "processing-failure", _MEANT),
                Text("comment", "Error Comment, as a device would send it"),
            ),
        ),
        Kind(
            "truncate",
            "List cut short",
            "A worklist query gets the first answers and Success, as if there were no more.",
            Place.STATION,
            "list ended behind answer {after}",
            (Number("after", "After so many answers", 5, 0, 10_000),),
        ),
        Kind(
            "character-set",
            "Wrong character set",
            "Worklist answers declare a character set (0008,0005) that their bytes are not in.",
            Place.STATION,
            "character set: {declared}",
            (
                Choice(
                    "declared",
                    "What is declared",
                    "another",
                    {
                        "another": "ISO_IR 100 where the bytes are UTF-8, else ISO_IR 192",
                        "none": "nothing, whatever the bytes are",
                        "unknown": "ISO_IR 999, which does not exist",
                    },
                ),
            ),
        ),
        Kind(
            "duplicate",
            "Entries twice",
            "Some worklist answers come twice.",
            Place.STATION,
            "1 of {every} entries sent twice",
            (Number("every", "Every so many entries", 1, 1, 1000),),
        ),
        Kind(
            "missing",
            "Entries missing",
            "Some worklist answers are left out.",
            Place.STATION,
            "1 of {every} entries left out",
            (Number("every", "Every so many entries", 2, 1, 1000),),
        ),
        Kind(
            "mpps-outage",
            "MPPS outage",
            "No performed step can be reported; the worklist goes on, on associations that do not ask for MPPS or have it refused.",
            Place.STATION,
            "MPPS outage: {how}",
            (
                Choice(
                    "how",
                    "How",
                    "context",
                    {
                        "refused": "associations that ask for MPPS are rejected",
                        "context": "the presentation context of MPPS is not accepted",
                        "silent": "requests of MPPS get no answer, and nothing is done",
                    },
                ),
            ),
        ),
        Kind(
            "drop-response",
            "Response lost after the work",
            "An MPPS message is stored and acted on, then the connection closes without a response: a good modality sends it again.",
            Place.STATION,
            "response to {operation} dropped after the work was done",
            (
                Choice(
                    "operation",
                    "Operation",
                    "both",
                    {"both": "N-CREATE and N-SET", Verb.N_CREATE.value: "N-CREATE", Verb.N_SET.value: "N-SET"},
                ),
            ),
        ),
        Kind(
            CHARGE_PROCESSOR,
            "Charge processor down",
            "The demo charge processor closes its port and its connections: charges wait and are posted when it is back.",
            Place.PROCESS,
            "the charge processor is down",
        ),
        Kind(
            REFUSED_CHARGE,
            "Charges refused",
            "The demo charge processor books nothing and answers every charge with AE or AR: it has failed until a person sends it again.",
            Place.PROCESS,
            "charges refused, {code}: {text}",
            (
                Choice("code", "MSA-1", "AE", {"AE": "AE, an error in the message", "AR": "AR, rejected as it is"}),
                Text("text", "What it says (MSA-3)", "Account unknown"),
            ),
        ),
        Kind(
            LATE_ACK,
            "Acknowledgements late",
            "The demo charge processor books at once and acknowledges late; who sends has given up after 10 s and sends again.",
            Place.PROCESS,
            "charges acknowledged {seconds} late",
            (Number("seconds", "Late by", 15, 1, 600, "s"),),
        ),
        Kind(
            DROPPED_ACK,
            "Acknowledgements lost",
            "The demo charge processor books, then closes the connection without an acknowledgement: the charge comes again and again.",
            Place.PROCESS,
            "charges booked and not acknowledged",
        ),
        Kind(
            BROKER,
            "Broker down",
            "Redis takes nothing and gives nothing out (CLIENT PAUSE … WRITE): no task begins until it goes on.",
            Place.PROCESS,
            "the broker is down",
        ),
        Kind(
            SKEW,
            "Clock of a station wrong",
            "The virtual modalities of a station run on a clock that is fast, or slow where the number is negative.",
            Place.ONE_STATION,
            "its clock is wrong by {seconds}",
            (Number("seconds", "Fast by", 900, -86_400, 86_400, "s"),),
        ),
    )
}
"""By name."""
