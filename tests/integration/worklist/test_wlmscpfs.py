"""The same items served by DCMTK's wlmscpfs and by us: the same queries get the same answers, but for what a table explains.

A difference that is not in the table fails, and so does a row that no longer occurs. The table was made with DCMTK 3.6.7.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dimse.server import DicomServer
from ris.models import Site
from tests.support.dcmtk import dcmtk_examples
from tests.support.wlmscpfs import (
    ABSENT,
    ANSWER,
    EMPTY,
    Comparison,
    Difference,
    Peer,
    Row,
    compared,
    dump2dcm,
    expected,
    wlmscpfs,
    written,
)
from tests.support.worklist import identifier
from worklist import importer

STEP = "ScheduledProcedureStepSequence."
AE, MODALITY, PHYSICIAN = "ScheduledStationAETitle", "Modality", "ScheduledPerformingPhysicianName"
DATE, TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"
ALL = "SPD1234 SPD1342 SPD3445 SPD43645 SPD4548 SPD4564 SPD57584 SPD73843 SPD8265 SPD9478"
DCMTK_QUERIES = [f"wlistqry{number}" for number in range(13)]

_BESIDES = """
AccessionNumber AdditionalPatientHistory AdmissionID AdmittingDiagnosesDescription ConfidentialityCode
ConfidentialityConstraintOnPatientDataDescription CurrentPatientLocation EthnicGroup FillerOrderNumberImagingServiceRequest
ImagingServiceRequestComments InstitutionAddress InstitutionName IssuerOfAdmissionID IssuerOfPatientID
IssueDateOfImagingServiceRequest IssueTimeOfImagingServiceRequest LastMenstrualDate MilitaryRank
NamesOfIntendedRecipientsOfResults OrderCallbackPhoneNumber OrderEnteredBy OrderEntererLocation OtherPatientIDs OtherPatientNames
PatientAddress PatientComments PatientSize PatientState PatientTransportArrangements PatientWeight
PlacerOrderNumberImagingServiceRequest ReasonForTheImagingServiceRequest ReasonForTheRequestedProcedure ReferringPhysicianName
ReportingPriority RequestedProcedureComments RequestedProcedureLocation RequestingService ResponsiblePerson ResponsiblePersonRole
SmokingStatus SpecialNeeds StudyDate StudyTime
"""

QUERIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing but the step ID": ({}, {}),
    "a station": ({AE: "NN77"}, {}),
    "a station and a modality": ({AE: "AA32", MODALITY: "US"}, {}),
    "two stations": ({AE: "AA32\\AB45"}, {}),
    "a station in lower case": ({AE: "aa32"}, {}),
    "a station with a wildcard": ({AE: "AA*"}, {}),
    "a station that is a wildcard": ({AE: "*"}, {}),
    "a modality in lower case": ({MODALITY: "ct"}, {}),
    "a modality with a wildcard": ({MODALITY: "C?"}, {}),
    "two modalities": ({MODALITY: "CT\\MR"}, {}),
    "a date": ({DATE: "19960406"}, {}),
    "a date of the old form": ({DATE: "1996.04.06"}, {}),
    "a date that is a wildcard": ({DATE: "*"}, {}),
    "no date": ({DATE: "someday"}, {}),
    "dates": ({DATE: "19960401-19960430"}, {}),
    "dates from": ({DATE: "19960401-"}, {}),
    "dates to": ({DATE: "-19951206"}, {}),
    "a time": ({TIME: "1607"}, {}),
    "a time with a fraction": ({TIME: "160700.000"}, {}),
    "times": ({TIME: "1000-1500"}, {}),
    "times to": ({TIME: "-1200"}, {}),
    "no time": ({TIME: "late"}, {}),
    "dates and times, one interval": ({DATE: "19960405-19960423", TIME: "1700-1100"}, {}),
    "dates and times, an interval of months": ({DATE: "19951015-19960123", TIME: "1000-1200"}, {}),
    "dates and times from": ({DATE: "19960401-", TIME: "1700-"}, {}),
    "dates and times to": ({DATE: "-19960401", TIME: "-1200"}, {}),
    "dates from, times to": ({DATE: "19960401-", TIME: "-1200"}, {}),
    "a date and times": ({DATE: "19960406", TIME: "1600-1700"}, {}),
    "a physician": ({PHYSICIAN: "ROSS"}, {}),
    "physicians": ({PHYSICIAN: "R*"}, {}),
    "a physician in lower case": ({PHYSICIAN: "ross"}, {}),
    "a status": ({"ScheduledProcedureStepStatus": "ARRIVED"}, {}),
    "a step ID": ({"ScheduledProcedureStepID": "SPD4548"}, {}),
    "a place": ({"ScheduledProcedureStepLocation": "B76F67"}, {}),
    "names": ({}, {"PatientName": "MOZART*"}),
    "names in lower case": ({}, {"PatientName": "mozart*"}),
    "a name": ({}, {"PatientName": "HAYDN^FRANZ^JOSEPH"}),
    "half a name": ({}, {"PatientName": "HAYDN"}),
    "a name with empty components": ({}, {"PatientName": "HAYDN^FRANZ^JOSEPH^^"}),
    "a name with empty groups": ({}, {"PatientName": "HAYDN^FRANZ^JOSEPH="}),
    "names with wildcards in the middle": ({}, {"PatientName": "?AYDN*JOSEPH"}),
    "a patient": ({}, {"PatientID": "HF"}),
    "a patient in lower case": ({}, {"PatientID": "hf"}),
    "a padded patient": ({}, {"PatientID": " HF "}),
    "patients": ({}, {"PatientID": "AV*"}),
    "an accession number": ({}, {"AccessionNumber": "00008"}),
    "accession numbers": ({}, {"AccessionNumber": "0000?"}),
    "a procedure ID": ({}, {"RequestedProcedureID": "RP472"}),
    "procedure IDs": ({}, {"RequestedProcedureID": "RP4*"}),
    "a study": ({}, {"StudyInstanceUID": "1.2.276.0.7230010.3.2.110"}),
    "men": ({}, {"PatientSex": "M"}),
    "women": ({}, {"PatientSex": "F"}),
    "a birthday": ({}, {"PatientBirthDate": "17911205"}),
    "birthdays": ({}, {"PatientBirthDate": "17000101-17500101"}),
    "a priority": ({}, {"RequestedProcedurePriority": "HIGH"}),
    "a requesting physician": ({}, {"RequestingPhysician": "MILLER"}),
    "an alert": ({}, {"MedicalAlerts": "LEUKEMIA"}),
    "a level": ({}, {"QueryRetrieveLevel": "PATIENT"}),
    "a character set": ({}, {"SpecificCharacterSet": "ISO_IR 192"}),
    "references": ({}, {"ReferencedStudySequence": [], "ReferencedPatientSequence": []}),
    "the study's class": ({}, {"ReferencedStudySequence": [identifier(ReferencedSOPClassUID="")]}),
    "a protocol": ({"ScheduledProtocolCodeSequence": []}, {}),
    "a code": ({}, {"RequestedProcedureCodeSequence": []}),
    "what wlmscpfs knows besides": (
        {"ScheduledProcedureStepEndDate": "", "ScheduledProcedureStepEndTime": "", "ScheduledProcedureStepStatus": ""},
        dict.fromkeys(_BESIDES.split(), ""),
    ),
    "whether pregnant": ({}, {"PregnancyStatus": None}),
    "what wlmscpfs does not know": ({}, {"PatientAge": "", "StudyDescription": "", "ScheduledSpecimenSequence": []}),
}
"""Keys of the step and of the root; the step ID is asked for in each."""


WHOLE = ("wlistqry1", "wlistqry3")  # an empty item asks for the whole step
DECLARATION = Difference("SpecificCharacterSet", ABSENT, "ISO_IR 100")
"""In every answer. PS3.3 C.12.1.1.2: required when another than the default repertoire is used, which no value here needs; theirs
repeats what the file declares. Both are right."""

TABLE = (
    Row(
        WHOLE,
        Difference(STEP + "ScheduledProcedureStepStatus", "SCHEDULED", EMPTY),
        10,
        "PS3.3 Table C.4-10: optional; the step has a status here, and the file has none",
    ),
    *(
        Row(
            WHOLE,
            Difference(STEP + keyword, ABSENT, EMPTY),
            10,
            "PS3.4 K.6-1, all other attributes of the step: type 3 without a value is left out of a step that is asked for whole",
        )
        for keyword in ("CommentsOnTheScheduledProcedureStep", "ScheduledProcedureStepEndDate", "ScheduledProcedureStepEndTime")
    ),
    Row(
        (*WHOLE, "wlistqry11"),
        Difference(STEP + "PreMedication", ABSENT, EMPTY),
        10,
        "PS3.4 K.6-1: type 2C, required when pre-medication is to be given; PS3.5 7.4.4: not when the condition is not met",
    ),
    Row(
        (*WHOLE, "wlistqry11"),
        Difference(STEP + "RequestedContrastAgent", ABSENT, EMPTY),
        8,
        "PS3.4 K.6-1: type 2C, required when a contrast agent is to be given; two of the ten items name one",
    ),
    # keys that are not as the standard has them: wlmscpfs refuses the query, we understand them
    *(
        Row((name,), Difference(ANSWER, mine, "Error: DataSetDoesNotMatchSOPClass"), 1, why)
        for name, mine, why in (
            (
                "a modality in lower case",
                "SPD1342 SPD57584 SPD8265 SPD9478",
                "PS3.5 6.2: CS has no such letters; they can mean one term only",
            ),
            (
                "two modalities",
                "SPD1342 SPD3445 SPD4548 SPD57584 SPD8265 SPD9478",
                "PS3.4 K.6-1: Single Value Matching, which two values are none of; each is taken for one, and it is noted",
            ),
            ("a date of the old form", "SPD1342", "PS3.5 6.2, note on DA: the form of ACR-NEMA is to be accepted for compatibility"),
            ("a date that is a wildcard", ALL, "PS3.4 C.2.2.2.4: no wildcard for DA; taken for a universal key, which it is meant for"),
        )
    ),
    Row(
        ("a physician in lower case",),
        Difference(ANSWER, "SPD1342 SPD8265 SPD9478", ABSENT),
        1,
        "PS3.4 C.2.2.2.1: whether case counts in names is for the SCP to declare; here it does not",
    ),
    Row(
        ("names in lower case",),
        Difference(ANSWER, "SPD4548 SPD57584", ABSENT),
        1,
        "PS3.4 C.2.2.2.1: whether case counts in names is for the SCP to declare; here it does not",
    ),
    Row(
        ("a name with empty components",),
        Difference(ANSWER, "SPD1234 SPD73843 SPD9478", ABSENT),
        1,
        "PS3.5 6.2.1.1: the delimiters of empty components at the end may be left out, so that both are one name",
    ),
    *(
        Row((name,), difference, 1, "PS3.4 K.2.2.1.2: an optional matching key; theirs does not support it and ignores it, ours does")
        for name, difference in (
            ("a status", Difference(ANSWER, ABSENT, ALL)),
            ("a step ID", Difference(ANSWER, ABSENT, ALL.replace("SPD4548 ", ""))),
            ("a place", Difference(ANSWER, ABSENT, ALL.replace("SPD4564 ", ""))),
            ("a study", Difference(ANSWER, ABSENT, ALL.replace("SPD4548 ", ""))),
            ("an alert", Difference(ANSWER, ABSENT, ALL.replace("SPD4564 ", ""))),
        )
    ),
    Row(
        ("the study's class",),
        Difference("ReferencedStudySequence", EMPTY, "1 items"),
        10,
        "PS3.4 K.6-1: type 2, so empty when there is no reference; theirs invents an item",
    ),
    Row(
        ("the study's class",),
        Difference("ReferencedStudySequence.ReferencedSOPClassUID", ABSENT, EMPTY),
        10,
        "PS3.4 K.6-1: type 1 within an item, so that an item with it empty must not be",
    ),
    Row(
        ("what wlmscpfs knows besides",),
        Difference(STEP + "ScheduledProcedureStepStatus", "SCHEDULED", EMPTY),
        10,
        "PS3.3 Table C.4-10: optional; the step has a status here, and the file has none",
    ),
    Row(
        ("whether pregnant",),
        Difference("PregnancyStatus", EMPTY, "4"),
        10,
        "PS3.5 7.4.3: type 2 is empty when unknown; theirs says 4 (unknown) of items that say nothing",
    ),
    Row(
        ("what wlmscpfs does not know",),
        Difference("status", "Pending", "Pending: WarningUnsupportedOptionalKeys"),
        10,
        "PS3.4 Table K.4-1: FF01 is for optional keys that are not supported; ours are",
    ),
    Row(
        ("a level",),
        Difference("status", "Pending", "Pending: WarningUnsupportedOptionalKeys"),
        10,
        "PS3.4 K.6.1.1: the worklist has no levels, so that QueryRetrieveLevel is no key and is passed over",
    ),
    *(
        Row(("what wlmscpfs does not know",), Difference(keyword, EMPTY, ABSENT), 10, "PS3.4 K.6-1: optional; ours supports it")
        for keyword in ("PatientAge", "StudyDescription", "ScheduledSpecimenSequence")
    ),
)


def explained(found: Mapping[str, Comparison]) -> dict[str, Counter[Difference]]:
    """What the table says of these queries, and the declaration in every answer."""
    told = expected(found, TABLE)
    for name, comparison in found.items():
        if comparison.common:
            told[name][DECLARATION] = comparison.common
    return told


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    database = tmp_path_factory.mktemp("wlmscpfs")
    folder = database / "OFFIS"
    folder.mkdir()
    (folder / "lockfile").touch()
    for text in dcmtk_examples("wlistdb/OFFIS").glob("*.dump"):
        dump2dcm(text, folder / f"{text.stem}.wl")
    with wlmscpfs(database, "OFFIS", database / "log") as peer:
        yield peer


@pytest.fixture
def ours(server: DicomServer, site: Site) -> Peer:
    report = importer.import_paths([dcmtk_examples("wlistdb/OFFIS")], False, site)
    assert (len(report.made), report.skipped) == (10, [])
    return Peer(site.ae_title, server.port)


@pytest.mark.parametrize("syntax", ["--propose-little", "--propose-implicit"])
def test_the_thirteen_queries_of_dcmtk_get_the_answers_of_wlmscpfs(ours: Peer, theirs: Peer, tmp_path: Path, syntax: str) -> None:
    queries = [dump2dcm(dcmtk_examples("wlistqry") / f"{name}.dump", tmp_path / f"{name}.dcm") for name in DCMTK_QUERIES]
    found = compared(DCMTK_QUERIES, ours, theirs, queries, tmp_path, syntax)
    assert {name: comparison.differences for name, comparison in found.items()} == explained(found)
    assert [comparison.common for comparison in found.values()] == [10, 10, 0, 10, 0, 6, 0, 0, 0, 0, 10, 10, 0]


def test_queries_of_every_kind_get_the_answers_of_wlmscpfs(ours: Peer, theirs: Peer, tmp_path: Path) -> None:
    asked = [identifier({"ScheduledProcedureStepID": "", **step}, **root) for step, root in QUERIES.values()]
    queries = [written(query, tmp_path / f"{number}.dcm") for number, query in enumerate(asked)]
    found = compared(QUERIES, ours, theirs, queries, tmp_path)
    assert {name: comparison.differences for name, comparison in found.items()} == explained(found)


def test_every_row_of_the_table_is_about_a_query() -> None:
    assert {name for row in TABLE for name in row.queries} <= {*QUERIES, *DCMTK_QUERIES}
