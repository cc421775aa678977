"""Exchanges that go wrong somewhere: a good one, with a few mutations of its bytes, its PDUs, its command sets or its data sets."""

import struct
from collections.abc import Callable
from random import Random

from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST
from tests.support import wire
from tests.support.dicom import encoded, worklist_query

_QUERY = encoded(worklist_query(PatientName="DOE*", PatientID="P1"))
_STEP = b"\x40\x00\x52\x02\x0c\x00\x00\x00IN PROGRESS "
_ODD_LENGTHS = (0, 1, 2, 3, 5, 7, 100, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def _a_find(random: Random) -> bytes:
    return wire.find(random.randint(0, 0xFFFF), _mutated_sometimes(_QUERY, random))


def _a_create(random: Random) -> bytes:
    command = wire.command(
        wire.N_CREATE, random.randint(0, 0xFFFF), sop_class=MODALITY_PERFORMED_PROCEDURE_STEP, instance="2.25.7", data_set=wire.DATA_SET
    )
    return wire.message(5, _mutated_sometimes(command, random), _mutated_sometimes(_STEP, random))


def _any_command(random: Random) -> bytes:
    field = random.choice((0x01, 0x10, 0x20, 0x21, 0x30, 0x0FFF, 0x100, 0x110, 0x120, 0x140, 0x150, 0x8020, random.randint(0, 0xFFFF)))
    sop_class = random.choice((None, MODALITY_WORKLIST, MODALITY_PERFORMED_PROCEDURE_STEP, "1.2.abc"))
    data_set = random.choice((None, wire.DATA_SET, wire.NO_DATA_SET))
    command = wire.command(field, random.choice((None, 1, 0xFFFF)), sop_class=sop_class, data_set=data_set)
    return wire.message(random.choice((1, 3, 5, 7)), _mutated_sometimes(command, random), random.choice((None, _QUERY, b"")))


_MESSAGES: tuple[Callable[[Random], bytes], ...] = (
    lambda random: wire.echo(random.randint(0, 0xFFFF)),
    _a_find,
    _a_create,
    _any_command,
    lambda random: wire.message(3, wire.command(wire.C_CANCEL, None, responds_to=random.randint(0, 5))),
    lambda random: random.choice((wire.RELEASE_RQ, wire.RELEASE_RP, wire.ABORT, wire.associate_rq())),
    lambda random: wire.pdu(random.randint(0, 12), random.randbytes(random.randint(0, 40))),
    lambda random: wire.pdu(4, wire.pdv(random.choice((1, 3, 5, 9)), random.randint(0, 7), random.randbytes(random.randint(0, 40)))),
)


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


def _mutated_sometimes(data: bytes, random: Random) -> bytes:
    return mutated(data, random) if random.random() < 0.3 else data


def exchange(random: Random) -> bytes:
    """All that a peer sends on one connection: mostly an association, some messages, a release; something in it is mostly wrong."""
    parts = [_mutated_sometimes(wire.associate_rq(), random) if random.random() < 0.3 else wire.associate_rq()]
    parts += [random.choice(_MESSAGES)(random) for _ in range(random.randint(0, 4))]
    if random.random() < 0.7:
        parts.append(wire.RELEASE_RQ)
    if random.random() < 0.2:
        random.shuffle(parts)
    whole = b"".join(parts)
    return mutated(whole, random) if random.random() < 0.5 else whole
