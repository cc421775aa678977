"""What each finding about an N-CREATE or N-SET breaks, and what to tell the vendor of the modality: a table that pages and tests read."""

from dataclasses import dataclass
from typing import Final

ERROR, WARNING = "ERROR", "WARNING"
UID_INVALID: Final = "UID_INVALID"


@dataclass(frozen=True)
class Rule:
    """`paragraph` of the standard or of IHE; `tell` is for the vendor; `look` is ERROR where exams or charges go wrong by it."""

    code: str
    paragraph: str
    tell: str
    look: str = WARNING


_CARRY: Final = "IHE RAD TF-2, 4.6.4.1.2; PS3.4 F.7.2.1"
RULES: Final = (
    Rule(
        "ATTRIBUTE_CHANGED",
        "PS3.4 Table F.7.2-1, N-SET not allowed",
        "An N-SET must not change it; leave it out, or send what the N-CREATE had.",
    ),
    Rule("ATTRIBUTE_MISSING", "PS3.4 Table F.7.2-1", "The attribute has to be sent, with or without a value as its type says.", ERROR),
    Rule("VALUE_MISSING", "PS3.4 Table F.7.2-1, type 1", "The attribute is of type 1: it has to have a value.", ERROR),
    Rule("VALUE_INVALID", "PS3.5 Table 6.2-1; PS3.3 C.4.14", "The value has to be one that the standard allows for it.", ERROR),
    Rule(
        UID_INVALID,
        "PS3.5 9.1",
        "UIDs are numbers between single dots, without leading zeros, at most 64 characters; look at the UID root.",
        ERROR,
    ),
    Rule(
        "DECODED_WITH_NOTES",
        "PS3.5 6.1, PS3.3 C.12.1.1.2",
        "Texts have to be in the declared Specific Character Set, and values in their VR.",
    ),
    Rule(
        "STEP_UNKNOWN",
        _CARRY,
        "Scheduled Step Attributes have to carry the identifiers of the worklist item that was chosen, unchanged.",
        ERROR,
    ),
    Rule("STEP_AMBIGUOUS", _CARRY, "The Scheduled Procedure Step ID has to be carried over: without it several steps fit.", ERROR),
    Rule(
        "STUDY_INSTANCE_UID_DIFFERS",
        _CARRY,
        "The Study Instance UID of the worklist item is the study’s; the modality must make none of its own.",
        ERROR,
    ),
    Rule("ACCESSION_NUMBER_DIFFERS", _CARRY, "The Accession Number has to be carried over from the worklist item, not typed."),
    Rule("REQUESTED_PROCEDURE_ID_DIFFERS", _CARRY, "The Requested Procedure ID has to be carried over from the worklist item."),
    Rule("SCHEDULED_PROCEDURE_STEP_ID_DIFFERS", _CARRY, "The Scheduled Procedure Step ID has to be carried over from the worklist item."),
    Rule(
        "PATIENT_ID_DIFFERS",
        "IHE RAD TF-2, 4.6.4.1.2",
        "The Patient ID has to be that of the worklist item; lock it at the console.",
        ERROR,
    ),
    Rule(
        "PATIENT_NAME_DIFFERS", "IHE RAD TF-2, 4.6.4.1.2", "The Patient’s Name has to be that of the worklist item; lock it at the console."
    ),
    Rule(
        "PATIENT_OUTDATED",
        "IHE RAD TF-1, Patient Information Reconciliation",
        "The console works with an old list: have it query before each exam.",
    ),
    Rule("CANCELED_EXAM", "PS3.4 K.6", "The console started an exam that had left the worklist: have it query before each exam."),
    Rule("CONSOLE_CLOCK", "IHE ITI TF-1, Consistent Time", "Set the console’s clock by NTP, and its time zone."),
    Rule(
        "NEGATIVE_DURATION",
        "PS3.3 C.4.14",
        "The end of a performed step cannot lie before its start; look at which clock each is taken from.",
    ),
    Rule("OVER_MIDNIGHT", "PS3.3 C.4.14", "Nothing, if the exam went over midnight; else the end was sent with the wrong date."),
    Rule(
        "REASON_MISSING",
        "PS3.3 C.4.14, CID 9300",
        "An item of the reason sequence has to hold a code; leave the sequence out when there is no reason.",
    ),
    Rule("REASON_UNKNOWN", "PS3.16 CID 9300", "Offer the reasons of CID 9300, so that the exam and its charge follow the reason."),
)
BY_CODE: Final = {rule.code: rule for rule in RULES}
