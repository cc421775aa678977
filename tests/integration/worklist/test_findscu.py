"""DCMTK's own findscu against the served worklist of its package's ten items; the thirteen queries are in `test_wlmscpfs`."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import Dataset

from dimse.server import DicomServer
from ris.actions import steps
from ris.models import Site
from tests.support.dcmtk import dcmtk, dcmtk_examples, findscu
from tests.support.hospital import ACTOR, a_station, an_order, steps_of
from worklist import importer, reading

IN_ORDER_OF_START = ["SPD9478", "SPD57584", "SPD3445", "SPD1234", "SPD73843", "SPD4564", "SPD1342", "SPD8265", "SPD43645", "SPD4548"]
Find = Callable[..., list[Dataset]]


@pytest.fixture
def find(server: DicomServer, tmp_path: Path) -> Find:
    """Run findscu and return the answers, read from the files that it wrote, in order."""

    def run(*keys: str, calling: str = "FINDSCU", query: Path | None = None, options: tuple[str, ...] = ()) -> list[Dataset]:
        output = tmp_path / f"answers{len(list(tmp_path.iterdir()))}"
        output.mkdir()
        command = findscu(server.port, output, *options, *(part for key in keys for part in ("-k", key)), calling=calling)
        done = subprocess.run([*command, *([str(query)] if query else [])], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        answers = []
        for path in sorted(output.iterdir()):
            answers.append(reading._part_10(path.read_bytes()).dataset)
        return answers

    return run


@pytest.fixture
def ten_items(site: Site) -> None:
    report = importer.import_paths([dcmtk_examples("wlistdb/OFFIS")], False, site)
    assert (len(report.made), report.skipped) == (10, [])


def step_ids(answers: list[Dataset]) -> list[str]:
    return [answer.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID for answer in answers]


@pytest.mark.both_databases
def test_the_ten_items_of_dcmtk_come_back_as_they_are_in_order_of_start(ten_items: None, find: Find) -> None:
    answers = find("AccessionNumber", "PatientName", "MedicalAlerts", "(0040,0100)[0].ScheduledProcedureStepID")
    assert step_ids(answers) == IN_ORDER_OF_START
    first = answers[0]
    assert (first.AccessionNumber, first.PatientName, first.MedicalAlerts) == ("00006", "HAYDN^FRANZ^JOSEPH", "ABZESS")
    assert "00002" in {answer.AccessionNumber for answer in answers}  # wklist2.dump has it twice; the first counts


STATION, MODALITY, PHYSICIAN = "ScheduledStationAETitle", "Modality", "ScheduledPerformingPhysicianName"
DATE, TIME, STATUS = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime", "ScheduledProcedureStepStatus"
NARROWING = [
    ({STATION: "NN77"}, {}, ["SPD4564", "SPD8265"]),
    ({STATION: "AA32", MODALITY: "US"}, {}, ["SPD73843"]),
    ({DATE: "19960401-19960430"}, {}, ["SPD1342", "SPD8265"]),
    # one interval, not a daily window: 16:07 of the second day is within, 11:08:56 of the last is not
    ({DATE: "19960405-19960423", TIME: "1700-1100"}, {}, ["SPD1342"]),
    ({TIME: "1607"}, {}, ["SPD1342"]),
    ({PHYSICIAN: "ross"}, {}, ["SPD9478", "SPD1342", "SPD8265"]),
    ({STATUS: "ARRIVED"}, {}, []),
    ({}, {"PatientName": "mozart*"}, ["SPD57584", "SPD4548"]),
    ({}, {"PatientID": "HF"}, ["SPD9478", "SPD1234", "SPD73843"]),
    ({}, {"AccessionNumber": "00008"}, ["SPD8265"]),
    ({}, {"RequestedProcedureID": "RP472"}, ["SPD8265"]),
    ({}, {"StudyInstanceUID": "1.2.276.0.7230010.3.2.110"}, ["SPD4548"]),
]


@pytest.mark.both_databases
def test_each_matching_key_narrows(ten_items: None, find: Find) -> None:
    for step, root, expected in NARROWING:
        keys = [f"(0040,0100)[0].{keyword}={value}" for keyword, value in step.items()] + [f"{k}={v}" for k, v in root.items()]
        assert step_ids(find("(0040,0100)[0].ScheduledProcedureStepID", *keys)) == expected, keys


@pytest.mark.parametrize("syntax", [(), ("-xi",), ("-xe",), ("-xb",)])
def test_answers_come_in_the_character_set_of_the_station(site: Site, find: Find, syntax: tuple[str, ...]) -> None:
    a_station("LATIN", "CT", character_set="ISO_IR 100")
    an_order(name="MÜLLER^Jürgen=山田^太郎", patient_id="P1", start=datetime(2026, 7, 6, 12, 0, tzinfo=UTC))
    an_order(name="KRÜGER^Jörg", patient_id="P2", start=datetime(2026, 7, 6, 14, 0, tzinfo=UTC))
    for calling in ("LATIN", "CT01", "NOBODY"):
        answers = find("PatientName", "PatientID", calling=calling, options=syntax)
        assert [str(answer.PatientName) for answer in answers] == ["MÜLLER^Jürgen=山田^太郎", "KRÜGER^Jörg"]
        sets = [answer.SpecificCharacterSet for answer in answers]
        assert sets == ["ISO_IR 192", "ISO_IR 100" if calling == "LATIN" else "ISO_IR 192"]


def test_a_query_in_latin_1_finds_the_name(site: Site, find: Find, tmp_path: Path) -> None:
    an_order(name="MÜLLER^Jürgen", patient_id="P1")
    text = tmp_path / "query.dump"
    text.write_bytes(b"(0008,0005) CS [ISO_IR 100]\n(0010,0010) PN [m\xfcl*]\n")
    query = tmp_path / "query.dcm"
    subprocess.run([dcmtk("dump2dcm"), str(text), str(query)], check=True, capture_output=True)
    assert [str(answer.PatientName) for answer in find(query=query)] == ["MÜLLER^Jürgen"]


def test_a_step_that_was_started_is_no_longer_offered(site: Site, find: Find) -> None:
    step = steps_of(an_order())[0]
    assert len(find("PatientName")) == 1
    steps.start(step.pk, ACTOR)
    assert find("PatientName") == []
    assert len(find("PatientName", "(0040,0100)[0].ScheduledProcedureStepStatus=STARTED")) == 1
