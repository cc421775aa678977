"""The vocabulary of the audit trail: what happened, in the codes of DICOM PS3.15 A.5 (Audit Trail Message Format Profile).

One table that the writer (`ris.actions.auditing`), the page, the exports and docs/audit.md read. Event IDs are of CID 400, event types of
CID 401 (PS3.16).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Final

from django.contrib.auth.models import User

from ris.actor import MODALITY, SYSTEM, USER
from ris.models import Change, Order, Patient, RecordChange, ScheduledProcedureStep, Site, StepChange
from ris.validation import printable

CREATE, READ, UPDATE, DELETE, EXECUTE = "C", "R", "U", "D", "E"
ACTIONS: Final = {CREATE: "made", READ: "saw", UPDATE: "changed", DELETE: "removed", EXECUTE: "did"}
"""EventActionCode (A.5.2), in words."""
CLAIMANT: Final = "claimant"
"""Kind of who did not prove who they are."""
KINDS: Final = {USER: "a person", MODALITY: "a modality", SYSTEM: "the system or its shell", CLAIMANT: "somebody unproved"}
"""Who it was, in words: a name is told by its kind, too."""
SUCCESS, MINOR, SERIOUS, MAJOR = 0, 4, 8, 12
OUTCOMES: Final = {SUCCESS: "Success", MINOR: "Refused", SERIOUS: "Refused for safety", MAJOR: "Failed"}
"""EventOutcomeIndicator (A.5.2): 4, who did it may correct it and try again; 8, it was kept from happening; 12, the system failed."""


@dataclass(frozen=True)
class Event:
    """`words` name it; `code` and `meaning` are the EventID, `kind` the EventTypeCode, if any; `paragraph` is of PS3.15.

    `thing` completes a sentence with an action: changed *an order*. What is no action with a thing has a sentence of its own instead in
    `done`, and in `not_done` where it was kept from happening.
    """

    words: str
    code: str
    meaning: str
    paragraph: str
    kind: tuple[str, str] | None = None
    thing: str = ""
    done: str = ""
    not_done: str = ""

    def said(self, action: str, outcome: int) -> str:
        """What happened, as a person would say it: `saw a list`, `signed in`, `was refused the sign-in`."""
        own = self.done if outcome == SUCCESS else self.not_done or self.done
        return own or f"{ACTIONS[action]} {self.thing}"


PATIENT: Final = "patient"
ORDER: Final = "order"
PROCEDURE: Final = "procedure"
LIST: Final = "list"
ASKED: Final = "asked"
KEY: Final = "key"
EXPORT: Final = "export"
IMPORT: Final = "import"
SIGN_IN: Final = "sign-in"
SIGN_OUT: Final = "sign-out"
TOKEN: Final = "token"
REFUSED: Final = "refused"
MISSED: Final = "missed"
NODE: Final = "node"
ACCOUNT: Final = "account"
ROLES: Final = "roles"
DEVICE: Final = "device"
SETTINGS: Final = "settings"
AUDIT: Final = "audit"
PROBE: Final = "probe"
SHELL: Final = "shell"

EVENTS: Final = {
    PATIENT: Event("Patient record", "110110", "Patient Record", "A.5.3.14", thing="a patient's record"),
    ORDER: Event("Order", "110109", "Order Record", "A.5.3.13", thing="an order"),
    PROCEDURE: Event(
        "Exam, performed step or charge", "110111", "Procedure Record", "A.5.3.15", thing="an exam, a performed step or a charge"
    ),
    LIST: Event("List or search", "110112", "Query", "A.5.3.10", thing="a list"),
    ASKED: Event("Worklist asked for at a console", "110112", "Query", "A.5.3.10", done="asked for a worklist at a console"),
    KEY: Event("Key of a console", "110111", "Procedure Record", "A.5.3.15", done="pressed a key of a console"),
    EXPORT: Event("Export", "110106", "Export", "A.5.3.4", done="took a file away"),
    IMPORT: Event("Import", "110107", "Import", "A.5.3.5", done="took files in"),
    SIGN_IN: Event(
        *("Sign-in", "110114", "User Authentication", "A.5.3.12", ("110122", "Login")), done="signed in", not_done="was not let in"
    ),
    SIGN_OUT: Event("Sign-out", "110114", "User Authentication", "A.5.3.12", ("110123", "Logout"), done="signed out"),
    TOKEN: Event(
        *("API token used", "110114", "User Authentication", "A.5.3.12", ("110122", "Login")),
        done="called with an API token",
        not_done="called without an API token that holds",
    ),
    REFUSED: Event(
        *("Permission", "110113", "Security Alert", "A.5.3.11", ("110132", "Use of Restricted Function")),
        done="was refused for want of a right",
    ),
    MISSED: Event(
        *("What is not there", "110113", "Security Alert", "A.5.3.11", ("110132", "Use of Restricted Function")),
        done="asked again and again for what is not there",
    ),
    NODE: Event(
        *("DICOM association", "110113", "Security Alert", "A.5.3.11", ("110126", "Node Authentication")),
        done="called by DICOM",
        not_done="called by DICOM, and was rejected",
    ),
    ACCOUNT: Event(
        *("Account or token", "110113", "Security Alert", "A.5.3.11", ("110137", "User Security Attributes Changed")),
        thing="an account or a token",
    ),
    ROLES: Event("Roles", "110113", "Security Alert", "A.5.3.11", ("110136", "Security Roles Changed"), thing="the roles of an account"),
    DEVICE: Event(
        *("Station, destination or console", "110113", "Security Alert", "A.5.3.11", ("110128", "Network Configuration")),
        thing="a station, pool, destination or console",
    ),
    SETTINGS: Event("Settings", "110113", "Security Alert", "A.5.3.11", ("110131", "Software Configuration"), thing="a setting"),
    PROBE: Event(
        *("Test of a connection", "110113", "Security Alert", "A.5.3.11", ("110132", "Use of Restricted Function")),
        done="had this server call a host",
    ),
    SHELL: Event(
        *("Shell of the database", "110113", "Security Alert", "A.5.3.11", ("110132", "Use of Restricted Function")),
        done="opened the database at the shell",
    ),
    AUDIT: Event("Audit trail", "110101", "Audit Log Used", "A.5.3.2", thing="the audit trail"),
}
SECURITY: Final = tuple(key for key, event in EVENTS.items() if event.code in ("110113", "110114"))


LONGEST: Final = 64
"""Characters of an ID of a patient or of an accession number that are kept; a modality may send more."""


@dataclass(frozen=True)
class Subject:
    """Whom an event is about. `key` is that of the patient's record here, None for one that only a modality knows; without an accession
    number it is the record as a whole."""

    key: int | None
    patient_id: str
    accession_number: str = ""


@singledispatch
def subjects(thing: object) -> Iterator[Subject]:
    """The patients of what is shown or changed; other rooms register their own records. A history that says nothing is of no patient."""
    if isinstance(thing, Change):
        return iter(())
    raise TypeError(f"nobody said whose {type(thing).__name__} is")


@subjects.register
def _of_patient(patient: Patient) -> Iterator[Subject]:
    yield Subject(patient.pk, patient.patient_id)


@subjects.register
def _of_order(order: Order) -> Iterator[Subject]:
    yield Subject(order.patient_id, order.patient.patient_id, order.accession_number)


@subjects.register
def _of_step(step: ScheduledProcedureStep) -> Iterator[Subject]:
    yield from _of_order(step.requested_procedure.order)


@subjects.register
def _as_it_is(subject: Subject) -> Iterator[Subject]:
    yield subject


def of_numbers(site: Site, numbers: Iterable[tuple[str, str]]) -> list[Subject]:
    """For what is only known by (patient ID, accession number), as modalities say them: too long, or with a NUL.

    Who has no ID, or one that nobody has here, is the patient of the order with the accession number, if there is one.
    """
    said = [(printable(patient_id)[:LONGEST], printable(accession_number)[:LONGEST]) for patient_id, accession_number in numbers]
    known = Patient.objects.filter(site=site, patient_id__in={patient_id for patient_id, _ in said}).exclude(patient_id="")
    keys = dict(known.values_list("patient_id", "pk"))
    ordered = _ordered(site, {accession for patient_id, accession in said if accession and patient_id not in keys})
    found = []
    for patient_id, accession in said:
        key, own_id = (keys[patient_id], patient_id) if patient_id in keys else ordered.get(accession, (None, ""))
        found.append(Subject(key, patient_id or own_id, accession))
    return list(dict.fromkeys(found))


def _ordered(site: Site, accession_numbers: set[str]) -> dict[str, tuple[int | None, str]]:
    """Key and ID of the patient of each order."""
    if not accession_numbers:
        return {}
    orders = Order.objects.filter(site=site, accession_number__in=accession_numbers)
    found = orders.values_list("accession_number", "patient_id", "patient__patient_id")
    return {number: (key, patient_id) for number, key, patient_id in found}


def all_subjects(things: Iterable[object]) -> list[Subject]:
    """Each once, in the order of the things."""
    return list(dict.fromkeys(one for thing in things for one in subjects(thing)))


@subjects.register
def _of_step_change(row: StepChange) -> Iterator[Subject]:
    yield from _of_step(row.step)


@subjects.register
def _of_record_change(row: RecordChange) -> Iterator[Subject]:
    if "patient_id" in row.detail and row.verb in _REMOVING:
        yield _removed(row)
    elif row.subject == "patient":
        yield from map(_whole, Patient.objects.filter(pk=row.subject_id))
    elif row.subject == "visit":
        yield from map(_whole, Patient.objects.filter(visits=row.subject_id))
    elif row.subject == "order":
        for order in Order.objects.filter(pk=row.subject_id).select_related("patient"):
            yield from _of_order(order)


def _removed(row: RecordChange) -> Subject:
    """Of a patient's record or an order that is not there any more."""
    told = {name: values[0] for name, values in row.detail.items()}
    return Subject(told.get("patient_key", row.subject_id), told["patient_id"], told.get("accession_number", ""))


