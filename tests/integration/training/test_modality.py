"""`manage.py modality` over real DICOM: against this product's own server, and against targets that are not as they should be."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dimse.scu import Timeouts
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_WORKLIST
from dimse.uids import new_uid
from mpps.models import PerformedProcedureStep
from mpps.scp import MPPS
from ris import clock
from ris.models import Order, ScheduledProcedureStep
from tests.support import wire
from tests.support.hospital import a_procedure, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.ports import free_port
from training.modality import Modality, NoAnswer
from training.query import Question
from training.store import TransientStore
from training.target import Target

Run = Callable[..., str]


def modality(*arguments: str, port: int, station: str = "CT01") -> str:
    out = StringIO()
    call_command("modality", "--station", station, "--port", str(port), *arguments, stdout=out)
    return out.getvalue()


def fails(returncode: int, *arguments: str, port: int, station: str = "CT01") -> str:
    with pytest.raises(CommandError) as error:
        modality(*arguments, port=port, station=station)
    assert error.value.returncode == returncode
    return str(error.value)


@pytest.fixture
def run(port: int) -> Run:
    return lambda *arguments, **options: modality(*arguments, **({"port": port} | options))


@pytest.fixture
def refused(port: int) -> Run:
    return lambda code, *arguments, **options: fails(code, *arguments, **({"port": port} | options))


def step_of(order: Order) -> ScheduledProcedureStep:
    return steps_of(order)[0]


def soon() -> Order:
    """An exam of today, at any hour of the day at which this runs."""
    midnight = clock.day_bounds(clock.today(a_site()), a_site())[0]
    return an_order(start=midnight + timedelta(hours=12), name="MÜLLER^Jürgen=山田^太郎")


class TestOwnServer:
    def test_the_worklist_of_today_is_shown_as_a_table(self, run: Run):
        order = soon()
        an_order(start=in_minutes(60 * 48))
        shown = run("list").splitlines()

        assert shown[0].split("  ")[0] == "Start"
        assert len(shown) == 4
        for word in (
            "12:00",
            "MÜLLER, Jürgen",
            order.accession_number,
            step_of(order).scheduled_procedure_step_id,
            "CT chest",
            "SCHEDULED",
        ):
            assert word in shown[2]
        assert "1 on the worklist of STEPWISE" in shown[3]

    def test_all_days_a_day_a_patient_and_an_accession_number_can_be_asked_for(self, run: Run):
        order, later = soon(), an_order(start=in_minutes(60 * 48), name="SMITH^Ann", patient_id="P77")
        day = clock.local(step_of(later).start, a_site()).date().isoformat()

        assert "2 on the worklist" in run("list", "--all")
        assert later.accession_number in run("list", "--date", day)
        assert "1 on the worklist" in run("list", "--all", "--patient", "smith*")
        assert "1 on the worklist" in run("list", "--all", "--patient", "P77")
        assert order.accession_number in run("list", "--all", "--accession", order.accession_number)

    def test_an_empty_worklist_says_what_was_asked(self, run: Run):
        assert "Nothing is on the worklist of STEPWISE" in run("list")
        assert "station CT01" in run("list")
        assert "patient name NOBODY" in run("list", "--patient", "NOBODY")
        assert "patient ID P-1" in run("list", "--patient", "P-1")
        assert "patient ID ABC" in run("list", "--patient-id", "ABC")

    def test_an_exam_is_started_and_completed(self, run: Run):
        step = step_of(soon())
        name = step.scheduled_procedure_step_id
        started = run("start", name)
        performed = PerformedProcedureStep.objects.get()

        assert f"SOP Instance UID {performed.sop_instance_uid}" in started
        assert performed.status == "IN PROGRESS"
        assert performed.links.get().step == step
        assert performed.links.get().how == "STEP_ID"
        assert performed.patient_name == "MÜLLER^Jürgen=山田^太郎"
        assert performed.patient_id == step.requested_procedure.order.patient.patient_id
        assert f"In progress here: {name}" in run("list")

        completed = run("complete", name)
        performed.refresh_from_db()
        step.refresh_from_db()
        assert "0000H (Success)" in completed
        assert (performed.status, step.status) == ("COMPLETED", "COMPLETED")
        assert performed.series.count() == 3
        assert all(series.image_count and series.protocol_name and series.operators_name for series in performed.series.all())
        assert not performed.findings.exists()

    def test_an_exam_is_discontinued_with_a_coded_reason(self, run: Run):
        step = step_of(soon())
        run("start", step.scheduled_procedure_step_id)
        run("discontinue", step.scheduled_procedure_step_id, "--reason", "110505")
        performed = PerformedProcedureStep.objects.get()

        assert performed.status == "DISCONTINUED"
        assert (performed.discontinuation_reason_code, performed.discontinuation_reason_scheme) == ("110505", "DCM")
        assert performed.discontinuation_reason_meaning == "Patient refused to continue procedure"

    def test_an_accession_number_will_do_when_it_stands_for_one_step(self, run: Run):
        order = soon()

        run("start", order.accession_number)
        run("complete", order.accession_number)

        assert step_of(order).status == "COMPLETED"

    def test_an_accession_number_of_two_steps_is_ambiguous(self, refused: Run):
        order = an_order(a_procedure("TWO", steps=("First", "Second")))
        first, second = (step.scheduled_procedure_step_id for step in steps_of(order))
        said = refused(1, "start", order.accession_number)

        assert "stands for 2 steps" in said
        assert first in said
        assert second in said

    def test_what_is_not_on_the_worklist_is_not_started(self, refused: Run):
        assert "SPS-1 is not on the worklist of CT01" in refused(1, "start", "SPS-1")
        assert "1 to 16 characters" in refused(1, "start", "x" * 17)
        assert not PerformedProcedureStep.objects.exists()

    def test_an_exam_of_another_station_is_taken_only_when_asked(self, run: Run, refused: Run):
        a_station("CT02")
        name = step_of(soon()).scheduled_procedure_step_id

        assert "--any-station" in refused(1, "start", name, station="CT02")
        run("start", name, "--any-station", station="CT02")
        assert PerformedProcedureStep.objects.get().station_ae_title == "CT02"

    def test_what_was_not_started_here_cannot_be_ended(self, refused: Run):
        name = step_of(soon()).scheduled_procedure_step_id

        assert f"CT01 has not started {name}; in progress here: nothing" in refused(1, "complete", name)

    def test_a_second_start_and_a_second_end_are_told_apart(self, run: Run, refused: Run):
        name = step_of(soon()).scheduled_procedure_step_id
        run("start", name)
        assert f"{name} is in progress here since" in refused(1, "start", name)
        run("complete", name)
        assert f"{name} is COMPLETED already" in refused(1, "complete", name)

    def test_an_unknown_reason_lists_the_usual_ones(self, run: Run, refused: Run):
        name = step_of(soon()).scheduled_procedure_step_id
        run("start", name)
        said = refused(1, "discontinue", name, "--reason", "4711")

        assert "'4711' is no code of CID 9300" in said
        assert "110505     Patient refused to continue procedure" in said
        assert PerformedProcedureStep.objects.get().status == "IN PROGRESS"

    def test_a_uid_can_be_forced_and_a_failure_status_is_told_by_name(self, run: Run, refused: Run):
        first = step_of(soon()).scheduled_procedure_step_id
        second = step_of(an_order(start=in_minutes(60 * 30))).scheduled_procedure_step_id
        uid = new_uid()
        run("start", first, "--uid", uid)
        said = refused(4, "start", second, "--uid", uid)

        assert PerformedProcedureStep.objects.get().sop_instance_uid == uid
        assert "answered N-CREATE with 0111H (Duplicate SOP instance" in said
        assert f"CT01 has not started {second}" in refused(1, "complete", second)

    def test_the_final_state_lock_is_told_with_its_comment(self, run: Run, refused: Run):
        name, uid = step_of(soon()).scheduled_procedure_step_id, new_uid()
        run("start", name, "--uid", uid)
        run("complete", name)
        said = refused(4, "discontinue", name, "--reason", "110513", "--uid", uid)

        assert "0110H (Processing failure: Performed Procedure Step Object may no longer be updated)" in said
        assert PerformedProcedureStep.objects.get().status == "COMPLETED"

    def test_a_lost_answer_is_asked_for_again_and_nothing_happens_twice(self, port: int, run: Run):
        step = step_of(soon())
        name = step.scheduled_procedure_step_id
        with deaf_proxy(port) as cut:
            # The worklist query passes; the answer to N-CREATE is lost.
            assert "sends it again with the same UID" in fails(3, "start", name, port=cut)
        run("start", name)
        with deaf_proxy(port, queries=0) as cut:
            assert "the same command sends it again" in fails(3, "complete", name, port=cut)
        assert "0110H" in run("complete", name)

        performed = PerformedProcedureStep.objects.get()
        step.refresh_from_db()
        assert (performed.status, step.status) == ("COMPLETED", "COMPLETED")
        assert [message.status for message in performed.messages.order_by("pk")] == [0x0000, 0x0111, 0x0000, 0x0110]

    def test_a_state_file_that_was_damaged_is_named(self, run: Run, refused: Run, data_dir: Path):
        name = step_of(soon()).scheduled_procedure_step_id
        run("start", name)
        state = data_dir / "modalities" / "CT01.json"
        assert json.loads(state.read_text())["exams"][0]["step_id"] == name
        state.write_text("{")

        assert f"{state} holds what this modality has in progress" in refused(1, "complete", name)


@contextmanager
def deaf_proxy(port: int, queries: int = 1) -> Iterator[int]:
    """Passes the first `queries` connections on to the port; of the next one it passes nothing back but the A-ASSOCIATE-AC."""
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def pump(source: socket.socket, sink: socket.socket) -> None:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

        def serve() -> None:
            for number in range(queries + 1):
                client, _ = listening.accept()
                server = socket.create_connection(("127.0.0.1", port))
                upward = threading.Thread(target=pump, args=(client, server))
                upward.start()
                threads.append(upward)
                if number < queries:
                    pump(server, client)
                else:
                    client.sendall(server.recv(65536))
                    server.recv(65536)  # the answer, which is lost
                    client.shutdown(socket.SHUT_RDWR)
                upward.join(10)
                client.close()
                server.close()

        main = threading.Thread(target=serve)
        main.start()
        yield listening.getsockname()[1]
        main.join(10)


def accepted() -> bytes:
    """An A-ASSOCIATE-AC for one presentation context, number 1, in Implicit VR Little Endian."""
    context = wire.item(0x21, bytes((1, 0, 0, 0)) + wire.item(0x40, b"1.2.840.10008.1.2"))
    user = wire.item(0x50, wire.item(0x51, (16384).to_bytes(4, "big")) + wire.item(0x52, b"1.2.3.4"))
    titles = b"STEPWISE".ljust(16) + b"CT01".ljust(16)
    return wire.pdu(2, b"\0\1\0\0" + titles + bytes(32) + wire.item(0x10, b"1.2.840.10008.3.1.1.1") + context + user)


def response(field: int, status: int, data: bytes | None = None) -> bytes:
    """To the first message of an association, by its Command Field."""
    follows = wire.NO_DATA_SET if data is None else wire.DATA_SET
    head = wire.command(field, None, sop_class=MODALITY_WORKLIST, responds_to=1, data_set=follows, extra=wire.element(0x0900, status))
    return wire.message(1, head, data)


@contextmanager
def answering(*replies: bytes) -> Iterator[int]:
    """A server of one connection that reads a little before each of its replies, and closes when the peer does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                for reply in replies:
                    connection.recv(65536)
                    connection.sendall(reply)
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


