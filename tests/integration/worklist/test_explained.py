"""What DCMTK's findscu asked over the network, explained afterwards out of the journal."""

import struct
import subprocess
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections

from dimse.journal import DatabaseJournal
from dimse.models import Message
from dimse.server import DicomServer, ServerSettings
from dimse.services import MODALITY_WORKLIST
from ris import queries
from ris.actions.stations import StationData, save_station
from ris.models import ScheduledProcedureStep, Site
from stepwise.associations import decide
from tests.integration.dimse.bad_input import extended_negotiation
from tests.support import wire
from tests.support.dcmtk import dcmtk
from tests.support.hospital import ACTOR, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.wait import wait_until
from tests.support.wlmscpfs import dump2dcm
from worklist import captured, explanation, outcome
from worklist.captured import Ending
from worklist.explanation import Explanation
from worklist.models import WorklistEntry
from worklist.scp import WORKLIST

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])

STRANGER = "STRANGER"
STATION = "(0040,0100)[0].(0040,0001)"
Ask = Callable[..., None]


@pytest.fixture
def site() -> Site:
    return a_site()


@pytest.fixture
def port(site: Site, settings) -> Iterator[int]:
    """That of a worklist with a journal, which lets its stations in only."""
    settings.UNKNOWN_CALLERS = "reject"
    journal = DatabaseJournal(interval=0.02)
    running = DicomServer([WORKLIST], ServerSettings(ae_title=site.ae_title, port=0, policy=decide), journal)
    running.start()
    journal.start()

    yield running.port
    running.stop(grace=2)
    journal.stop(2)
    connections.close_all()


@pytest.fixture
def ask(site: Site, port: int) -> Ask:
    """Ask with findscu and wait until the journal has it."""

    def run(*keys: str, calling: str = "CT01", options: tuple[str, ...] = (), query: Path | None = None) -> None:
        command = [dcmtk("findscu"), "-W", *options, "-aet", calling, "-aec", site.ae_title, "127.0.0.1", str(port)]
        for key in keys:
            command += ["-k", key]
        before = Message.objects.filter(direction="out").count()
        done = subprocess.run([*command, *([str(query)] if query else [])], capture_output=True, timeout=60, check=False)
        if calling != STRANGER:
            assert done.returncode == 0, done.stderr
            wait_until(lambda: Message.objects.filter(direction="out").count() > before, 10, "the journal has the answer")

    return run


@pytest.fixture
def step(site: Site) -> ScheduledProcedureStep:
    a_station("CT02")
    return queries.step(site, steps_of(an_order(name="MÜLLER^Jürgen", start=in_minutes(30)))[0].pk)


def explained(step: ScheduledProcedureStep, calling: str = "CT01") -> Explanation:
    return explanation.explain(step, explanation.of_station(calling, step), decide)


def test_a_wrong_ae_title_is_named_in_each_transfer_syntax(ask: Ask, step: ScheduledProcedureStep) -> None:
    for options in ((), ("-xe",), ("-xb",), ("-xi",)):
        ask(f"{STATION}=CT2", "PatientName", options=options)
        assert [verdict.key for verdict in explained(step).excluding] == ["ScheduledStationAETitle"]
        assert outcome.of(explained(step).asking).summary.endswith("got 0 of 1: Scheduled Station AE Title = CT2")


def test_a_name_in_the_character_set_of_the_request_is_read_as_the_scp_read_it(
    ask: Ask, step: ScheduledProcedureStep, tmp_path: Path
) -> None:
    text = tmp_path / "query.dump"
    text.write_bytes("(0008,0005) CS [ISO_IR 100]\n(0010,0010) PN [MÜLLER*]\n".encode("latin-1"))
    ask(query=dump2dcm(text, tmp_path / "query.dcm"))
    one = explained(step)
    assert one.is_shown
    assert ("MÜLLER*", "MÜLLER^Jürgen") in [(verdict.asked, verdict.has) for verdict in one.verdicts]


def test_names_that_were_matched_by_sound_are_explained_by_sound(ask: Ask, port: int, step: ScheduledProcedureStep) -> None:
    with wire.connected(port) as peer:
        peer.send(wire.associate_rq(user_items=extended_negotiation(MODALITY_WORKLIST, b"\1\1\1")))
        peer.pdu()
        peer.send(wire.find(data=struct.pack("<HHL", 0x10, 0x10, 14) + b"JURGEN^MILLER "))
        while peer.status() in (0xFF00, 0xFF01):
            pass
    wait_until(lambda: captured.latest("CT01"), 10, "the journal has the query")
    (verdict,) = [verdict for verdict in explained(step).verdicts if verdict.key == "PatientName"]
    assert (verdict.matches, verdict.why) == (True, "Sounds like it")
    ask("PatientName=JURGEN^MILLER")
    assert [verdict.key for verdict in explained(step).excluding] == ["PatientName"]


def test_an_exam_that_moved_since_tells_that_it_was_an_answer(ask: Ask, step: ScheduledProcedureStep) -> None:
    ask(f"{STATION}=CT01", "(0040,0100)[0].(0040,0009)")
    out = StringIO()
    WorklistEntry.objects.filter(pk=step.pk).update(status="STARTED")
    call_command("explain", step.scheduled_procedure_step_id, station="CT01", stdout=out)
    assert "this exam was answer 1 of 1 then" in out.getvalue()
    assert "Statuses shown" in out.getvalue()


def test_a_date_that_is_none_is_told_with_the_status_that_it_got(ask: Ask, step: ScheduledProcedureStep) -> None:
    ask("(0040,0100)[0].(0040,0002)=20261301")
    (why,) = [verdict.why for verdict in explained(step).excluding]
    assert why.startswith("It was answered A900 Identifier does not match SOP class: ScheduledProcedureStepStartDate '20261301' is no date")


@pytest.mark.parametrize(("at_limit", "failure"), [("0000", ""), ("A700", "A700 Refused: out of resources: More than 1 exams match")])
def test_answers_that_the_limit_of_the_station_ended_are_told_so(ask: Ask, site: Site, at_limit: str, failure: str) -> None:
    steps = [steps_of(an_order(start=in_minutes(minutes)))[0] for minutes in (10, 60)]
    save_station(site, StationData("CT01", ("CT",), answer_limit=1, at_answer_limit=at_limit), ACTOR)
    ask(f"{STATION}=CT01", "PatientName")
    (last,) = captured.latest("CT01")
    assert (last.ending, last.failure.startswith(failure), bool(last.failure)) == (Ending.LIMIT, True, bool(failure))
    assert "got 1 of 2, ended by the station's answer limit after 1 answer" in outcome.of(explanation.of_message(last)).summary
    assert [explained(queries.step(site, step.pk)).is_shown for step in steps] == [True, False]


def test_a_stranger_is_told_that_it_is_rejected(ask: Ask, step: ScheduledProcedureStep) -> None:
    ask(f"{STATION}=CT01", calling=STRANGER)
    wait_until(lambda: captured.last_rejected("STRANGER", None), 10, "the journal has the rejection")
    assert [verdict.key for verdict in explained(step, "STRANGER").excluding] == ["association", "query", "ScheduledStationAETitle"]
    assert "'STRANGER' is not known here" in explained(step, "STRANGER").excluding[0].why