def _whole(patient: Patient) -> Subject:
    return Subject(patient.pk, patient.patient_id)


_RECORDS: Final = {
    "patient": PATIENT,
    "visit": PATIENT,
    "order": ORDER,
    "user": ACCOUNT,
    "api token": ACCOUNT,
    "station": DEVICE,
    "pool": DEVICE,
    "destination": DEVICE,
    "console": DEVICE,
}
"""Events by the subject of a `RecordChange`; of every other it is SETTINGS."""
_MAKING: Final = frozenset(
    {"register", "import", "order", "create token", "create user", "create", "set up", "capture", "add_procedure", "add_step"}
)
_REMOVING: Final = frozenset({"remove", "revoke token"})


@singledispatch
def event_of(row: Change) -> str:
    """The event that a row of a history is; other rooms register their own histories."""
    return SETTINGS


@event_of.register
def _event_of_step_change(row: StepChange) -> str:
    return PROCEDURE


@event_of.register
def _event_of_record_change(row: RecordChange) -> str:
    return ROLES if row.subject == "user" and "roles" in row.detail else _RECORDS.get(row.subject, SETTINGS)


def object_of(row: Change) -> str:
    """What a change of an account, a device or a setting was about, in words: `user anna`, `station 3`. Empty for what is of patients."""
    if not isinstance(row, RecordChange) or _RECORDS.get(row.subject) in (PATIENT, ORDER):
        return ""
    if row.subject == "user":
        return f"user {User.objects.filter(pk=row.subject_id).values_list('username', flat=True).first() or row.subject_id}"
    return f"{row.subject} {row.subject_id}"


def action_of(row: Change) -> str:
    """EventActionCode of a row of a history, by its verb."""
    return CREATE if row.verb in _MAKING else DELETE if row.verb in _REMOVING else UPDATE
