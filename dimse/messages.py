"""From presentation data values to whole messages (PS3.7 6.3, PS3.8 E): command set first, then its data set, one message at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dimse.associate import NegotiatedContext
from dimse.commands import Command, read_command
from dimse.pdu import COMMAND, LAST, AbortReason, InvalidPdu, Pdv

MAXIMUM_COMMAND: Final = 2**16
"""Bytes of the longest command set that is kept; those of the services here have a few hundred."""


@dataclass(frozen=True, slots=True)
class Received:
    """A whole message and the presentation context it came in. `data` is None when its command announced no data set."""

    context: NegotiatedContext
    command: Command
    data: bytes | None


class Assembler:
    """Puts the fragments of an association together; a data set has at most `maximum` bytes."""

    def __init__(self, contexts: Mapping[int, NegotiatedContext], maximum: int) -> None:
        self._contexts = contexts
        self._maximum = maximum
        self._context: NegotiatedContext | None = None  # of the message that has begun
        self._command: Command | None = None  # once it is complete
        self._data = bytearray()
        self.count = 0
        """Messages that were complete."""

    @property
    def has_begun(self) -> bool:
        """Whether a message is there in part."""
        return self._context is not None

    @property
    def what_is_missing(self) -> str:
        """In words; empty between two messages."""
        if self._command is None:
            return "a command was not completed" if self.has_begun else ""
        came = f"of which only {len(self._data)} bytes came" if self._data else "that never came"
        return f"{self._command.verb} announced a data set {came}"

    def add(self, pdv: Pdv) -> Received | None:
        """The message that `pdv` completes. Raises InvalidPdu for what may not follow, UndecodableCommand."""
        context = self._contexts.get(pdv.context_id)
        if context is None:
            raise InvalidPdu(f"presentation context {pdv.context_id} was not accepted")
        if self._context is not None and context is not self._context:
            problem = f"presentation context {pdv.context_id} came in the middle of a message of {self._context.id}"
            raise InvalidPdu(problem, AbortReason.UNEXPECTED_PARAMETER)
        is_command = bool(pdv.control & COMMAND)
        if is_command is not (self._command is None):
            problem = "another command" if is_command else "a data set"
            expected = self.what_is_missing or "no command announced one"
            raise InvalidPdu(f"{problem} came, but {expected}", AbortReason.UNEXPECTED_PARAMETER)
        self._context = context
        self._keep(pdv.fragment, MAXIMUM_COMMAND if is_command else self._maximum)
        return self._completed(context) if pdv.control & LAST else None

    def _keep(self, fragment: memoryview, limit: int) -> None:
        if len(self._data) + len(fragment) > limit:
            raise InvalidPdu(f"a {'data set' if self._command else 'command'} has more than {limit} bytes")
        self._data += fragment

    def _completed(self, context: NegotiatedContext) -> Received | None:
        """The message, unless its data set is still to come."""
        data = bytes(self._data)
        self._data.clear()
        if self._command is None:
            self._command = read_command(data)
            if self._command.has_data_set:
                return None
            received = Received(context, self._command, None)
        else:
            received = Received(context, self._command, data)
        self._context = self._command = None
        self.count += 1
        return received
