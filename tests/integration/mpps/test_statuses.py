"""Each status that the conformance statement has for N-CREATE and N-SET, over a plain socket: what it carries; nothing is applied."""

import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from pydicom.dataset import Dataset

from billing.models import Charge
from dimse.decode import decode
from dimse.server import DicomServer
from dimse.services import IMPLICIT_VR_LITTLE_ENDIAN, Verb
from dimse.statuses import ERROR_ID_MAY_NO_LONGER_BE_UPDATED
from dimse.uids import new_uid
from mpps import actions
from mpps.models import Finding, MppsMessage, PerformedProcedureStep, PerformedSeries, PerformedStepChange, StepLink
from ris.actions import stations
from ris.actions.stations import StationData
from ris.models import ScheduledProcedureStep, StepChange
from tests.integration.dimse import bad_input
from tests.support import wire
from tests.support.dicom import encoded
from tests.support.hospital import ACTOR, a_site, an_order, steps_of
from tests.support.mpps import a_create, a_series, an_end, an_item, received

CONFORMANCE = Path(__file__).parents[3] / "docs" / "conformance.md"
OPEN, FINAL = "2.25.111", "2.25.222"
"""UIDs of performed steps that are there already."""
APPLIED = (PerformedProcedureStep, PerformedSeries, StepLink, Finding, PerformedStepChange, ScheduledProcedureStep, StepChange, Charge)


@dataclass(frozen=True)
class Case:
    """A message that is refused. `listed`: tags of its Attribute List, a data set; `tags`: those of the Attribute Identifier List
    (0000,1005) where there is no data set."""

    status: int
    sent: Callable[[], bytes]
    error_id: int | None = None
    tags: tuple[int, ...] = ()
    listed: tuple[int, ...] = ()
    is_kept: bool = True
    station: str = "CT01"


def create(**changes: object) -> bytes:
    return bad_input.created(**changes)


def change(uid: str = OPEN, **changes: object) -> bytes:
    return bad_input.modify(uid, encoded(an_end(**changes)))


def study_of_the_exam() -> str:
    return str(ScheduledProcedureStep.objects.select_related("requested_procedure").get().requested_procedure.study_instance_uid)


REASON = [Dataset()]
NO_DATE: dict[str, object] = {"PerformedProcedureStepStartDate": "20261301"}
CASES: dict[str, Case] = {
    "N-CREATE lacks the status": Case(0x0120, lambda: create(PerformedProcedureStepStatus=None), tags=(0x00400252,)),
    "N-CREATE lacks type 2": Case(0x0120, lambda: create(PatientSex=None, StudyID=None), tags=(0x00100040, 0x00200010)),
    "N-CREATE lacks the code of a code": Case(
        0x0120, lambda: create(ProcedureCodeSequence=[Dataset()]), tags=(0x00080100,)
    ),
    "N-CREATE with an empty status": Case(0x0121, lambda: create(PerformedProcedureStepStatus=""), listed=(0x00400252,)),
    "N-CREATE with no item": Case(0x0121, lambda: create(ScheduledStepAttributesSequence=[]), listed=(0x00400270,)),
    "N-CREATE with a final status": Case(0x0106, lambda: create(PerformedProcedureStepStatus="COMPLETED"), listed=(0x00400252,)),
    "N-CREATE with a date that is none": Case(0x0106, lambda: create(**NO_DATE), listed=(0x00400244,)),
    "N-CREATE with a study UID that is none": Case(
        0x0106, lambda: create(ScheduledStepAttributesSequence=[an_item(StudyInstanceUID="1.2.x")]), listed=(0x0020000D,)
    ),
    "N-CREATE of a known UID": Case(0x0111, lambda: bad_input.create(encoded(a_create()), OPEN)),
    "N-CREATE of a UID that is none": Case(0x0117, lambda: bad_input.create(encoded(a_create()), "1.02.3")),
    "N-CREATE that cannot be decoded": Case(0x0110, lambda: bad_input.create(b"\x10\0\x10\0\xff\0\0\0DOE"), None, (0x00100010,), (), False),
    "N-CREATE of another class": Case(
        0x0118,
        lambda: wire.message(
            5, wire.command(wire.N_CREATE, sop_class="1.2.3", instance=new_uid(), data_set=wire.DATA_SET), b"\x10\0\x20\0\0\0\0\0"
        ),
        is_kept=False,
    ),
    "N-CREATE with what MPPS does not define": Case(
        0x0105, lambda: create(Rows=512, PatientAge="040Y", Columns=512), tags=(0x00280010, 0x00280011), station="EXACT"
    ),
    "N-CREATE of a station that is not to report": Case(0x0124, create, station="MUTE"),
    "N-SET with what MPPS does not define": Case(0x0105, lambda: change(Rows=512), tags=(0x00280010,), station="EXACT"),
    "N-SET of a station that is not to report": Case(0x0124, change, station="MUTE"),
    "N-SET of another patient": Case(0x0105, lambda: change(PatientID="OTHER", Modality="MR"), tags=(0x00100020, 0x00080060)),
    "N-SET of an unknown status": Case(0x0106, lambda: change(status="ABANDONED"), listed=(0x00400252,)),
    "N-SET of an unknown instance": Case(0x0112, lambda: change(new_uid())),
    "N-SET of a study": Case(0x0119, lambda: change(study_of_the_exam())),
    "N-SET of a UID that is none": Case(0x0117, lambda: change("1.02.3")),
    "N-SET of a final step": Case(0x0110, lambda: change(FINAL), error_id=ERROR_ID_MAY_NO_LONGER_BE_UPDATED),
    "N-SET that completes without an end": Case(0x0121, lambda: change(PerformedProcedureStepEndTime=None), listed=(0x00400251,)),
    "N-SET that completes without series": Case(0x0121, lambda: change(PerformedSeriesSequence=[]), listed=(0x00400340,)),
    "N-SET that completes without protocol": Case(
        0x0121, lambda: change(PerformedSeriesSequence=[a_series(), a_series(ProtocolName="")]), listed=(0x00181030,)
    ),
    "N-SET whose item lacks an attribute": Case(
        0x0121, lambda: change(status="IN PROGRESS", PerformedSeriesSequence=[a_series(OperatorsName=None)]), listed=(0x00081070,)
    ),
    "N-SET with a reason without meaning": Case(
        0x0121, lambda: change(PerformedProcedureStepDiscontinuationReasonCodeSequence=REASON), listed=(0x00080104,)
    ),
}  # fmt: skip


