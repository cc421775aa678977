"""Statuses of C-FIND over the network, with our own SCU, and the `dicom` command as a process."""

from pathlib import Path

import pytest
from pydicom import Dataset

from dimse import outcomes, scu, statuses
from dimse.errors import DimseFailure
from dimse.server import DicomServer
from dimse.services import (
    MODALITY_PERFORMED_PROCEDURE_STEP,
    MODALITY_WORKLIST,
    VERIFICATION,
    EncodedAnswers,
)
from ris.actions.stations import StationData, save_station
from ris.models import Site
from tests.support import prepared
from tests.support.hospital import ACTOR, a_site, a_station, an_order, in_minutes
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.worklist import a_find_request, identifier
from worklist import findings, linting, scp
from worklist.find import Found
from worklist.models import WorklistFinding
from worklist.scp import c_find


@pytest.fixture
def three_orders(db: None) -> None:
    for minutes in (120, 10, 60):
        an_order(start=in_minutes(minutes))


def statuses_of(asked: Dataset, cancelled_after: int = 1_000_000) -> list[int]:
    """The status of each response that the handler asks for."""
    found: list[int] = []
    for answer in c_find(a_find_request(asked, cancelled_after)):
        found.extend([answer.status] * len(answer.identifiers) if isinstance(answer, EncodedAnswers) else [answer[0]])
    return found


def test_pending_tells_whether_every_key_is_supported(three_orders: None) -> None:
    assert statuses_of(identifier(PatientID="")) == [statuses.PENDING] * 3
    unsupported = identifier(PatientID="", DigitalSignaturesSequence=[])
    assert statuses_of(unsupported) == [statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED] * 3


def test_a_cancel_ends_the_answers_with_fe00(three_orders: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scp, "BATCH", 2)
    assert statuses_of(identifier(PatientID=""), cancelled_after=1) == [statuses.PENDING, statuses.PENDING, statuses.CANCELED]


def test_what_a_setting_takes_away_is_told_beside_the_answers(three_orders: None) -> None:
    told: list[str] = []
    save_station(a_site(), StationData("CT01", ("CT",), own_list_only=True, answer_limit=2), ACTOR)
    two_items = identifier({}, PatientID="")
    two_items.ScheduledProcedureStepSequence.append(Dataset())
    list(c_find(a_find_request(two_items, remark=told.append)))
    assert told == [
        "ScheduledProcedureStepSequence has 2 items; the first is used",
        "every station's list was asked for; CT01 is shown its own list only (CT01)",
        "more exams match than the 2 answers that CT01 is set to: the later ones were not sent",
    ]
    findings.gathering.write()
    assert WorklistFinding.objects.get(code="ANSWERS_CUT").station_ae_title == "CT01"


def test_what_is_behind_the_answer_limit_is_not_linted_for_the_station(three_orders: None, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Found] = []
    monkeypatch.setattr(linting.looking, "offer", lambda site_id, ae_title, found, seen: looked.extend(found))
    save_station(a_site(), StationData("CT01", ("CT",), answer_limit=2), ACTOR)
    assert statuses_of(identifier(PatientID="")) == [statuses.PENDING] * 2
    assert len(looked) == 2


def test_a_key_that_is_no_date_fails_with_a900_and_names_the_element(db: None) -> None:
    with pytest.raises(DimseFailure) as failed:
        statuses_of(identifier({"ScheduledProcedureStepStartDate": "2026-07-06"}))
    assert failed.value.status == statuses.IDENTIFIER_DOES_NOT_MATCH
    assert failed.value.offending == (0x00400002,)
    assert "ScheduledProcedureStepStartDate" in failed.value.comment


def test_over_the_network_the_failure_leaves_the_association_alive(server: DicomServer, site: Site) -> None:
    an_order(patient_id="P7")
    with scu.open_association("127.0.0.1", server.port, calling="CT01", called="STEPWISE", contexts=[MODALITY_WORKLIST]) as association:
        with pytest.raises(outcomes.FailureStatus) as failed:
            list(association.find(identifier({"ScheduledProcedureStepStartTime": "late"})))
        assert failed.value.answer.status == statuses.IDENTIFIER_DOES_NOT_MATCH
        assert [answer.PatientID for answer in association.find(identifier(PatientID=""))] == ["P7"]


def test_the_policy_knows_sites_and_stations(server: DicomServer, site: Site, settings) -> None:
    settings.UNKNOWN_CALLERS = "reject"
    a_station("CT01")
    for calling, called, refused in (("CT01", "STEPWISE", None), ("CT99", "STEPWISE", 3), ("CT01", "OTHER", 7)):
        try:
            with scu.open_association("127.0.0.1", server.port, calling=calling, called=called, contexts=[VERIFICATION]):
                reason = None
        except outcomes.Refused as error:
            reason = error.reason
        assert reason == refused


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data directory of its own with empty tables."""
    directory = tmp_path_factory.mktemp("data")
    environment = {"RIS_DATA_DIR": str(directory), "RIS_DICOM_PORT": str(free_port()), "RIS_UNKNOWN_CALLERS": "accept", "DATABASE_URL": ""}
    prepared.migrated(directory)
    return environment


def test_the_dicom_command_serves_until_sigterm_and_says_when_its_port_is_taken(tmp_path: Path, environment: dict[str, str]) -> None:
    port = int(environment["RIS_DICOM_PORT"])
    with Process.manage("dicom", log=tmp_path / "dicom.log", env=environment) as dicom:
        dicom.wait_for(f"listening on port {port} as STEPWISE")
        both = [MODALITY_WORKLIST, MODALITY_PERFORMED_PROCEDURE_STEP]
        with scu.open_association("127.0.0.1", port, calling="CT01", called="STEPWISE", contexts=both) as association:
            assert list(association.find(identifier(PatientID=""))) == []
        second = Process.manage("dicom", log=tmp_path / "second.log", env=environment).start()
        assert second.wait(30) == 1
        assert "Address already in use" in second.output()
        assert "RIS_DICOM_PORT" in second.output()
        assert dicom.terminate(10) == 0


def test_services_can_be_split(tmp_path: Path, environment: dict[str, str]) -> None:
    port = int(environment["RIS_DICOM_PORT"])
    with Process.manage("dicom", "--services", "mpps", log=tmp_path / "dicom.log", env=environment) as dicom:
        dicom.wait_for("listening")
        with (
            pytest.raises(outcomes.NothingAccepted),
            scu.open_association("127.0.0.1", port, calling="CT01", called="STEPWISE", contexts=[MODALITY_WORKLIST]),
        ):
            pass


def test_a_station_is_refused_from_an_address_that_it_does_not_list_until_it_does(server: DicomServer, site: Site) -> None:
    def listed(*addresses: str) -> None:
        save_station(site, StationData("CT01", ("CT",), addresses=addresses), ACTOR)

    def call() -> None:
        with scu.open_association("127.0.0.1", server.port, calling="CT01", called=site.ae_title) as association:
            association.echo()

    call()
    listed("192.0.2.7")
    with pytest.raises(outcomes.Refused) as refused:
        call()
    assert (refused.value.result, refused.value.source, refused.value.reason) == (1, 1, 3)
    listed("192.0.2.7", "127.0.0.0/8")
    call()
