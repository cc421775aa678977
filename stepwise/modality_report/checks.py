"""What is asked of a modality: one table, read by the judging, the page, the files, docs/station-report.md and the tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ris.markdown import table

ASSOCIATIONS: Final = "Associations"
QUERIES: Final = "Worklist queries"
MPPS: Final = "Performed procedure steps"


@dataclass(frozen=True)
class Check:
    """`asked` completes "The modality …"; `paragraph` is where that stands; `advice` is what to tell the vendor when it fails.

    `unseen` says what it lacked to be judged.
    """

    code: str
    about: str
    asked: str
    paragraph: str
    advice: str
    unseen: str = "Nothing that it is about was sent"


_NO_EXAM: Final = "No performed step was taken for an exam of the worklist, so that there is nothing to compare it with"

CHECKS: Final = (
    Check(
        "ACCEPTED", ASSOCIATIONS, "calls this system by its AE title, from its address, as who it is known as", "PS3.8 9.3.4",
        "Set the called AE title, and the modality's own, as the card for the service engineer has them.",
    ),
    Check(
        "RELEASED", ASSOCIATIONS, "ends associations with A-RELEASE", "PS3.8 7.2",
        "End associations with A-RELEASE-RQ; an abort or a closed connection is for faults, and what was under way is lost.",
    ),
    Check(
        "QUERY_ACCEPTED", QUERIES, "sends identifiers that can be read and answered", "PS3.4 K.4.1.1.3",
        "Correct the key that the Error Comment of the answer names.",
    ),
    Check(
        "QUERY_WELL_FORMED", QUERIES, "writes keys as their VR has them and declares character sets that DICOM knows",
        "PS3.4 C.2.2.2, PS3.5 6.1.2, 6.2",
        "Correct the keys that are named: dates as YYYYMMDD, times as HHMMSS, code strings in capitals, nothing in an empty key; "
        "and declare a defined SpecificCharacterSet, or none.",
    ),
    Check(
        "ONE_STEP_ITEM", QUERIES, "asks with one item in ScheduledProcedureStepSequence, or none", "PS3.4 K.6.1.2.2",
        "Send one item; what further items ask for is not looked at.",
    ),
    Check(
        "NARROWED", QUERIES, "asks for a date, its station, its modality or a patient", "IHE RAD TF-2 4.5.4.1.2",
        "Ask with the day and the station's AE title (broad query), or for a patient: else the list of the whole hospital is sent.",
    ),
    Check(
        "RETURN_KEYS", QUERIES, "asks for the identifiers that MPPS and images carry", "IHE RAD TF-2 4.5.4.1.2, PS3.17 J.2.1",
        "Ask for StudyInstanceUID, AccessionNumber, RequestedProcedureID, ScheduledProcedureStepID, PatientName, PatientID, "
        "PatientBirthDate and PatientSex as return keys; what was not asked for cannot be carried over.",
    ),
    Check(
        "NOT_IN_A_RUSH", QUERIES, "waits five seconds before it asks the same again", "good practice",
        "Ask less often: once a minute shows a change soon enough.",
    ),
    Check(
        "UID_GIVEN", MPPS, "gives each performed step a UID", "PS3.4 F.7.2.1.2",
        "Send Affected SOP Instance UID (0000,1000) with the N-CREATE, and the same in the images.",
    ),
    Check(
        "CREATED_ONCE", MPPS, "creates a performed step once, and again only when no answer came", "PS3.7 10.1.5.1.6, status 0111H",
        "Send an N-CREATE again only when no answer came; when the answer is 0111H then, go on with N-SET: it is no failure.",
    ),
    Check(
        "CREATE_COMPLETE", MPPS, "sends with N-CREATE every attribute of type 1 with a value and every one of type 2",
        "PS3.4 Table F.7.2-1",
        "Send the attributes that are named: those of type 1 with a value, those of type 2 empty when not known.",
    ),
    Check(
        "STATUS_EXACT", MPPS, "spells the status IN PROGRESS, COMPLETED or DISCONTINUED, and begins with the first",
        "PS3.4 F.7.2.1.2, PS3.3 C.4.14",
        "Write PerformedProcedureStepStatus in capitals, with one space.",
    ),
    Check(
        "VALUES_VALID", MPPS, "sends values that their VR and the enumerations allow", "PS3.5 6.2, 9.1, PS3.3 C.4.13 to C.4.16",
        "Correct the values that are named: receivers refuse them, or cut them.",
    ),
    Check(
        "CHARACTERS", MPPS, "writes text in the character set that it declares", "PS3.5 6.1.2, PS3.3 C.12.1.1.2",
        "Declare in SpecificCharacterSet what the text is written in, as the worklist answer did.",
    ),
    Check(
        "NAMES_ITEM", MPPS, "names an item of the worklist, or none when the exam was not scheduled",
        "PS3.4 F.7.2.1, IHE RAD TF-2 4.6.4.1.2.3",
        "Carry the identifiers of the worklist item that was chosen into ScheduledStepAttributesSequence, unchanged; for an exam that is "
        "not on the worklist leave AccessionNumber, RequestedProcedureID and ScheduledProcedureStepID empty, and invent none.",
    ),
    Check(
        "CARRIES_STUDY", MPPS, "carries the Study Instance UID from the worklist", "PS3.17 J.2.1, IHE RAD TF-2 4.6.4.1.2.3",
        "Copy StudyInstanceUID (0020,000D) of the worklist item into the item of ScheduledStepAttributesSequence, and into the images.",
        _NO_EXAM,
    ),
    Check(
        "CARRIES_ACCESSION", MPPS, "carries the accession number from the worklist", "PS3.17 J.2.1, IHE RAD TF-2 4.6.4.1.2.3",
        "Copy AccessionNumber (0008,0050) of the worklist item into the item of ScheduledStepAttributesSequence.",
        _NO_EXAM,
    ),
    Check(
        "CARRIES_PROCEDURE", MPPS, "carries the requested procedure ID from the worklist", "PS3.17 J.2.1, IHE RAD TF-2 4.6.4.1.2.3",
        "Copy RequestedProcedureID (0040,1001) of the worklist item into the item of ScheduledStepAttributesSequence.",
        _NO_EXAM,
    ),
    Check(
        "CARRIES_STEP", MPPS, "carries the scheduled procedure step ID from the worklist", "PS3.17 J.2.1, IHE RAD TF-2 4.6.4.1.2.3",
        "Copy ScheduledProcedureStepID (0040,0009) of the worklist item into the item of ScheduledStepAttributesSequence.",
        _NO_EXAM,
    ),
    Check(
        "CARRIES_PATIENT", MPPS, "carries patient ID and name from the worklist", "PS3.17 J.2.1, IHE RAD TF-2 4.6.4.1.2.3",
        "Copy PatientID and PatientName of the worklist item as they are; do not cut, edit or respell them.",
        _NO_EXAM,
    ),
    Check(
        "SET_AFTER_CREATE", MPPS, "sends N-SET for what it created", "PS3.4 F.7.2.2, status 0112H",
        "Repeat an N-CREATE that was refused or not answered, once its cause is gone, before N-SETs follow.",
    ),
    Check(
        "SAME_CALLER", MPPS, "sends N-CREATE and N-SET under one AE title", "good practice",
        "Use one AE title for both: settings of a station, and its findings, go by the AE title.",
    ),
    Check(
        "UNCHANGED", MPPS, "changes with N-SET nothing that may not be changed", "PS3.4 Table F.7.2-1, N-SET not allowed",
        "Leave the attributes that are named out of N-SET: they are as the N-CREATE said.",
    ),
    Check(
        "SET_COMPLETE", MPPS, "fills in what it sends with N-SET", "PS3.4 Table F.7.2-1",
        "Send the attributes that are named with the items that have them.",
    ),
    Check(
        "NOT_AFTER_FINAL", MPPS, "sends nothing more behind COMPLETED or DISCONTINUED", "PS3.4 F.7.2.2.2, Error ID A710H",
        "Take a performed step that was ended for closed; for work that goes on create another one.",
    ),
    Check(
        "ENDED", MPPS, "ends each performed step within a day", "PS3.4 F.7.2.2, IHE RAD TF-2 4.7",
        "Send the final N-SET when the exam is closed at the console, when the patient does not come back and after a restart too.",
    ),
    Check(
        "FINAL_COMPLETE", MPPS, "has sent end, description and codes when a performed step is final", "PS3.4 F.7.2.2.2, Table F.7.2-1",
        "Send the attributes that are named with the final N-SET, or before.",
    ),
    Check(
        "SERIES", MPPS, "lists the series with protocol and images, at least one series also when nothing was made", "PS3.4 F.7.2.2.2",
        "Send PerformedSeriesSequence with an item for each series, each with SeriesInstanceUID, ProtocolName and its images.",
    ),
    Check(
        "TIMES", MPPS, "says when it began and ended, to within ten minutes of the clock here, the end behind the start",
        "PS3.3 C.4.14, IHE ITI TF-1 Consistent Time",
        "Set the modality's clock by NTP, and send local time or TimezoneOffsetFromUTC. Where the clock is right, the message was kept and "
        "sent later (store and forward): have N-CREATE sent when the exam begins, and the end when it ends.",
    ),
    Check(
        "REASON", MPPS, "gives a code of CID 9300 where it says why it discontinues", "PS3.3 C.4.14 (type 3), IHE RAD TF-2 4.7.4.1.3",
        "Let the operator choose a reason of CID 9300 and send it as a code: it decides whether the exam is put back and what is charged.",
        "No discontinued step said why. That is legal (type 3); an operator who can choose a code of CID 9300 decides by it whether the "
        "exam is put back and what is charged",
    ),
)  # fmt: skip
BY_CODE: Final = {check.code: check for check in CHECKS}


def markdown() -> str:
    """The table for docs/station-report.md."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    rows = ((f"`{one.code}`", one.about, f"The modality {one.asked}", one.paragraph, one.advice) for one in CHECKS)
    yield from table("check", "about", "what is asked", "paragraph", "what to tell the vendor", lines=rows)