def everything() -> dict[str, list[dict[str, object]]]:
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in APPLIED}


def test_every_status_refuses_and_applies_nothing(server: DicomServer) -> None:
    stations.save_station(a_site(), StationData("EXACT", ("CT",), refuses_undefined_attributes=True), ACTOR)
    stations.save_station(a_site(), StationData("MUTE", ("CT",), reports_performed_steps=False), ACTOR)
    step = steps_of(an_order())[0]
    actions.n_create(received(Verb.N_CREATE, OPEN, a_create(step)))
    actions.n_create(received(Verb.N_CREATE, FINAL, a_create()))
    actions.n_set(received(Verb.N_SET, FINAL, an_end()))
    before = everything()
    got = {name: refused(server, case) for name, case in CASES.items()}
    assert got == {name: expected(case) for name, case in CASES.items()}
    assert everything() == before
    assert Counter(MppsMessage.objects.exclude(status=0).values_list("status", flat=True)) == Counter(
        case.status for case in CASES.values() if case.is_kept
    )


Refusal = tuple[int, int | None, tuple[int, ...], tuple[int, ...], bool]
"""Status, Error ID, Attribute Identifier List, tags of the Attribute List, and whether all tables are as they were."""


def expected(case: Case) -> Refusal:
    return case.status, case.error_id, case.tags or case.listed, case.listed, True


def refused(server: DicomServer, case: Case) -> Refusal:
    before = everything()
    with wire.connected(server.port) as peer:
        peer.associate(wire.associate_rq(case.station, contexts=bad_input.CONTEXTS))
        peer.send(case.sent())
        answer = peer.response()
    assert 0 < len(answer[0x0902]) <= 64
    error_id = int.from_bytes(answer[0x0903], "little") if 0x0903 in answer else None
    status = int.from_bytes(answer[0x0900], "little")
    return status, error_id, tags_in(answer.get(0x1005, b"")), listed_in(answer.get(-1, b"")), everything() == before


def tags_in(value: bytes) -> tuple[int, ...]:
    words = struct.unpack(f"<{len(value) // 2}H", value)
    return tuple(group << 16 | number for group, number in zip(words[::2], words[1::2], strict=True))


def listed_in(data: bytes) -> tuple[int, ...]:
    return tuple(map(int, decode(data, IMPLICIT_VR_LITTLE_ENDIAN).dataset.keys())) if data else ()


