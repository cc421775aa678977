"""SOP Class Extended Negotiation of the worklist over a plain socket: what is answered, and that it holds for the association's queries."""

import struct

import pytest

from dimse.server import DicomServer
from dimse.services import MODALITY_WORKLIST
from ris.models import Site
from tests.integration.dimse.bad_input import extended_negotiation
from tests.support import wire
from tests.support.hospital import an_order
from worklist.agreement import answer


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (b"\1\1\1\1", b"\1\1\1\1"),
        (b"\1\1\1", b"\1\1\1"),
        (b"\1\1\0\1", b"\1\1\0\1"),
        (b"\1\1\1\1\1\1", b"\1\1\1\1\0\0"),
        (b"\0\0\2\1", b"\0\0\0\1"),
        (b"", b""),
    ],
)
def test_as_many_bytes_are_answered_as_were_asked(asked: bytes, answered: bytes) -> None:
    assert answer(asked) == answered


def extended(body: bytes) -> bytes | None:
    """What the A-ASSOCIATE-AC answers for the worklist; None when it says nothing of it."""
    uid = MODALITY_WORKLIST.encode()
    mark = struct.pack(">H", len(uid)) + uid
    position = body.find(mark)
    if position < 0:
        return None
    kind, length = struct.unpack(">BxH", body[position - 4 : position])
    assert kind == 0x56
    return body[position + len(mark) : position + length]


def found(peer: wire.Peer, name: bytes) -> int:
    """How many answers a query by this name gets."""
    peer.send(wire.find(data=struct.pack("<HHL", 0x10, 0x10, len(name)) + name))
    count = 0
    while peer.status() in (0xFF00, 0xFF01):
        count += 1
    return count


@pytest.mark.parametrize(
    ("asked", "answered", "answers"), [(b"\1\1\1\1", b"\1\1\1\1", 1), (b"\1\1\1", b"\1\1\1", 1), (b"\1\1\0", b"\1\1\0", 0), (None, None, 0)]
)
def test_names_are_matched_by_sound_only_where_it_was_agreed(
    site: Site, server: DicomServer, asked: bytes | None, answered: bytes | None, answers: int
) -> None:
    an_order(name="SCHMIDT^Jürgen")
    items = b"" if asked is None else extended_negotiation(MODALITY_WORKLIST, asked)
    with wire.connected(server.port) as peer:
        peer.send(wire.associate_rq(user_items=items))
        kind, body = peer.pdu()
        assert (kind, extended(body)) == (2, answered)
        assert found(peer, b"JUERGEN^SMITH ") == answers
        assert found(peer, b"SCHMIDT*") == 1


def test_where_the_worklist_is_not_proposed_nothing_is_answered_for_it(site: Site, server: DicomServer) -> None:
    with wire.connected(server.port) as peer:
        peer.send(
            wire.associate_rq(contexts=wire.proposed(1, "1.2.840.10008.1.1"), user_items=extended_negotiation(MODALITY_WORKLIST, b"\1\1\1"))
        )
        kind, body = peer.pdu()
        assert (kind, extended(body)) == (2, None)
