"""A modality is connected over the network, from all red to all green: DCMTK's tools, a foreign library, and a machine with a quirk."""

from collections.abc import Callable, Iterator
from random import Random

import pytest

from dimse.server import DicomServer, ServerSettings
from ris.actions import connecting, echoes, sandbox
from ris.actions.stations import data_of, save_station
from ris.models import ConnectionCheck, ScheduledProcedureStep, Site, Station
from stepwise.connecting import evidence, lines
from stepwise.connecting.line import ERROR, PASS, WAITING, WARNING, Line, proved
from tests.support import wire
from tests.support.dcmtk import ran
from tests.support.foreign import ForeignModality, foreign
from tests.support.hospital import ACTOR, a_station, an_order, steps_of
from tests.support.mpps import a_create, a_series, an_end, an_item
from tests.support.wait import wait_until
from training.modality import Modality
from training.profiles import Profile
from training.query import Question
from training.store import TransientStore
from training.target import Target

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
Looks = Callable[[], dict[str, str]]


@pytest.fixture
def theirs() -> Iterator[DicomServer]:
    """The modality's own Verification."""
    running = DicomServer([], ServerSettings(ae_title="CT01", port=0))
    running.start()
    yield running
    running.stop(grace=2)


@pytest.fixture
def check(site: Site) -> ConnectionCheck:
    a_station("CT01")
    return connecting.begin(Site.objects.get(pk=site.pk), "CT01", ACTOR)


def checklist(check: ConnectionCheck) -> dict[str, Line]:
    fresh = ConnectionCheck.objects.select_related("site", "order").get(pk=check.pk)
    found = lines.lines(evidence.gather(fresh, Station.objects.prefetch_related("modalities").get(ae_title=check.ae_title)))
    return {line.key: line for line in found}


def until(check: ConnectionCheck, key: str, told: str) -> Line:
    """The line when it says so; the journal writes behind the network."""

    def says() -> Line | None:
        line = checklist(check)[key]
        return line if told in f"{line.said} {line.next}" else None

    return wait_until(says, 10, f"{key}: {told!r}, not {checklist(check)[key]}")


def test_the_list_of_another_station_is_not_taken_for_its_own(check: ConnectionCheck, ours: DicomServer) -> None:
    a_station("CT02")
    an_order(station="CT02")
    an_order(station="CT01")
    asks = ("findscu", "-W", "-aet", "CT01", "-aec", "STEPWISE", "127.0.0.1", str(ours.port), "-k", "PatientName")
    assert ran(*asks, "-k", "(0040,0100)[0].ScheduledStationAETitle=CT02")
    line = until(check, "query", "Set the Scheduled Station AE Title of its query to CT01")
    assert (line.look, line.said) == (ERROR, "It asked for the list of CT02, not for its own, and got 1 exam of that.")
    assert ran(*asks, "-k", "(0040,0100)[0].ScheduledStationAETitle=CT01")
    assert until(check, "query", "and got 1 of 1").look == PASS


