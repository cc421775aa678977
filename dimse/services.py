"""How an application offers a DIMSE service: requests with everything decoded, handlers that are plain functions, one `Service` each.

A handler gets a request and returns statuses of `dimse.statuses` with data sets; to refuse, it raises `DimseFailure`. Any other
exception is answered as a failure too (C-FIND C001H, else 0110H) and logged; the association lives on. Handlers run on a bounded
pool of worker threads, one request of an association at a time. Example:

    def find(request: FindRequest) -> Iterator[FindAnswer]:
        name = request.identifier.get("PatientName")
        if name is None:
            raise DimseFailure(statuses.IDENTIFIER_DOES_NOT_MATCH, "PatientName is asked for here", offending=[0x00100010])
        for entry in entries_of(request.association.calling_ae_title):
            if request.is_cancelled():
                yield statuses.CANCELED, None
                return
            yield statuses.PENDING, entry.as_dataset()

    def create(request: CreateRequest) -> Answer:
        store(request.sop_instance_uid, request.attribute_list)
        return statuses.SUCCESS, None

    WORKLIST = Service("1.2.840.10008.5.1.4.31", "Modality Worklist", {Verb.C_FIND: find})

The final success response of a C-FIND is sent when its iterator ends.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydicom.dataset import Dataset

from dimse.errors import DimseFailure
from dimse.tls import Secured

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
TRANSFER_SYNTAXES: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)

VERIFICATION: Final = "1.2.840.10008.1.1"
MODALITY_WORKLIST: Final = "1.2.840.10008.5.1.4.31"
MODALITY_PERFORMED_PROCEDURE_STEP: Final = "1.2.840.10008.3.1.2.3.3"
MPPS_RETRIEVE: Final = "1.2.840.10008.3.1.2.3.4"
MPPS_NOTIFICATION: Final = "1.2.840.10008.3.1.2.3.5"


class Verb(StrEnum):
    """DIMSE operations that can be offered."""

    C_ECHO = "C-ECHO"
    C_FIND = "C-FIND"
    N_CREATE = "N-CREATE"
    N_SET = "N-SET"
    N_GET = "N-GET"


@dataclass(frozen=True, slots=True)
class AssociationInfo:
    """Who asks: AE titles without padding, the peer's address, and the identity the journal knows the association by.

    `extended` is what was agreed in words of the service class, by SOP class (the answers of `Service.negotiate`). `secured` is None for a
    plain connection.
    """

    id: UUID
    calling_ae_title: str
    called_ae_title: str
    address: str
    port: int
    extended: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    secured: Secured | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every request carries.

    `raw` is the data set as received, in `transfer_syntax`; `notes` are the oddities that were tolerated when it was decoded, in words
    (bytes outside the declared character set, numbers that cannot be read), for the station's findings.
    """

    association: AssociationInfo
    message_id: int
    sop_class_uid: str
    transfer_syntax: str
    raw: bytes = b""
    notes: tuple[str, ...] = ()


def _unheard(remark: str) -> None:
    """Where there is no journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindRequest(Request):
    """C-FIND-RQ (PS3.7 9.1.2). `is_cancelled()` turns true when the C-CANCEL for this request has arrived.

    `remark(text)` adds to what the journal says beside the response: what people should know about the answers.
    """

    identifier: Dataset
    is_cancelled: Callable[[], bool]
    remark: Callable[[str], None] = _unheard


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest(Request):
    """N-CREATE-RQ (PS3.7 10.1.5). A request without Affected SOP Instance UID gets a new one, which the response returns."""

    sop_instance_uid: str
    uid_was_assigned: bool
    attribute_list: Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRequest(Request):
    """N-SET-RQ (PS3.7 10.1.3)."""

    sop_instance_uid: str
    modification_list: Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class GetRequest(Request):
    """N-GET-RQ (PS3.7 10.1.2). No `attribute_identifiers` asks for all attributes."""

    sop_instance_uid: str
    attribute_identifiers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EncodedAnswers:
    """Pending answers of one status whose identifiers are encoded already, in the transfer syntax of the request.

    They are sent together; between two of these it is seen whether the request was canceled.
    """

    status: int
    identifiers: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class GetAnswer:
    """What an N-GET is answered. `left_out` are tags that were asked for and are not in the list: what 0001H and 0107H are about."""

    status: int
    attribute_list: Dataset
    left_out: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Warned:
    """An N-CREATE or N-SET that was done, with a status of the class warning. `offending` are the attributes that it is about."""

    status: int
    comment: str
    offending: tuple[int, ...]


Answer = tuple[int, Dataset | None]
FindAnswer = tuple[int, Dataset | None] | EncodedAnswers
EchoHandler = Callable[[Request], Answer]
FindHandler = Callable[[FindRequest], Iterator[FindAnswer]]
CreateHandler = Callable[[CreateRequest], Answer | Warned]
SetHandler = Callable[[SetRequest], Answer | Warned]
GetHandler = Callable[[GetRequest], GetAnswer]
Handler = EchoHandler | FindHandler | CreateHandler | SetHandler | GetHandler


@dataclass(frozen=True, slots=True)
class Service:
    """One SOP class offered by the server, with a handler for each operation that it has.

    An operation without a handler is answered with 0211H (Unrecognized operation). `negotiate` says what is accepted of a SOP Class
    Extended Negotiation (PS3.7 D.3.3.5), from the bytes proposed to those to answer; without it there is no answer: nothing is accepted.
    `on_failure` hears of every request that was answered with a failure, whoever found it (what cannot be decoded never meets a handler),
    but for failures on purpose.
    """

    sop_class_uid: str
    name: str
    handlers: Mapping[Verb, Handler]
    transfer_syntaxes: tuple[str, ...] = TRANSFER_SYNTAXES
    negotiate: Callable[[bytes], bytes] | None = None
    on_failure: Callable[[AssociationInfo, DimseFailure], None] | None = None
