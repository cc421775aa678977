"""A worklist item of another system, taken apart into the columns of the RIS; the rest is kept by `worklist.beyond`."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from pydicom import Dataset

from dimse import uids
from ris import attributes, clock, names
from ris.actions.intake_item import IntakeItem, patient_columns
from ris.attribute import Attribute
from ris.models import Order, Patient, Procedure, Site
from ris.transitions import SCHEDULED, STATUSES, WAITING
from ris.validation import MAX_LENGTH
from worklist import keys, values

_STEP_SEQUENCE = keys.STEP_SEQUENCE.tag
_DEFAULT_MINUTES = 30
_START_DATE, _START_TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"
_END_DATE, _END_TIME = "ScheduledProcedureStepEndDate", "ScheduledProcedureStepEndTime"


Catalogue = Callable[[str, str], Procedure | None]
"""The procedure of a code and its scheme."""


def catalogue_of(site: Site) -> Catalogue:
    """The site's catalogue; what was asked for once is remembered."""
    return cache(lambda code, scheme: Procedure.objects.filter(site=site, code=code, scheme=scheme).first())


def intake_item(dataset: Dataset, site: Site, catalogue: Catalogue, notes: tuple[str, ...] = ()) -> IntakeItem:
    """Columns of the records that the item describes. A value that no column can hold is left to `worklist.beyond`.

    `notes` say what in the item is not as it should be; they go into the step's history.
    """
    step = step_of(dataset)
    accession_number = _text(dataset, "AccessionNumber")
    return IntakeItem(
        patient=_patient(dataset, site),
        visit={
            "admission_id": _fitting(dataset, "AdmissionID", 64),
            "issuer_of_admission_id": _issuer(dataset, "IssuerOfAdmissionIDSequence"),
            "current_patient_location": _fitting(dataset, "CurrentPatientLocation", 64),
            "details": _details(attributes.VISIT, dataset),
        },
        order=_order(dataset),
        procedure=_procedure(dataset, catalogue),
        step=_step(dataset, step, site),
        ae_titles=tuple(dict.fromkeys(title for title in _texts(step, "ScheduledStationAETitle") if len(title) <= 16)),
        accession_number=accession_number,
        status=_text(step, "ScheduledProcedureStepStatus").upper(),
        notes=notes,
    )


def at_present_titles(dataset: Dataset, renamed: Mapping[str, str]) -> Dataset:
    """The item with stations under what they are called now; `renamed` are former titles, each with that. Itself where it names none."""
    named = _texts(step_of(dataset), "ScheduledStationAETitle") if renamed else ()
    if renamed.keys().isdisjoint(named):
        return dataset
    presented = deepcopy(dataset)
    step_of(presented).ScheduledStationAETitle = list(dict.fromkeys(renamed.get(title, title) for title in named))
    return presented


def remarks(dataset: Dataset, site: Site) -> tuple[str, ...]:
    """What is kept but means nothing to a calendar or a clock, and what keeps the step off the worklist, in words."""
    step = step_of(dataset)
    found = []
    for where, keyword in ((dataset, "PatientBirthDate"), *((step, keyword) for keyword in (_START_DATE, _END_DATE))):
        text = _text(where, keyword)
        if text and _calendar_day(values.date_text(text) or "") is None:
            found.append(f"{keyword} {text[:40]!r} is no day of the calendar")
    for keyword in (_START_TIME, _END_TIME):
        text = _text(step, keyword)
        if text and values.time_text(text) is None:
            found.append(f"{keyword} {text[:40]!r} is no time of day")
    start = _moment(_text(step, _START_DATE), _text(step, _START_TIME), site)
    end = _moment(_text(step, _END_DATE), _text(step, _END_TIME), site)
    if start and end and end <= start:
        found.append(f"it ends ({end:%Y-%m-%d %H:%M} UTC) before it starts; {_DEFAULT_MINUTES} minutes are taken for the step")
    return (*found, *_too_long(dataset, step), *_remarks_on_status(step))


