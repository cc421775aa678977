"""What was seen of a station since a check was begun, in plain values: what `stepwise.connecting.lines` judges."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, VERIFICATION
from ris.web.echoes import EchoSeen
from ris.web.given_up import GivenUp

ACCEPTED: Final = "accepted"
NAMES: Final = {
    VERIFICATION: "Verification",
    MODALITY_WORKLIST: "Modality Worklist",
    MODALITY_PERFORMED_PROCEDURE_STEP: "Modality Performed Procedure Step",
}


@dataclass(frozen=True)
class Call:
    """An association, or a connection that made none (no AE titles). `proposed` are abstract syntaxes with what became of each in words.

    `secured` is what it was secured by, `is_plain` that it came on the port without TLS (neither: not known); `taken_for` what somebody
    did who spoke no DICOM (`dimse.strangers.NoDicom`)."""

    id: UUID
    at: datetime
    calling: str
    called: str
    address: str
    rejection: str = ""
    note: str = ""
    secured: str = ""
    is_plain: bool = False
    taken_for: str = ""
    proposed: Mapping[str, str] = field(default_factory=dict)
    said: frozenset[str] = frozenset()
    """DIMSE operations that were asked for in it."""

    @property
    def is_accepted(self) -> bool:
        return not self.rejection and bool(self.calling)


@dataclass(frozen=True)
class QuerySeen:
    """A worklist query with its outcome: `got` of `of`, None without an answer. `explain` is the page that explains it.

    `others` are the stations whose lists it asked for instead of its own, as it named them; `advice` then says what to set.
    """

    at: datetime
    call: UUID
    got: int | None
    of: int
    said: str
    failure: str = ""
    advice: str = ""
    explain: str = ""
    has_test: bool = False
    others: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether it asked for its own exams and got some."""
        return bool(self.got) and not self.failure and not self.others


@dataclass(frozen=True)
class MppsSeen:
    """An N-CREATE or N-SET and its answer. `state` is what the station itself made of the performed step, empty where none is kept.

    `unknown` are the identifiers it named of which none is an exam here; None where it was refused. `notes` are findings in words.
    `lost` are the identifiers of the worklist item that it did not bring back, though its exam was found. `wrong` tells the vendor of a
    finding by which exams or charges go wrong. `by_hand`: a person linked it to an exam.
    """

    at: datetime
    call: UUID
    status: int
    comment: str = ""
    state: str = ""
    performed: int | None = None
    unknown: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    wrong: str = ""
    by_hand: bool = False

    @property
    def is_done(self) -> bool:
        return self.performed is not None and self.unknown is not None


@dataclass(frozen=True)
class ChargeSeen:
    """A charge of what was performed. `held` says why a real one would wait for a person."""

    id: int
    control_id: str
    status: str
    amount: str
    is_test: bool = False
    held: str = ""
    error: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Evidence:
    """All of it, each kind with the latest first. `strangers` are calls under AE titles that nobody here has, and without any; `given_up`
    those of their titles that were a station's.

    `titles` are the AE titles that we let ourselves be called by. `addresses` are those that it may call from, none meaning from anywhere.
    `uncharged` says why there is no charge of what ended.
    """

    ae_title: str
    titles: tuple[str, ...]
    host: str = ""
    port: int | None = None
    addresses: tuple[str, ...] = ()
    strict: bool = True
    reports: bool = True
    only_local: bool = False
    listens: str = ""
    tls_port: int = 0
    plain_port: int = 0
    journal: bool = True
    calls: tuple[Call, ...] = ()
    strangers: tuple[Call, ...] = ()
    given_up: Mapping[str, GivenUp] = field(default_factory=dict)
    echo: EchoSeen | None = None
    queries: tuple[QuerySeen, ...] = ()
    creates: tuple[MppsSeen, ...] = ()
    sets: tuple[MppsSeen, ...] = ()
    charges: tuple[ChargeSeen, ...] = ()
    uncharged: str = ""
    test: str = ""
    """Accession number of the test exam, empty when there is none."""