def test_from_all_red_to_all_green(check: ConnectionCheck, ours: DicomServer, theirs: DicomServer) -> None:
    port = str(ours.port)
    assert proved(checklist(check).values()) == 0

    assert not ran("echoscu", "-aet", "ct01", "-aec", "STEPWISE", "127.0.0.1", port)
    assert until(check, "title", "ct01 called from 127.0.0.1 and was rejected as unknown").look == ERROR
    assert not ran("echoscu", "-aet", "CT01", "-aec", "RIS", "127.0.0.1", port)
    assert until(check, "reaches_us", "It calls us RIS, and we are STEPWISE").look == ERROR
    connecting.accept_called(check.site, "RIS", ACTOR)
    assert ran("echoscu", "-aet", "CT01", "-aec", "RIS", "127.0.0.1", port)
    assert until(check, "reaches_us", "C-ECHO received").look == PASS
    assert "never proposed Modality Worklist" in checklist(check)["query"].said

    station = Station.objects.get(ae_title="CT01")
    save_station(check.site, data_of(station).__class__(**data_of(station).__dict__ | {"host": "127.0.0.1", "port": theirs.port}), ACTOR)
    test = echoes._begin(Station.objects.get(ae_title="CT01"), ACTOR)
    echoes.send(test.pk)
    assert checklist(check)["we_reach"].look == PASS

    order = sandbox.make(check.pk, ACTOR)
    find = ("-W", "-aet", "CT01", "-aec", "STEPWISE", "127.0.0.1", port, "-k", "PatientName", "-k")
    own = ("(0040,0100)[0].ScheduledStationAETitle=CT01", "-k", "(0040,0100)[0].ScheduledProcedureStepID", "-k", "StudyInstanceUID")
    assert ran("findscu", *find, "(0040,0100)[0].Modality=MR")
    assert until(check, "query", "got 0 of 1").explain
    assert ran("findscu", *find, *own)
    assert until(check, "query", "The test exam T").look == PASS

    (step,) = steps_of(order)
    with foreign() as process:
        modality = ForeignModality(process, ours.port, "CT01", "STEPWISE")
        modality.create(a_create(step, PerformedStationAETitle=""))
        assert until(check, "create", "Refused, 0121 Missing attribute value").look == ERROR
        uid, answer = modality.create(a_create(step))
        assert answer.status == 0
        until(check, "create", "its exam is begun")
        assert until(check, "set", "no N-SET has come since").look == WAITING
        assert modality.set(uid, an_end(PerformedSeriesSequence=[a_series()])).status == 0
    until(check, "charge", "nobody is sent it")
    assert proved(checklist(check).values()) == 7


def test_an_exam_typed_by_hand_is_seen_and_is_not_green(check: ConnectionCheck, ours: DicomServer) -> None:
    with foreign() as process:
        modality = ForeignModality(process, ours.port, "CT01", "STEPWISE")
        _, answer = modality.create(a_create(ScheduledStepAttributesSequence=[an_item(AccessionNumber="TYPED-1")]))
    assert answer.status == 0
    line = until(check, "create", "Taken as unscheduled")
    assert (line.look, "accession number TYPED-1" in line.said) == (WARNING, True)


def test_an_exam_that_is_known_by_less_than_the_whole_item_is_told_so(check: ConnectionCheck, ours: DicomServer) -> None:
    (step,) = steps_of(sandbox.make(check.pk, ACTOR))
    with foreign() as process:
        modality = ForeignModality(process, ours.port, "CT01", "STEPWISE")
        modality.begin(a_create(step, ScheduledStepAttributesSequence=[an_item(step, ScheduledProcedureStepID="")]))
    line = until(check, "create", "It did not bring back the step ID.")
    assert (line.look, "Have it bring back the step ID" in line.next) == (PASS, True)
    assert until(check, "set", "no N-SET has come since").look == WAITING


def test_a_machine_that_makes_its_own_study_uid_is_told_so(check: ConnectionCheck, ours: DicomServer) -> None:
    sandbox.make(check.pk, ACTOR)
    profile = Profile("odd", "Odd machine", tells=("own_study_uid",))
    machine = Modality("CT01", Target("127.0.0.1", ours.port, "STEPWISE"), TransientStore(), profile=profile, chance=Random(1))
    (item,) = machine.worklist(Question("CT01"))
    machine.start_items([item])
    assert "Study Instance UID is" in until(check, "create", "its exam is begun").said
    assert ScheduledProcedureStep.objects.get().status == "STARTED"


def test_tls_on_the_plain_port_is_told_in_words(check: ConnectionCheck, ours: DicomServer) -> None:
    with wire.connected(ours.port) as peer:
        peer.send(bytes.fromhex("1603010200010001fc0303") + bytes(32))
        assert peer.pdu()[0] == 7  # A-ABORT
    assert until(check, "reaches_us", "It speaks TLS to a port that does not").look == ERROR