def _bounded(table: dict[int, keys.Key]) -> list[tuple[str, str]]:
    """The matching keys of a table whose VR bounds their length (PS3.5 6.2)."""
    return [(key.keyword, key.vr) for key in table.values() if key.column and key.vr in MAX_LENGTH]


_BOUNDED_IN_ROOT, _BOUNDED_IN_STEP = _bounded(keys.ROOT), _bounded(keys.STEP)


def _too_long(dataset: Dataset, step: Dataset) -> Iterator[str]:
    """Values of matching keys that break their VR: a modality may cut them, or refuse the whole answer."""
    for where, bounded in ((dataset, _BOUNDED_IN_ROOT), (step, _BOUNDED_IN_STEP)):
        for keyword, vr in bounded:
            parts = (part for text in _texts(where, keyword) for part in (text.split("=") if vr == "PN" else [text]))
            longest = max(map(len, parts), default=0)
            if longest > MAX_LENGTH[vr]:
                yield f"{keyword} has {longest} characters where {vr} holds {MAX_LENGTH[vr]}; it is kept as it is"


def _remarks_on_status(step: Dataset) -> tuple[str, ...]:
    status, found = _text(step, "ScheduledProcedureStepStatus"), []
    if status and status.upper() not in STATUSES:
        found.append(f"ScheduledProcedureStepStatus {status[:40]!r} is unknown and passed over; a new step is {SCHEDULED}")
    if not _text(step, _START_DATE) and (status.upper() in WAITING or status.upper() not in STATUSES):
        found.append(f"it has no {_START_DATE}: it is on no worklist until it is scheduled")
    return tuple(found)


def step_of(dataset: Dataset) -> Dataset:
    """The item of the step sequence."""
    found = values.items(dataset, _STEP_SEQUENCE)
    return found[0] if found else Dataset()


@cache
def _tag(keyword: str) -> int:
    return keys.Key(keyword).tag


def _has(dataset: Dataset, tag: int) -> bool:
    return tag in dataset.keys()  # noqa: SIM118 - asked of the data set itself it is ten times slower, and most are absent


def _texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    tag = _tag(keyword)
    if not _has(dataset, tag):
        return ()
    return tuple(text.replace("\0", "") for text in values.texts(dataset[tag]))


def _text(dataset: Dataset, keyword: str) -> str:
    return "\\".join(_texts(dataset, keyword))


def _fitting(dataset: Dataset, keyword: str, length: int) -> str:
    """The text of an element when a column of this length can hold it, else nothing: half an identifier would be another one."""
    text = _text(dataset, keyword)
    return text if len(text) <= length else ""


def _issuer(dataset: Dataset, keyword: str) -> str:
    found = values.items(dataset, _tag(keyword))
    return _fitting(found[0], "LocalNamespaceEntityID", 64) if found else ""


def _name(dataset: Dataset, keyword: str) -> str:
    return names.canonical(_fitting(dataset, keyword, 250))


def _number(dataset: Dataset, keyword: str, digits: int) -> Decimal | None:
    try:
        number = round(Decimal(_text(dataset, keyword)), 2)
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 < number < 10 ** (digits - 2) else None


def _details(table: Sequence[Attribute], dataset: Dataset) -> dict[str, Any]:
    """The attributes that a record keeps by keyword, those with a value that staff could have set."""
    found: dict[str, Any] = {}
    for attribute in table:
        if attribute.column or not _has(dataset, _tag(attribute.keyword)):
            continue
        try:
            value = attribute.check(_typed(dataset, attribute))
        except ValueError:
            continue  # `worklist.beyond` keeps it
        if value:
            found[attribute.keyword] = value
    return found


