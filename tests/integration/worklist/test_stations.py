"""What stations are set to, on the wire: each change shows in the next query of an association that stays open."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dimse import outcomes, scu, statuses
from dimse.server import DicomServer
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST
from dimse.uids import new_uid
from mpps.models import PerformedProcedureStep
from ris.actions import steps
from ris.actions.renaming import Renaming, rename_station
from ris.actions.stations import StationData, data_of, save_station
from ris.models import Order, Site, Station
from tests.support.consoles import items, key, of_step, opened
from tests.support.dcmtk import findscu
from tests.support.hospital import ACTOR, a_pool, a_station, an_order, in_minutes, steps_of
from tests.support.mpps import a_create
from tests.support.worklist import identifier
from worklist import reading

pytestmark = pytest.mark.both_databases

Ask = Callable[..., list[str]]
Set = Callable[..., None]
STATION, STATUS = "ScheduledStationAETitle", "ScheduledProcedureStepStatus"


@pytest.fixture
def ask(server: DicomServer) -> Iterator[Ask]:
    """Patient IDs that a query finds, asked as CT01 on one association; keys are those of the step sequence."""
    a_station("CT01")
    with scu.open_association("127.0.0.1", server.port, calling="CT01", called="STEPWISE", contexts=[MODALITY_WORKLIST]) as association:

        def run(**step: Any) -> list[str]:
            return [str(answer.PatientID) for answer in association.find(identifier(step, PatientID=""))]

        yield run


@pytest.fixture
def settle(site: Site) -> Set:
    """Change settings of a station, of CT01 if no other one is named."""

    def run(station: str = "CT01", **changes: Any) -> None:
        known = data_of(Station.objects.get(site=site, ae_title=station))
        save_station(site, replace(known, **changes), ACTOR)

    return run


def booked(patient_id: str, station: str, minutes: int = 10) -> Order:
    return an_order(station=station, patient_id=patient_id, start=in_minutes(minutes))


def test_a_station_sees_its_pool_s_its_aliases_and_as_a_policy_nothing_else(ask: Ask, settle: Set) -> None:
    a_pool("ANYCT", a_station("CT01"), a_station("CT02"))
    steps.schedule(steps_of(booked("POOL", "CT01"))[0].pk, "ANYCT", in_minutes(10), ACTOR)
    booked("OWN", "CT01", 60)
    booked("OTHER", "CT02", 120)
    booked("FORMER", "OLDCT", 90)
    assert ask(**{STATION: "CT01"}) == ["POOL", "OWN"]
    assert ask(**{STATION: "CT02"}) == ["POOL", "OTHER"]
    settle(aliases=("OLDCT", "CT02"))
    assert ask(**{STATION: "CT01"}) == ["POOL", "OWN", "FORMER", "OTHER"]
    settle(aliases=("OLDCT",), own_list_only=True)
    assert ask() == ask(**{STATION: "CT01"}) == ["POOL", "OWN", "FORMER"]
    assert ask(**{STATION: "CT02"}) == ["POOL"]
    settle(aliases=(), own_list_only=False)
    assert ask() == ["POOL", "OWN", "FORMER", "OTHER"]
    assert ask(**{STATION: "OLDCT"}) == ["FORMER"]


def test_an_answer_names_the_station_of_the_step_not_of_the_asker(server: DicomServer, site: Site) -> None:
    a_station("CT02")
    save_station(site, StationData("CT01", ("CT",), aliases=("CT02",)), ACTOR)
    booked("P1", "CT02")
    with scu.open_association("127.0.0.1", server.port, calling="CT01", called="STEPWISE", contexts=[MODALITY_WORKLIST]) as association:
        (answer,) = association.find(identifier({STATION: "CT01"}))
    assert answer.ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "CT02"


def test_statuses_and_arrival(ask: Ask, settle: Set) -> None:
    for number, status in enumerate(("SCHEDULED", "ARRIVED", "STARTED")):
        step = steps_of(booked(status, "CT01", 30 * number))[0]
        if status == "ARRIVED":
            steps.arrive(step.pk, ACTOR)
        if status == "STARTED":
            steps.start(step.pk, ACTOR)
    assert ask() == ["SCHEDULED", "ARRIVED"]
    settle(statuses_shown=("ARRIVED", "STARTED"))
    assert ask() == ["ARRIVED", "STARTED"]
    assert ask(**{STATUS: "SCHEDULED"}) == ["SCHEDULED"]
    settle(requires_arrival=True)
    assert ask(**{STATUS: "SCHEDULED"}) == []
    settle(statuses_shown=("SCHEDULED", "ARRIVED", "READY"))
    assert ask() == ["ARRIVED"]


def test_what_is_too_old_is_not_served_to_a_station_with_an_age_limit(ask: Ask, settle: Set) -> None:
    booked("OLD", "CT01", -60 * 49)
    booked("NEW", "CT01", -60 * 47)
    assert ask() == ask(**{STATION: "CT01"}) == ["OLD", "NEW"]
    settle(age_limit_hours=48)
    assert ask() == ask(**{STATION: "CT01"}) == ["NEW"]


def test_an_answer_limit_ends_with_success_or_with_a700(ask: Ask, settle: Set) -> None:
    for number in range(3):
        booked(f"P{number}", "CT01", 60 * number)
    settle(answer_limit=2)
    assert ask() == ["P0", "P1"]
    settle(answer_limit=3, at_answer_limit="A700")
    assert ask() == ["P0", "P1", "P2"]
    settle(answer_limit=2)
    with pytest.raises(outcomes.FailureStatus) as failed:
        ask()
    assert failed.value.answer.status == statuses.OUT_OF_RESOURCES
    assert failed.value.answer.comment == "More than 2 exams match; ask for fewer, e.g. for one day"


def test_several_step_items_are_used_by_the_first_or_refused(ask: Ask, settle: Set, server: DicomServer) -> None:
    booked("P1", "CT01")
    asked = identifier({"Modality": "CT"}, PatientID="")
    asked.ScheduledProcedureStepSequence.append(Dataset())
    with scu.open_association("127.0.0.1", server.port, calling="CT01", called="STEPWISE", contexts=[MODALITY_WORKLIST]) as association:
        assert [answer.PatientID for answer in association.find(asked)] == ["P1"]
        settle(refuses_several_items=True)
        with pytest.raises(outcomes.FailureStatus) as failed:
            list(association.find(asked))
    assert (failed.value.answer.status, failed.value.answer.offending) == (statuses.IDENTIFIER_DOES_NOT_MATCH, (0x00400100,))


def test_answers_are_ff01_where_a_key_is_not_supported_or_always_ff00(settle: Set, server: DicomServer) -> None:
    booked("P1", "CT01")
    with opened(server.port) as console:

        def pending() -> list[int]:
            console.peer.send(console.query(key("PatientID"), items("ProcedureCodeSequence"), of_step(key("Modality"))))
            return console.responses()[0][:-1]

        assert pending() == [statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED]
        settle(only_ff00=True)
        assert pending() == [statuses.PENDING]


def test_a_caller_that_is_no_station_is_dealt_with_as_the_one_it_asks_for(server: DicomServer, site: Site) -> None:
    save_station(site, StationData("CT01", ("CT",), requires_arrival=True), ACTOR)
    booked("P1", "CT01")
    with scu.open_association("127.0.0.1", server.port, calling="BROKER", called="STEPWISE", contexts=[MODALITY_WORKLIST]) as association:
        assert list(association.find(identifier({STATION: "CT01"}))) == []
        assert len(list(association.find(identifier({STATION: ""})))) == 1


def test_a_station_is_renamed_while_its_scanner_is_connected_and_neither_title_meets_an_empty_list(
    ask: Ask, server: DicomServer, tmp_path: Path
) -> None:
    """The scanner is changed hours later: until then it asks and reports under the title that it has."""
    order = booked("OWN", "CT01")
    station = Station.objects.get(ae_title="CT01")
    assert ask(**{STATION: "CT01"}) == ["OWN"]
    rename_station(station.site, Renaming("CT01"), "CT-EAST", ACTOR, station.version)
    assert ask(**{STATION: "CT01"}) == ask(**{STATION: "CT-EAST"}) == ["OWN"]
    for title in ("CT01", "CT-EAST"):
        answers = tmp_path / title
        answers.mkdir()
        asked = f"ScheduledProcedureStepSequence[0].ScheduledStationAETitle={title}"
        subprocess.run(findscu(server.port, answers, "-k", asked, calling=title), capture_output=True, timeout=60, check=True)
        (answer,) = (reading.read(path).dataset for path in answers.iterdir())
        assert answer.ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "CT-EAST"
    (step,) = steps_of(order)
    with scu.open_association(
        "127.0.0.1", server.port, calling="CT01", called="STEPWISE", contexts=[MODALITY_PERFORMED_PROCEDURE_STEP]
    ) as association:
        assert association.n_create(a_create(step, PerformedStationAETitle="CT01"), new_uid()).status == statuses.SUCCESS
    performed = PerformedProcedureStep.objects.get()
    assert (performed.station, performed.station_ae_title, performed.calling_ae_title) == (station, "CT-EAST", "CT01")
    assert performed.links.get().step == step
    renamed = Station.objects.get(ae_title="CT-EAST")
    rename_station(station.site, Renaming("CT-EAST", given_up=["CT01"]), "CT-EAST", ACTOR, renamed.version)
    booked("NEXT", "CT-EAST", 90)
    assert (ask(**{STATION: "CT01"}), ask(**{STATION: "CT-EAST"})) == ([], ["NEXT"]), "the one that is begun is hidden"