@pytest.mark.django_db
class TestBadTargets:
    @pytest.fixture(autouse=True)
    def _own_directory(self, data_dir: Path) -> None:
        return None

    def test_a_closed_port(self):
        port = free_port()

        said = fails(3, "list", port=port)

        assert f"STEPWISE at 127.0.0.1:{port} is not reachable" in said
        assert "--host and --port" in said

    def test_a_host_that_does_not_exist(self):
        assert "host name cannot be resolved" in fails(3, "list", "--host", "no-such-host.invalid", port=free_port())

    def test_a_port_that_speaks_http(self):
        with answering(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html></html>") as port:
            said = fails(3, "list", port=port)

        assert "something that is not DICOM" in said
        assert "look whether" in said

    def test_a_port_that_is_silent(self):
        with answering(b"") as port:
            target = Target("127.0.0.1", port, "STEPWISE", Timeouts(association=0.3))
            with pytest.raises(NoAnswer, match=r"in time\. .*look whether"):
                Modality("CT01", target, TransientStore()).worklist(Question())

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (b"", r"did not answer C-FIND in time.*look whether it saw"),
            (wire.pdu(7, bytes(4)), r"aborted the association during C-FIND\. Its log says why"),
            (response(0x8120, 0), r"did not answer C-FIND in time, or not properly"),
            (response(0x8020, 0xA700), r"answered C-FIND with A700H .*Ask for less"),
            (response(0x8020, 0xC001), r"answered C-FIND with C001H .*could not make sense"),
            (response(0x8020, 0x0122), r"answered C-FIND with 0122H .*Is it a server for this"),
        ],
        ids=["silence", "abort", "another response", "out of resources", "unable", "not supported"],
    )
    def test_an_association_is_accepted_and_then_comes(self, reply: bytes, words: str):
        with answering(accepted(), reply) as port, pytest.raises(CommandError, match=words):
            modality("list", "--timeout", "0.4", port=port)

    def test_an_answer_that_is_no_data_set(self):
        pending = response(0x8020, 0xFF00, data=b"\x08\0\x05\0\xff\xff\xff\x7fXX")
        with answering(accepted(), pending + response(0x8020, 0)) as port:
            assert "sent an answer that cannot be decoded. Is 127.0.0.1" in fails(3, "list", "--timeout", "0.4", port=port)

    def test_a_called_ae_title_that_is_not_served(self, port: int):
        said = fails(3, "list", "--called", "OTHER", port=port)

        assert "called AE title not recognized" in said
        assert "--called" in said

    def test_a_calling_ae_title_that_is_not_known(self, port: int):
        said = fails(3, "list", port=port, station="NOBODY")

        assert "calling AE title not recognized" in said
        assert "does not know NOBODY" in said

    def test_a_server_without_the_service(self, transactional_db: None):
        server = DicomServer([MPPS], ServerSettings(ae_title="STEPWISE", port=0))
        server.start()
        try:
            assert "none of the services asked for. Is it a server for this? Look there at what it offers to CT01" in fails(
                3, "list", port=server.port
            )
        finally:
            server.stop()


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--port", "0", "list"), "is not a port"),
            (("list", "--date", "23.11.2026"), "write it as 2026-11-23"),
            (("--called", "x" * 17, "list"), "is no AE title"),
            (("--timeout", "0", "list"), "is no time to wait"),
            (("discontinue", "SPS-1"), "--reason"),
            (("start",), "Give a STEP"),
            (("start", "SPS-1", "--unscheduled", "DOE"), "leave STEP"),
            (("start", "SPS-1", "--born", "1980-02-29"), "belongs to --unscheduled"),
            (("start", "--unscheduled", "DOE", "--born", "29.2.80"), "29.2.80"),
            (("start", "--unscheduled", "A=B=C=D"), "three component groups"),
            (("start", "SPS-1", "--profile", "nonsense"), "is no profile; there are plain"),
            (("acquire", "SPS-1", "--series", "0"), "no number from 1 to 99"),
        ],
    )
    def test_wrong_arguments_are_refused_in_words(self, arguments: tuple[str, ...], words: str):
        with pytest.raises(CommandError, match=words):
            call_command("modality", "--station", "CT01", *arguments)

    def test_a_modality_needs_a_name(self):
        with pytest.raises(CommandError, match="--station CT01") as error:
            call_command("modality", "list")
        assert error.value.returncode == 2

    @pytest.mark.django_db
    def test_options_may_stand_behind_the_verb(self, data_dir: Path):
        port = str(free_port())
        with pytest.raises(CommandError, match=f"RIS at 127.0.0.1:{port} is not reachable"):
            call_command("modality", "list", "--station", "CT01", "--port", port, "--called", "RIS")