def _typed(dataset: Dataset, attribute: Attribute) -> Any:
    if attribute.keyword == "OtherPatientIDsSequence":
        items = values.items(dataset, _tag(attribute.keyword))
        return [{"id": _text(item, "PatientID"), "issuer": _text(item, "IssuerOfPatientID")} for item in items]
    if attribute.vr == "SQ":
        return _codes(dataset, attribute.keyword)
    if attribute.vr == "DA":
        return values.date_text(_text(dataset, attribute.keyword)) or _text(dataset, attribute.keyword)
    return list(_texts(dataset, attribute.keyword)) if attribute.is_many else _text(dataset, attribute.keyword)


def _patient(dataset: Dataset, site: Site) -> dict[str, Any]:
    sex = _text(dataset, "PatientSex").upper()
    pregnancy = _text(dataset, "PregnancyStatus")
    day = values.date_text(_text(dataset, "PatientBirthDate"))
    patient_id = _fitting(dataset, "PatientID", 64)
    return patient_columns(
        _name(dataset, "PatientName"),
        patient_id=patient_id,
        issuer_of_patient_id=(_fitting(dataset, "IssuerOfPatientID", 64) or site.issuer_of_patient_id) if patient_id else "",
        birth_date=_calendar_day(day) if day else None,
        sex=sex if sex in Patient.Sex.values else "",
        weight_kg=_number(dataset, "PatientWeight", 6),
        size_m=_number(dataset, "PatientSize", 4),
        allergies=list(_texts(dataset, "Allergies")),
        medical_alerts=list(_texts(dataset, "MedicalAlerts")),
        pregnancy_status=int(pregnancy) if pregnancy in ("1", "2", "3", "4") else None,
        special_needs=_fitting(dataset, "SpecialNeeds", 64),
        patient_state=_fitting(dataset, "PatientState", 64),
        confidentiality=_fitting(dataset, "ConfidentialityConstraintOnPatientDataDescription", 64),
        details=_details(attributes.PATIENT, dataset),
    )


def _order(dataset: Dataset) -> dict[str, Any]:
    priority = _text(dataset, "RequestedProcedurePriority").upper()
    return {
        "accession_number": _fitting(dataset, "AccessionNumber", 16),
        "issuer_of_accession_number": _issuer(dataset, "IssuerOfAccessionNumberSequence"),
        "placer_order_number": _fitting(dataset, "PlacerOrderNumberImagingServiceRequest", 64),
        "issuer_of_placer_order_number": _issuer(dataset, "OrderPlacerIdentifierSequence"),
        "filler_order_number": _fitting(dataset, "FillerOrderNumberImagingServiceRequest", 64),
        "issuer_of_filler_order_number": _issuer(dataset, "OrderFillerIdentifierSequence"),
        "referring_physician_name": _name(dataset, "ReferringPhysicianName"),
        "requesting_physician": _name(dataset, "RequestingPhysician"),
        "requesting_service": _fitting(dataset, "RequestingService", 64),
        "reason": _fitting(dataset, "ReasonForTheRequestedProcedure", 64),
        "comments": _text(dataset, "ImagingServiceRequestComments"),
        "priority": priority if priority in Order.Priority.values else Order.Priority.ROUTINE,
        "patient_transport_arrangements": _fitting(dataset, "PatientTransportArrangements", 64),
        "details": _details(attributes.ORDER, dataset),
    }


def _code(item: Dataset) -> dict[str, str]:
    return {
        "code": _fitting(item, "CodeValue", 16),
        "scheme": _fitting(item, "CodingSchemeDesignator", 16),
        "meaning": _fitting(item, "CodeMeaning", 64),
    }


def _codes(dataset: Dataset, keyword: str) -> list[dict[str, str]]:
    return [code for code in map(_code, values.items(dataset, _tag(keyword))) if code["code"]]


