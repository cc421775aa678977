"""Each fault of the table over the network: what the modality meets, that others do not, what the journal says, and that it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.core.management import call_command
from django.db import connections

from billing.models import Charge
from dimse import statuses
from dimse.entries import AssociationStarted, Entry, MessageEntry
from dimse.outcomes import Aborted, FailureStatus, NothingAccepted, Refused, ScuError
from dimse.scu import ScuAssociation, Timeouts, open_association
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, VERIFICATION
from dimse.uids import new_uid
from mpps.models import PerformedProcedureStep
from mpps.scp import MPPS
from ris import clock
from ris.actor import Actor
from ris.models import ScheduledProcedureStep, Site
from stepwise.associations import decide
from tests.support import wire
from tests.support.hospital import a_site, a_station, an_order, in_minutes, steps_of
from tests.support.mpps import a_create, a_series, an_end
from tests.support.wait import wait_until
from tests.support.worklist import identifier
from training.actions import faults
from training.actions.faults import FaultData
from training.faults import active
from training.faults.effects import Injection
from training.faults.kinds import FAILURES, REJECTIONS, STATUSES, statuses_of
from training.models import Fault
from worklist import findings
from worklist.models import WorklistFinding
from worklist.scp import WORKLIST

T = TypeVar("T", bound=Entry)
MAYA = Actor.system("maya")
ALL = (VERIFICATION, MODALITY_WORKLIST, MODALITY_PERFORMED_PROCEDURE_STEP)


@dataclass
class Journal:
    entries: list[Entry] = field(default_factory=list)

    def put(self, entry: Entry) -> None:
        self.entries.append(entry)

    def of(self, kind: type[T]) -> list[T]:
        return [entry for entry in self.entries if isinstance(entry, kind)]

    @property
    def notes(self) -> list[str]:
        """What is noted of messages and associations, once each."""
        said = [entry.note for entry in self.entries]
        return [note for note in dict.fromkeys((*said, *(one.rejection for one in self.of(AssociationStarted)))) if note]


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def site(transactional_db: None) -> Site:
    a_station("CT01")
    a_station("CT02")
    return a_site()


@pytest.fixture
def port(site: Site, journal: Journal) -> Iterator[int]:
    settings = ServerSettings(ae_title=site.ae_title, port=0, policy=decide, interference=Injection())
    running = DicomServer([WORKLIST, MPPS], settings, journal)
    running.start()
    yield running.port
    running.stop(grace=2)
    connections.close_all()


@contextmanager
def injected(kind: str, station: str = "CT01", service: str = "", **parameters: Any) -> Iterator[Fault]:
    """A fault that is on during the block: of CT01 unless another station is named."""
    fault = faults.switch_on(a_site(), FaultData(kind, station, service, 10, parameters, "for the lesson"), MAYA)
    yield fault
    faults.switch_off(a_site(), fault.pk, MAYA)


@contextmanager
def called(port: int, calling: str = "CT01", *contexts: str, response: float = 5) -> Iterator[ScuAssociation]:
    asked = {"calling": calling, "called": a_site().ae_title, "contexts": contexts or ALL}
    with open_association("127.0.0.1", port, timeouts=Timeouts(response=response), **asked) as association:  # type: ignore[arg-type]
        yield association


def refused(port: int, calling: str, *contexts: str) -> tuple[int, int, int]:
    """Result, source and reason with which an association is rejected."""
    with pytest.raises(Refused) as error, called(port, calling, *contexts):
        raise AssertionError("the association was accepted")
    return error.value.result, error.value.source, error.value.reason


def found(port: int, calling: str = "CT01") -> list[str]:
    """The patient IDs that a query for all gets."""
    with called(port, calling, MODALITY_WORKLIST) as association:
        return [str(answer.PatientID) for answer in association.find(identifier({}, PatientID="", PatientName=""))]


def orders(count: int, name: str = "MÜLLER^Jürgen") -> list[str]:
    """Their patient IDs, in order of start."""
    made = [an_order(start=in_minutes(10 + 31 * number), name=name) for number in range(count)]
    return [order.patient.patient_id for order in made]


def a_step(station: str = "CT01") -> ScheduledProcedureStep:
    return steps_of(an_order(station=station))[0]


def test_associations_are_rejected_for_each_standard_reason_or_for_a_service_alone(port: int, journal: Journal) -> None:
    for reason, verdict in REJECTIONS.items():
        with injected("reject", reason=reason):
            assert refused(port, "CT01") == (verdict.result, verdict.source, verdict.reason)
            with called(port, "CT02") as other:
                other.echo()
        assert "injected by maya until" in journal.of(AssociationStarted)[-2].rejection
    with injected("reject", service="mpps"):
        with called(port, "CT01", MODALITY_WORKLIST, VERIFICATION) as association:
            association.echo()
        refused(port, "CT01", VERIFICATION, MODALITY_PERFORMED_PROCEDURE_STEP)
    with injected("reject", station=""), called(port, "STEPWISE-HEALTH", VERIFICATION) as association:
        association.echo()


def test_each_failure_status_is_answered_by_name(port: int, journal: Journal) -> None:
    commands = {"C-FIND": wire.C_FIND, "N-CREATE": wire.N_CREATE, "N-SET": wire.N_SET, "N-GET": wire.N_GET}
    with wire.connected(port) as peer:
        peer.associate(wire.associate_rq("CT01", a_site().ae_title))
        for operation, status in [(verb, name) for verb in FAILURES for name in statuses_of(verb)]:
            sop_class, context = (MODALITY_WORKLIST, 3) if operation == "C-FIND" else (MODALITY_PERFORMED_PROCEDURE_STEP, 5)
            data = None if operation == "N-GET" else b"\x10\0\x10\0\0\0\0\0"
            announced = wire.NO_DATA_SET if data is None else wire.DATA_SET
            asked = wire.command(commands[operation], 1, sop_class=sop_class, instance="1.2.3", data_set=announced)
            with injected("failure", operation=operation, status=status, comment="Disk full"):
                peer.send(wire.message(context, asked, data))
                response = peer.response()
            assert int.from_bytes(response[0x0900], "little") == STATUSES[status], status
            assert response[0x0902].strip() == b"Disk full"
            assert (response.get(0x0903) == b"\x10\xa7") is (status == "may-no-longer-be-updated")
            assert journal.of(MessageEntry)[-1].note.startswith("injected by maya until")
    findings.gathering.write()
    assert not WorklistFinding.objects.exists(), "it failed on purpose"
    assert not PerformedProcedureStep.objects.exists()
    with injected("failure", operation="N-SET"), called(port) as association:
        assert association.n_create(a_create(a_step()), new_uid()).ok


def test_a_list_is_cut_short_and_its_entries_come_twice_or_not_at_all(port: int, journal: Journal) -> None:
    one, two, three, four = everything = orders(4)
    with injected("truncate", after=2):
        assert found(port) == [one, two]
        assert found(port, "CT02") == everything
    sent = next(entry for entry in journal.of(MessageEntry) if not entry.incoming)
    assert (sent.status, sent.answer_count) == (statuses.SUCCESS, 2)
    assert "list ended behind answer 2" in sent.note
    with injected("duplicate", every=2):
        assert found(port) == [one, two, two, three, four, four]
        with injected("truncate", station="", after=3):
            assert found(port) == [one, two, two]
            assert found(port, "CT02") == [one, two, three]
    with injected("missing", every=3):
        assert found(port) == [one, two, four]
    assert found(port) == everything


def test_the_bytes_are_not_in_the_character_set_that_is_declared(port: int) -> None:
    orders(1, "MüLLER^Jürgen")
    with wire.connected(port) as peer:
        peer.associate(wire.associate_rq("CT01", a_site().ae_title))
        for declared, element in {"another": b"ISO_IR 100", "none": b"", "unknown": b"ISO_IR 999"}.items():
            with injected("character-set", declared=declared):
                peer.send(wire.find(1, b"\x10\0\x10\0\0\0\0\0"))
                data = peer.response()[-1]
                assert peer.final_status() == 0
            assert data.startswith(b"\x08\x00\x05\x00") is bool(element)
            assert element in data
            assert "MüLLER^Jürgen".encode() in data
            assert b"ISO_IR 192" not in data


def test_a_query_is_broken_off_among_its_answers(port: int, journal: Journal) -> None:
    orders(3)
    for kind, words in {"abort": "aborted the association", "cut": "closed the connection"}.items():
        with injected(kind, service="worklist", after=2):
            with called(port) as association:
                association.echo()
            got = 0
            with pytest.raises(Aborted, match=words), called(port) as association:
                for _ in association.find(identifier({}, PatientID="")):
                    got += 1
            assert got == 2
            assert len(found(port, "CT02")) == 3
    assert any("aborted behind answer 2" in note for note in journal.notes)
    assert any("broken within the message behind answer 2" in note for note in journal.notes)


def test_each_kind_of_mpps_outage(port: int) -> None:
    with injected("mpps-outage", how="refused"):
        assert refused(port, "CT01") == (2, 1, 1)
        with called(port, "CT01", MODALITY_WORKLIST, VERIFICATION) as association:
            association.echo()
    with injected("mpps-outage", how="context"):
        with pytest.raises(NothingAccepted), called(port, "CT01", MODALITY_PERFORMED_PROCEDURE_STEP):
            raise AssertionError("MPPS was accepted")
        with called(port) as association:
            association.echo()
    with injected("mpps-outage", how="silent"):
        with pytest.raises(ScuError), called(port, response=0.3) as association:
            association.n_create(a_create(a_step()), new_uid())
        assert not PerformedProcedureStep.objects.exists()
        with called(port, "CT02") as other:
            assert other.n_create(a_create(a_step("CT02")), new_uid()).ok


@pytest.mark.parametrize("how", ["refused", "context"])
def test_an_mpps_outage_holds_for_associations_that_were_open_before(port: int, how: str) -> None:
    with pytest.raises(ScuError, match="did not answer N-CREATE"), called(port, response=0.3) as association:
        association.echo()
        with injected("mpps-outage", how=how):
            association.n_create(a_create(a_step()), new_uid())
    assert not PerformedProcedureStep.objects.exists()


def test_a_dropped_response_makes_the_sender_repeat_and_nothing_happens_twice(port: int, journal: Journal) -> None:
    step, uid = a_step(), new_uid()
    with injected("drop-response"), pytest.raises(Aborted), called(port) as association:
        association.n_create(a_create(step), uid)
    with called(port) as association:
        assert association.n_create(a_create(step), uid).status == statuses.DUPLICATE_SOP_INSTANCE
    assert PerformedProcedureStep.objects.get().sop_instance_uid == uid

    final = an_end(PerformedSeriesSequence=[a_series()])
    with injected("drop-response", operation="N-SET"), pytest.raises(Aborted), called(port) as association:
        association.n_set(final, uid)
    with called(port) as association:
        again = association.n_set(final, uid)
    assert (again.status, again.error_id) == (statuses.PROCESSING_FAILURE, statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED)
    step.refresh_from_db()
    assert step.status == "COMPLETED"
    assert Charge.objects.count() == 1
    assert any("response to N-CREATE and N-SET dropped" in note and "not sent: 0000H" in note for note in journal.notes)


def test_an_answer_is_late_and_others_are_not(port: int, journal: Journal) -> None:
    with injected("delay", seconds=1, service="verification"), called(port) as slow, called(port, "CT02") as other:
        other.echo()
        slow.echo()
    took = {one.association_id: one.duration_ms for one in journal.of(MessageEntry) if not one.incoming}
    by_caller = {one.association.calling_ae_title: took[one.association.id] or 0 for one in journal.of(AssociationStarted)}
    assert by_caller["CT01"] > 1000 > by_caller["CT02"]


def test_a_fault_ends_by_its_time_with_nobody_there_to_end_it(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = faults.switch_on(a_site(), FaultData("reject", minutes=10), MAYA)
    for minutes in (0, 9.9):
        monkeypatch.setattr(active, "wall", lambda minutes=minutes: clock.wall() + timedelta(minutes=minutes))
        refused(port, "CT02")
    monkeypatch.setattr(active, "wall", lambda: clock.wall() + timedelta(minutes=10.1))
    with called(port, "CT02") as association:
        association.echo()
    assert Fault.objects.get(pk=fault.pk).ended is None


def test_what_another_process_switched_on_is_known_within_a_second(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with called(port) as association:
        association.echo()
    monkeypatch.setattr(active, "forget", lambda: None)
    with injected("failure", operation="C-FIND", status="out-of-resources"):
        began = time.monotonic()
        wait_until(lambda: _fails(port), 3, "the fault is known")
        assert time.monotonic() - began < 2


def _fails(port: int) -> bool:
    try:
        found(port)
    except FailureStatus:
        return True
    return False


def test_the_clock_of_a_station_s_virtual_modality_is_wrong(port: int, settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    name = a_step().scheduled_procedure_step_id
    with injected("clock-skew", seconds=1800):
        call_command("modality", "--station", "CT01", "--port", str(port), "start", name, stdout=StringIO())
    performed = PerformedProcedureStep.objects.get()
    assert performed.started_at - clock.wall() > timedelta(minutes=29)
