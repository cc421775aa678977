"""`export_worklist` and DCMTK: its tools read the files, its wlmscpfs serves the folder with the answers that we give."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import Dataset

from dimse.server import DicomServer
from ris.actions import steps
from ris.models import Site
from tests.support.dcmtk import dcmtk, dcmtk_examples
from tests.support.hospital import ACTOR, an_order, in_minutes, steps_of
from tests.support.wlmscpfs import ABSENT, ANSWER, EMPTY, Difference, Peer, Row, compared, dump2dcm, expected, findscu, wlmscpfs, written
from tests.support.worklist import identifier
from worklist import exporter, importer

STEP = "ScheduledProcedureStepSequence."
WHOLE = ("wlistqry1", "wlistqry3")  # an empty item asks for the whole step
NAMES = ("MÜLLER^Jürgen", "Yamada^Tarou=山田^太郎=やまだ^たろう", "Люкceмбypг", "قباني^لنزار", "Hong^Gildong=洪^吉洞=홍^길동")

ASKED: dict[str, Dataset] = {
    "an ideographic name": identifier({"ScheduledProcedureStepID": ""}, PatientName="*=山田*", SpecificCharacterSet="ISO_IR 192"),
    "an umlaut": identifier({"ScheduledProcedureStepID": ""}, PatientName="MÜL*", SpecificCharacterSet="ISO_IR 192"),
    "an umlaut in Latin-1": identifier({"ScheduledProcedureStepID": ""}, PatientName="MÜL*", SpecificCharacterSet="ISO_IR 100"),
    "a day": identifier({"ScheduledProcedureStepID": "", "ScheduledProcedureStepStartDate": "20260706"}, PatientName=""),
    "a station": identifier({"ScheduledProcedureStepID": "", "ScheduledStationAETitle": "CT01"}, PatientName=""),
}

TABLE = (
    *(
        Row(
            WHOLE,
            Difference(STEP + keyword, ABSENT, EMPTY),
            answers,
            "PS3.4 K.6-1, all other attributes of the step: type 3 without a value is left out of a step that is asked for whole",
        )
        for keyword, answers in (
            ("CommentsOnTheScheduledProcedureStep", 15),
            ("ScheduledProcedureStepEndDate", 10),
            ("ScheduledProcedureStepEndTime", 10),
            ("ScheduledProtocolCodeSequence.CodingSchemeVersion", 5),
        )
    ),
    *(
        Row(
            (*WHOLE, "wlistqry11"),
            Difference(STEP + keyword, ABSENT, EMPTY),
            answers,
            "PS3.4 K.6-1: type 2C, required when it is to be given; PS3.5 7.4.4: not when the condition is not met",
        )
        for keyword, answers in (("PreMedication", 15), ("RequestedContrastAgent", 13))
    ),
    Row(
        ("an umlaut in Latin-1",),
        Difference(ANSWER, "SPS-90001", ABSENT),
        1,
        "PS3.3 C.12.1.1.2: the set that the query declares says which letters its keys are; wlmscpfs compares bytes",
    ),
)


@pytest.fixture
def mixed(site: Site) -> None:
    """DCMTK's ten items and five orders made here, with names in five scripts."""
    assert len(importer.import_paths([dcmtk_examples("wlistdb/OFFIS")], False, site).made) == 10
    for number, name in enumerate(NAMES):
        an_order(name=name, patient_id=f"P{number}", start=datetime(2026, 7, 6, 12 + number, 0, tzinfo=UTC))


def test_wlmscpfs_serves_the_folder_with_the_answers_that_we_give(mixed: None, server: DicomServer, site: Site, tmp_path: Path) -> None:
    report = exporter.export(tmp_path / "STEPWISE", site)
    assert (report.written, report.incomplete) == (15, [])
    queries = {
        name: dump2dcm(dcmtk_examples("wlistqry") / f"{name}.dump", tmp_path / f"{name}.dcm")
        for name in (f"wlistqry{number}" for number in range(13))
    } | {name: written(query, tmp_path / f"{name}.dcm") for name, query in ASKED.items()}
    with wlmscpfs(tmp_path, "STEPWISE", tmp_path / "log") as theirs:
        found = compared(queries, Peer("STEPWISE", server.port), theirs, list(queries.values()), tmp_path)
    assert {name: comparison.differences for name, comparison in found.items()} == expected(found, TABLE)
    assert [found[name].common for name in ASKED] == [1, 1, 0, 5, 5]


