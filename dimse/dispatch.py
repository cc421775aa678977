"""Requests as they come from the network, the way back, and what must hold before a handler is asked; knows nothing of sockets."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dimse import statuses
from dimse.commands import COMMAND_FIELDS
from dimse.errors import DimseFailure
from dimse.interference import HangUp
from dimse.services import AssociationInfo, Service, Verb

_NAMING_AN_INSTANCE = (Verb.N_SET, Verb.N_GET)
_WITHOUT_DATA_SET = (Verb.C_ECHO, Verb.N_GET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request as its command set gives it; what is missing there is None."""

    verb: str
    message_id: int
    sop_class_uid: str | None
    sop_instance_uid: str | None
    attribute_identifiers: tuple[int, ...] = ()
    data: bytes | None = None
    abstract_syntax: str
    transfer_syntax: str
    is_duplicate: bool = False  # a request with this Message ID is still being answered


class Channel(Protocol):
    """The way back to the peer, in the presentation context of the request."""

    @property
    def info(self) -> AssociationInfo: ...
    def send(self, command: bytes, data: bytes | None) -> None:
        """The final response: it goes out when the exchange's turn ends."""

    def hang_up(self, how: HangUp, note: str, command: bytes, data: bytes | None) -> None:
        """End the association when the exchange's turn ends; a response that is cut is this one."""

    def send_many(self, command: bytes, data_sets: Sequence[bytes]) -> None:
        """Pending responses: they go out at once."""

    def is_cancelled(self) -> bool: ...
    def is_open(self) -> bool: ...
    def is_congested(self) -> bool: ...


def check(message: Message, service: Service | None) -> None:
    """What must hold before any handler is asked (PS3.7 9.1, 10.1, C.5). Raises DimseFailure.

    Whether a SOP Instance UID follows the rules is for the handler to say: it may have to do with modalities whose UIDs do not.
    """
    if message.is_duplicate:
        raise DimseFailure(statuses.DUPLICATE_INVOCATION, f"Message ID {message.message_id} is still being answered")
    if message.verb not in COMMAND_FIELDS:
        raise DimseFailure(statuses.UNRECOGNIZED_OPERATION, f"There is no operation {message.verb}")
    if message.sop_class_uid is None:
        raise DimseFailure(statuses.NO_SUCH_SOP_CLASS, "The request names no SOP class")
    if message.sop_class_uid != message.abstract_syntax:
        status = statuses.SOP_CLASS_NOT_SUPPORTED if message.verb.startswith("C-") else statuses.NO_SUCH_SOP_CLASS
        raise DimseFailure(status, "Not the SOP class of this presentation context")
    if service is None or message.verb not in service.handlers:
        raise DimseFailure(statuses.UNRECOGNIZED_OPERATION, f"{message.verb} is not offered for this SOP class")
    if message.verb in _WITHOUT_DATA_SET and message.data is not None:
        raise DimseFailure(statuses.MISTYPED_ARGUMENT, f"{message.verb} has no data set")
    if message.verb in _NAMING_AN_INSTANCE and not message.sop_instance_uid:
        raise DimseFailure(statuses.INVALID_SOP_INSTANCE, "The request names no SOP instance")
    if message.verb == Verb.C_FIND and message.data is None:
        raise DimseFailure(statuses.IDENTIFIER_DOES_NOT_MATCH, "The request has no Identifier")


def without_values(error: BaseException) -> str:
    """The error's type and where it was raised, without its message: that may hold what a patient is called."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    cause = error.__cause__ or error.__context__
    return f"{type(error).__name__}{f' after {type(cause).__name__}' if cause else ''}\n{frames}".rstrip()