def _procedure(dataset: Dataset, catalogue: Catalogue) -> dict[str, Any]:
    """The code ties the procedure to the catalogue when that has it; its price comes from there."""
    codes = _codes(dataset, "RequestedProcedureCodeSequence")
    code = codes[0] if codes else {"code": "", "scheme": "", "meaning": ""}
    known = catalogue(code["code"], code["scheme"]) if code["code"] else None
    uid = _fitting(dataset, "StudyInstanceUID", 64)
    return {
        "requested_procedure_id": _fitting(dataset, "RequestedProcedureID", 16)
        or _made_id("RP", dataset, _text(dataset, "RequestedProcedureID")),
        "study_instance_uid": uid if uids.is_valid(uid) else "",
        "description": _fitting(dataset, "RequestedProcedureDescription", 64),
        "catalogue_procedure": known,
        "laterality": known.laterality if known else "",
        "price": known.price if known else Decimal(0),
        "details": _details(attributes.PROCEDURE, dataset),
        **code,
    }


def _step(dataset: Dataset, step: Dataset, site: Site) -> dict[str, Any]:
    start = _moment(_text(step, _START_DATE), _text(step, _START_TIME), site)
    end = _moment(_text(step, _END_DATE), _text(step, _END_TIME), site)
    minutes = int((end - start).total_seconds() // 60) if start and end else _DEFAULT_MINUTES
    minutes = minutes if 0 < minutes <= 24 * 60 else _DEFAULT_MINUTES
    return {
        "scheduled_procedure_step_id": _fitting(step, "ScheduledProcedureStepID", 16)
        or _made_id("SPS", dataset, _text(step, "ScheduledProcedureStepID")),
        "description": _fitting(step, "ScheduledProcedureStepDescription", 64),
        "modality": _fitting(step, "Modality", 16).upper(),
        "protocol_codes": _codes(step, "ScheduledProtocolCodeSequence"),
        "start": start,
        "duration_minutes": minutes,
        "end": start + timedelta(minutes=minutes) if start else None,
        "location": _fitting(step, "ScheduledProcedureStepLocation", 16),
        "performing_physician_name": _name(step, "ScheduledPerformingPhysicianName"),
        "pre_medication": _fitting(step, "PreMedication", 64),
        "requested_contrast_agent": _fitting(step, "RequestedContrastAgent", 64),
        "comments": _text(step, "CommentsOnTheScheduledProcedureStep"),
        "details": _details(attributes.STEP, step),
    }


def _calendar_day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _moment(day: str, at: str, site: Site) -> datetime | None:
    """DA and TM of the hospital's wall clock as a moment; None when no calendar or clock shows them. Without a time: midnight."""
    digits, clock_time = values.date_text(day), values.time_text(at or "00")
    found = _calendar_day(digits) if digits else None
    if found is None or clock_time is None or not 2 <= found.year <= 9998:
        return None
    hour, minute, second = (int(clock_time[start : start + 2]) for start in (0, 2, 4))
    return clock.at(found, time(hour, minute, min(second, 59), int(clock_time[7:])), site)


def _made_id(prefix: str, dataset: Dataset, given: str) -> str:
    """An ID of 16 characters, the same at each import: for an item that has none made of what tells it from others.

    One that is too long for its column makes the ID alone, which an ID that is made here and exported with the item cannot change.
    """
    step = step_of(dataset)
    told = (
        [given]
        if given
        else [
            *(_text(dataset, keyword) for keyword in ("PatientID", "IssuerOfPatientID", "PatientName", "AccessionNumber")),
            *(_text(dataset, keyword) for keyword in ("StudyInstanceUID", "RequestedProcedureID", "RequestedProcedureDescription")),
            *(_text(step, keyword) for keyword in ("ScheduledProcedureStepID", "Modality", "ScheduledStationAETitle")),
            *(_text(step, keyword) for keyword in ("ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime")),
            _text(step, "ScheduledProcedureStepDescription"),
        ]
    )
    digest = hashlib.sha256("\n".join(told).encode()).digest()
    return f"{prefix}-{base64.b32encode(digest).decode()}"[:16]
