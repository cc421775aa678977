"""A modality's console that asks the worklist with whatever bytes its maker thought right."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from dimse import statuses
from dimse.decode import decode
from dimse.services import IMPLICIT_VR_LITTLE_ENDIAN
from tests.support import wire
from tests.support.odd_datasets import Element, Elements, encoded

PENDING = (statuses.PENDING, statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED)


def key(keyword: str, value: bytes = b"") -> Element:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return Element(tag, dictionary_VR(tag), value)


def items(keyword: str, *of: Sequence[Element]) -> Element:
    """A sequence of these items."""
    return key(keyword)._replace(value=[_in_order(item) for item in of])


def of_step(*keys: Element) -> Element:
    """The step sequence with one item."""
    return items("ScheduledProcedureStepSequence", keys)


def _in_order(elements: Sequence[Element]) -> Elements:
    return sorted(elements, key=lambda element: element.tag)


class Console:
    """An open association of one, with one transfer syntax."""

    def __init__(self, peer: wire.Peer, transfer_syntax: str) -> None:
        self.peer = peer
        self._transfer_syntax = transfer_syntax
        self._asked = 0

    def query(self, *elements: Element) -> bytes:
        """The PDUs of a C-FIND."""
        self._asked += 1
        return wire.find(self._asked, encoded(_in_order(elements), self._transfer_syntax))

    def cancel(self) -> bytes:
        """The PDU of a C-CANCEL of the last query."""
        return wire.message(3, wire.command(wire.C_CANCEL, None, responds_to=self._asked))

    def responses(self) -> tuple[list[int], list[Dataset]]:
        """Statuses of the responses to the last query, the final one last, and the identifiers of the pending ones."""
        seen, found = [], []
        while not seen or seen[-1] in PENDING:
            response = self.peer.response()
            seen.append(int.from_bytes(response[0x0900], "little"))
            if seen[-1] in PENDING:
                found.append(decode(response[-1], self._transfer_syntax).dataset)
        return seen, found

    def ask(self, *elements: Element) -> list[Dataset]:
        """The answers to a query that must succeed."""
        self.peer.send(self.query(*elements))
        seen, found = self.responses()
        assert seen[-1] == statuses.SUCCESS, hex(seen[-1])
        return found

    def patients(self, *elements: Element) -> list[str]:
        """The patient IDs that a query finds."""
        return [str(answer.PatientID) for answer in self.ask(*elements, key("PatientID"))]


@contextmanager
def opened(port: int, calling: str = "CT01", transfer_syntax: str = IMPLICIT_VR_LITTLE_ENDIAN) -> Iterator[Console]:
    """A console on an association of its own, which it releases in the end."""
    contexts = b"".join(wire.proposed(number, uid, transfer_syntax) for number, uid in wire.CONTEXTS)
    with wire.connected(port, timeout=30) as peer:
        yield Console(peer.associate(wire.associate_rq(calling, contexts=contexts)), transfer_syntax)
        peer.send(wire.RELEASE_RQ)
        assert peer.pdu()[0] == 6