@pytest.mark.parametrize(
    ("station", "sent", "status", "tags"),
    [
        ("WARNED", {"Rows": 512, "Columns": 512}, 0x0107, (0x00280010, 0x00280011)),
        ("WARNED", {"PerformedProcedureStepStatus": "In_Progress"}, 0x0116, (0x00400252,)),
        ("WARNED", {"SOPClassUID": "1.2.840.10008.3.1.2.3.3", "PatientComments": ""}, 0x0000, ()),
        ("LENIENT", {"Rows": 512, "PerformedProcedureStepStatus": "In_Progress"}, 0x0000, ()),
    ],
    ids=["undefined attributes", "misspelled status", "nothing odd", "not to be warned"],
)
def test_who_wants_warnings_is_told_of_what_was_taken(
    server: DicomServer, station: str, sent: dict[str, object], status: int, tags: tuple[int, ...]
) -> None:
    stations.save_station(a_site(), StationData("WARNED", ("CT",), strict=False, warns=True), ACTOR)
    uid, end = new_uid(), {"status": "COMPLETED"} | {name: value for name, value in sent.items() if name == "Rows"}
    for number, message in enumerate((bad_input.create(encoded(a_create(**sent)), uid), bad_input.modify(uid, encoded(an_end(**end))))):
        answer = answered(server, station, message)
        expected_status = status if not number or status != 0x0116 else 0
        assert (int.from_bytes(answer[0x0900], "little"), answer[0x1000].rstrip(b"\0")) == (expected_status, uid.encode())
        assert tags_in(answer.get(0x1005, b"")) == (tags if not number else tags[:1] if status == 0x0107 else ())
        assert MppsMessage.objects.latest("pk").status == expected_status
    performed = PerformedProcedureStep.objects.get(sop_instance_uid=uid)
    assert (performed.status, "00280010" in performed.attributes) == ("COMPLETED", "Rows" in sent)


@pytest.mark.parametrize("verb", [Verb.N_CREATE, Verb.N_SET])
def test_a_message_id_that_is_being_answered_is_0210_and_applies_nothing(server: DicomServer, verb: Verb) -> None:
    uid, other, data = new_uid(), new_uid(), encoded(a_create())
    if verb == Verb.N_CREATE:
        first, second = (bad_input.create(data, one, message_id=7) for one in (uid, other))
    else:
        for one in (uid, other):
            actions.n_create(received(Verb.N_CREATE, one, a_create()))
        first, second = (bad_input.modify(one, encoded(an_end()), message_id=7) for one in (uid, other))
    before = PerformedProcedureStep.objects.filter(sop_instance_uid=other).values().first()
    with wire.connected(server.port) as peer:
        peer.associate(wire.associate_rq(contexts=bad_input.CONTEXTS))
        peer.send(first + second)
        answers = [peer.response(), peer.response()]
    told = {answer[0x1000].rstrip(b"\0").decode(): int.from_bytes(answer[0x0900], "little") for answer in answers}
    assert told == {uid: 0, other: 0x0210}
    assert PerformedProcedureStep.objects.filter(sop_instance_uid=other).values().first() == before


def answered(server: DicomServer, station: str, message: bytes) -> dict[int, bytes]:
    with wire.connected(server.port) as peer:
        peer.associate(wire.associate_rq(station, contexts=bad_input.CONTEXTS))
        peer.send(message)
        return peer.response()


@contextmanager
def no_room() -> Iterator[None]:
    """SQLite lets new connections not make the database larger; on PostgreSQL they wait for a locked table for a moment only."""
    is_sqlite = connection.vendor == "sqlite"

    def limit(connection: BaseDatabaseWrapper, **_: object) -> None:
        connection.cursor().execute("PRAGMA max_page_count = 1" if is_sqlite else "SET lock_timeout = '100ms'")

    if is_sqlite:
        connection.cursor().execute("VACUUM")  # what tests before left free would be room
    connection_created.connect(limit)
    try:
        with nullcontext() if is_sqlite else transaction.atomic():
            if not is_sqlite:
                connection.cursor().execute(f"LOCK TABLE {PerformedProcedureStep._meta.db_table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        connection_created.disconnect(limit)


@pytest.mark.both_databases
def test_a_database_without_room_is_a_resource_limitation_and_nothing_is_applied(server: DicomServer) -> None:
    large, before = a_create(), everything()
    large.add_new(0x00091001, "LO", "STEPWISE")
    large.add_new(0x00091011, "OB", bytes(100_000))
    with no_room():
        answer = answered(server, "CT01", bad_input.create(encoded(large)))
    assert int.from_bytes(answer[0x0900], "little") == 0x0213
    assert b"Send again later" in answer[0x0902]
    assert everything() == before


def test_a_fault_of_this_system_is_answered_and_applies_nothing(server: DicomServer, monkeypatch: pytest.MonkeyPatch) -> None:
    actions.n_create(received(Verb.N_CREATE, OPEN, a_create()))
    before = everything()

    def fails(*_: object) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr(actions, "_record", fails)
    with wire.connected(server.port) as peer:
        peer.associate(wire.associate_rq(contexts=bad_input.CONTEXTS))
        peer.send(change())
        answer = peer.response()
    assert int.from_bytes(answer[0x0900], "little") == 0x0110
    assert everything() == before
    assert MppsMessage.objects.latest("pk").status == 0x0110


def test_every_status_of_the_conformance_statement_is_tried_or_never_answered() -> None:
    section = CONFORMANCE.read_text().partition("\n## MPPS\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| ([0-9A-F]{4})H \|", section, re.MULTILINE))
    never = set(re.findall(r"^\| never ([0-9A-F]{4})H \|", section, re.MULTILINE))
    assert documented == {"0000", "0107", "0116", "0213", *(f"{case.status:04X}" for case in CASES.values())}
    assert never == {"0122"}
