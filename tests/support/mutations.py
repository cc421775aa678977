"""Exchanges that go wrong somewhere: in their PDUs, in their command sets, in their data sets, or nowhere."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from typing import Any

from pydicom.dataset import Dataset

from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, TRANSFER_SYNTAXES
from tests.support import wire
from tests.support.dicom import worklist_query
from tests.support.odd_datasets import Elements, elements_of, encoded, spoiled
from tests.support.scans import acquire
from training.performed import COMPLETED, Device, final, in_progress, what_is_done


class Level(StrEnum):
    """Where something is wrong. A level above is right, so that what is wrong arrives where it is to be noticed."""

    PDU = "PDUs"
    COMMAND = "command sets"
    DATA = "data sets"
    NONE = "nothing"


@dataclass(frozen=True)
class Exchange:
    """What a peer says on one connection, and where it is wrong.

    `opening` is a right association request, whose answer is awaited: what came before that would end the association, whatever it is.
    It is empty where the request is wrong too.
    """

    opening: bytes
    rest: bytes
    wrong: Level

    def carry_out(self, peer: wire.Peer, cut: float = 1.0) -> bytes:
        """All that comes back until the end of the connection; `cut` divides the rest into two pieces. Raises TimeoutError."""
        received = bytearray()
        with suppress(ConnectionResetError, BrokenPipeError, EOFError):
            if self.opening:
                peer.send(self.opening)
                received += wire.pdu(*peer.pdu())
            first = int(len(self.rest) * cut)
            peer.send(self.rest[:first])
            peer.send(self.rest[first:])
            if self.wrong is Level.PDU:  # else the release at its end is understood, and every request before it is answered
                with suppress(OSError):  # the other end may have closed it
                    peer.connection.shutdown(socket.SHUT_WR)
            while more := peer.connection.recv(65536):
                received += more
        return bytes(received)


_LEVELS = (Level.PDU,) * 5 + (Level.COMMAND,) * 4 + (Level.DATA,) * 5 + (Level.NONE,)
_MESSAGES = (1, 1, 1, 2)
_FIRST, _FURTHER = 1.0, 0.3  # how often a message is spoiled
_ODD_LENGTHS = (0, 1, 2, 3, 5, 7, 100, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_OTHERWISE: tuple[dict[str, Any], ...] = (
    *({"sop_class": one} for one in (None, "", "1.2.abc", wire.VERIFICATION, MODALITY_WORKLIST, MODALITY_PERFORMED_PROCEDURE_STEP)),
    *({"instance": one} for one in (None, "", "1.02.3", "9" * 65, "1.2.abc", "2.25.7", "é")),
    *({"message_id": None}, {"message_id": 0}, {"data_set": None}, {"data_set": wire.NO_DATA_SET}, {"data_set": 0}, {"responds_to": 3}),
    *({"extra": wire.element(number, value)} for number, value in ((0x0700, 9), (0x0900, 0), (0x1005, b"\x40\x00"), (0x1031, "x"))),
    *({"extra": wire.element(0x0110, 5)}, {"extra": wire.element(0x0010, "X", group=8)}, {"extra": wire.element(0x0902, "A" * 70_000)}),
)
_FIELDS = (0x01, 0x10, 0x20, 0x21, 0x30, 0x0FFF, 0x100, 0x110, 0x120, 0x140, 0x150, 0x8020)


def _queries() -> tuple[Elements, ...]:
    asked: tuple[dict[str, object], ...] = (
        {"PatientName": "*a*", "PatientID": "", "AccessionNumber": "", "RequestedProcedureID": "", "StudyInstanceUID": ""},
        {"PatientID": "", "PatientBirthDate": "", "PatientSex": "", "SpecificCharacterSet": "ISO_IR 100"},
        {"AccessionNumber": "A1", "RequestedProcedureCodeSequence": [Dataset()], "ReferringPhysicianName": ""},
    )
    made = [worklist_query(**keys) for keys in asked]
    step = made[1].ScheduledProcedureStepSequence[0]
    step.ScheduledStationAETitle = "CT01"
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = "20260101-", "0000-2359"
    return tuple(map(elements_of, made))


def _performed() -> tuple[Elements, Elements]:
    """The attribute list of an N-CREATE and the modification list of the N-SET that completes it."""
    item, began = Dataset(), datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    item.PatientName, item.PatientID, item.StudyInstanceUID, item.AccessionNumber = "FUZZ^Ann", "F1", "2.25.77", "A77"
    device = Device("CT01", "CT", operator="WEBER^Jan")
    series = acquire(device, "CT chest", "CHEST", Random(1), share=0.02)
    return elements_of(in_progress([item], device, began, "PPS-1")), elements_of(final(COMPLETED, what_is_done([item]), series, began))


_QUERIES = _queries()
_CREATED, _COMPLETED = _performed()


@dataclass
class _Peer:
    """Makes the messages of one exchange."""

    random: Random
    wrong: Level
    transfer_syntax: str
    instance: str
    spoils: float = _FIRST

    def associate(self) -> bytes:
        return wire.associate_rq(contexts=b"".join(wire.proposed(number, uid, self.transfer_syntax) for number, uid in wire.CONTEXTS))

    def message(self) -> bytes:
        made = self.random.choice(_WAYS[self.wrong])(self)
        self.spoils = _FURTHER
        return made

    def spoil(self, level: Level) -> bool:
        return self.wrong is level and self.random.random() < self.spoils

    def command(self, field: int, **parts: Any) -> bytes:
        """A command set; a spoiled one has something wrong in its bytes, or says one thing that it should not."""
        parts = {"message_id": self.random.randint(0, 0xFFFF)} | parts
        if not self.spoil(Level.COMMAND):
            return wire.command(field, **parts)
        if self.random.random() < 0.3:
            return mutated(wire.command(field, **parts), self.random)
        return wire.command(field, **(parts | self.random.choice(_OTHERWISE)))

    def data(self, elements: Elements) -> bytes:
        if not self.spoil(Level.DATA):
            return encoded(elements, self.transfer_syntax)
        if self.random.random() < 0.3:
            return mutated(encoded(elements, self.transfer_syntax), self.random)
        return encoded(spoiled(elements, self.random), self.transfer_syntax)

    def echo(self) -> bytes:
        return wire.message(1, self.command(wire.C_ECHO, sop_class=wire.VERIFICATION))

    def find(self) -> bytes:
        command = self.command(wire.C_FIND, sop_class=MODALITY_WORKLIST, data_set=wire.DATA_SET)
        return wire.message(3, command, self.data(self.random.choice(_QUERIES)))

    def create(self) -> bytes:
        return self._mpps(wire.N_CREATE, _CREATED)

    def complete(self) -> bytes:
        return self._mpps(wire.N_SET, _COMPLETED)

    def perform(self) -> bytes:
        return self.create() + self.complete()

    def cancel(self) -> bytes:
        return wire.message(3, self.command(wire.C_CANCEL, message_id=None, responds_to=self.random.randint(0, 5)))

    def any_command(self) -> bytes:
        """One that says something else than what it is."""
        field = self.random.choice((*_FIELDS, self.random.randint(0, 0xFFFF)))
        sop_class = self.random.choice((None, MODALITY_WORKLIST, MODALITY_PERFORMED_PROCEDURE_STEP, "1.2.abc"))
        announced = self.random.choice((None, wire.DATA_SET, wire.NO_DATA_SET))
        command = wire.command(field, self.random.choice((None, 1, 0xFFFF)), sop_class=sop_class, data_set=announced)
        return wire.message(self.random.choice((1, 3, 5, 7)), command, self.random.choice((None, self.data(_QUERIES[0]), b"")))

    def _mpps(self, field: int, elements: Elements) -> bytes:
        sop_class = MODALITY_PERFORMED_PROCEDURE_STEP
        command = self.command(field, sop_class=sop_class, instance=self.instance, data_set=wire.DATA_SET)
        return wire.message(5, command, self.data(elements))


_WITH_DATA = (*(_Peer.find,) * 7, _Peer.create, _Peer.create, _Peer.complete, _Peer.perform)  # what is stored takes ten times as long
_RIGHT = (*_WITH_DATA, *(_Peer.echo, _Peer.cancel) * 2)
_WAYS: dict[Level, tuple[Callable[[_Peer], bytes], ...]] = {
    Level.PDU: _RIGHT,
    Level.COMMAND: (*_RIGHT, *(_Peer.any_command,) * 3),
    Level.DATA: _WITH_DATA,
    Level.NONE: _RIGHT,
}


def mutated(data: bytes, random: Random) -> bytes:
    """`data` with one thing wrong."""
    at = random.randrange(len(data) + 1)
    length = struct.pack(random.choice(("<L", ">L")), random.choice(_ODD_LENGTHS))
    return random.choice(
        (
            data[:at],
            data[:at] + random.randbytes(random.randint(1, 8)) + data[at:],
            data[:at] + random.randbytes(1) + data[at + 1 :],
            data[:at] + data[at + random.randint(1, 12) :],
            data[:at] + length + data[at + 4 :],
            data[:at] + data[max(0, at - 30) : at] + data[at:],
        )
    )


def _any_mutated(parts: list[bytes], random: Random) -> bytes:
    return mutated(b"".join(parts), random)


def _shuffled(parts: list[bytes], random: Random) -> bytes:
    random.shuffle(parts)
    return b"".join(parts)


def _with_another(parts: list[bytes], random: Random) -> bytes:
    """A PDU at a moment when it is not expected, or of no kind that there is."""
    odd = random.choice(
        (
            *(wire.RELEASE_RQ, wire.RELEASE_RP, wire.ABORT, wire.associate_rq()),
            wire.pdu(random.randint(0, 12), random.randbytes(random.randint(0, 40))),
            wire.pdu(4, wire.pdv(random.choice((1, 3, 5, 9)), random.randint(0, 7), random.randbytes(random.randint(0, 40)))),
        )
    )
    parts.insert(random.randint(0, len(parts)), odd)
    return b"".join(parts)


_PDUS: tuple[Callable[[list[bytes], Random], bytes], ...] = (_any_mutated, _shuffled, _with_another)


def exchange(random: Random) -> Exchange:
    """An association, some messages, mostly a release; right above the level at which something is wrong."""
    wrong = random.choice(_LEVELS)
    peer = _Peer(random, wrong, random.choice(TRANSFER_SYNTAXES), f"2.25.{random.getrandbits(64)}")
    opening, parts = peer.associate(), [*(peer.message() for _ in range(random.choice(_MESSAGES))), wire.RELEASE_RQ]
    if wrong is not Level.PDU:
        return Exchange(opening, b"".join(parts), wrong)
    match random.randrange(4):
        case 0:
            return Exchange(b"", mutated(opening, random) + b"".join(parts), wrong)
        case 1:
            return Exchange(b"", random.choice(_PDUS)([opening, *parts], random), wrong)
        case _:
            return Exchange(opening, random.choice(_PDUS)(parts, random), wrong)