def test_dcmtk_reads_the_files_without_a_warning(mixed: None, site: Site, tmp_path: Path) -> None:
    exporter.export(tmp_path, site)
    files = sorted(map(str, tmp_path.glob("*.wl")))
    done = subprocess.run([dcmtk("dcmdump"), "--verbose", *files], capture_output=True, check=True)
    assert done.stderr.count(b"\nW:") == 0, done.stderr.decode()
    assert done.stdout.decode().count("# Used TransferSyntax: Little Endian Explicit") == 2 * len(files)
    assert done.stdout.decode().count("[ISO_IR 192]") == len(NAMES)


def test_the_ten_items_of_dcmtk_go_out_and_in_again_unchanged(site: Site, tmp_path: Path) -> None:
    importer.import_paths([dcmtk_examples("wlistdb/OFFIS")], False, site)
    exporter.export(tmp_path, site)
    again = importer.import_paths([tmp_path], False, site)
    assert (len(again.unchanged), again.made, again.updated, again.skipped) == (10, [], [], [])
    assert exporter.export(tmp_path, site).unchanged == 10


def test_wlmscpfs_follows_a_second_export_while_it_runs(server: DicomServer, site: Site, tmp_path: Path) -> None:
    orders = [an_order(patient_id=f"P{number}", start=in_minutes(60 * number + 10)) for number in range(3)]
    exporter.export(tmp_path / "STEPWISE", site)
    query = written(identifier({"Modality": ""}, PatientID=""), tmp_path / "query.dcm")
    with wlmscpfs(tmp_path, "STEPWISE", tmp_path / "log") as theirs:
        (before,) = findscu(theirs, tmp_path / "before", [query])
        steps.start(steps_of(orders[1])[0].pk, ACTOR)
        report = exporter.export(tmp_path / "STEPWISE", site)
        (after,) = findscu(theirs, tmp_path / "after", [query])
    assert (report.written, report.unchanged, report.removed) == (0, 2, 1)
    assert sorted(one.identifier.PatientID for one in before) == ["P0", "P1", "P2"]
    assert sorted(one.identifier.PatientID for one in after) == ["P0", "P2"]


def test_what_is_told_to_be_incomplete_is_what_wlmscpfs_passes_over(site: Site, tmp_path: Path) -> None:
    text = (dcmtk_examples("wlistdb/OFFIS") / "wklist1.dump").read_text("latin-1")
    lines = text.splitlines()
    needless = ("(0040,0001)", "(0040,0003)", "(0008,0060)", "(0020,000d)", "(0010,0010)", "(0010,0020)", "(0040,0007)", "(0032,1060)")
    (tmp_path / "in").mkdir()
    for number, tag in enumerate((*needless, "(0040,0012)", "(0010,0040)")):
        kept = [line.replace("SPD3445", f"S{number}").replace("00000", f"N{number}") for line in lines if not line.startswith(tag)]
        (tmp_path / "in" / f"{number}.dump").write_text("\n".join(kept), "latin-1")
    assert len(importer.import_paths([tmp_path / "in"], False, site).made) == 10
    report = exporter.export(tmp_path / "STEPWISE", site)
    with wlmscpfs(tmp_path, "STEPWISE", tmp_path / "log") as theirs:
        (answers,) = findscu(theirs, tmp_path / "out", [written(identifier({}, AccessionNumber=""), tmp_path / "query.dcm")])
    assert sorted(one.identifier.AccessionNumber for one in answers) == ["N8", "N9"]
    assert sorted(one.name.split("_")[0] for one in report.incomplete) == [f"N{number}" for number in range(8)]
