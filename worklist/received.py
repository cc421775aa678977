"""A worklist item of another system, taken apart: what the RIS has columns for, and what it keeps as received."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import DataElement

from dimse import uids
from ris import clock, names
from ris.actions.intake import IntakeItem, patient_columns
from ris.models import Order, Patient, Procedure, ScheduledProcedureStep, Site, StepStation
from worklist import item as worklist_item
from worklist import keys, values
from worklist.item import READERS, Source
from worklist.keys import Key

_STEP_SEQUENCE = keys.STEP_SEQUENCE.tag
_MADE = frozenset({0x00401001, 0x00400009})  # RequestedProcedureID, ScheduledProcedureStepID: made here when an item lacks them
_DEFAULT_MINUTES = 30
_PLAIN = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})  # a backslash in them separates nothing (PS3.5 6.2)
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")  # PS3.18 F.2.2
_START_DATE, _START_TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"
_END_DATE, _END_TIME = "ScheduledProcedureStepEndDate", "ScheduledProcedureStepEndTime"


Catalogue = Callable[[str, str], Procedure | None]
"""The procedure of a code and its scheme."""


def catalogue_of(site: Site) -> Catalogue:
    """The site's catalogue; what was asked for once is remembered."""
    return cache(lambda code, scheme: Procedure.objects.filter(site=site, code=code, scheme=scheme).first())


def intake_item(dataset: Dataset, site: Site, catalogue: Catalogue, notes: tuple[str, ...] = ()) -> IntakeItem:
    """Columns of the records that the item describes. A value that no column can hold is left to `beyond_columns`.

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
        },
        order=_order(dataset),
        procedure=_procedure(dataset, catalogue),
        step=_step(dataset, step, site),
        ae_titles=tuple(dict.fromkeys(title for title in _texts(step, "ScheduledStationAETitle") if len(title) <= 16)),
        accession_number=accession_number,
        status=_text(step, "ScheduledProcedureStepStatus").upper(),
        notes=notes,
    )


def remarks(dataset: Dataset, site: Site) -> tuple[str, ...]:
    """Values that are kept as they are but mean nothing to a calendar or a clock, in words."""
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
    return tuple(found)


def step_of(dataset: Dataset) -> Dataset:
    """The item of the step sequence."""
    found = values.items(dataset, _STEP_SEQUENCE)
    return found[0] if found else Dataset()


@cache
def _tag(keyword: str) -> int:
    return keys.Key(keyword).tag


def _texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    tag = _tag(keyword)
    if tag not in dataset.keys():  # noqa: SIM118 - asked of the data set itself it is ten times slower, and most are absent
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


def beyond_columns(step: ScheduledProcedureStep, stations: Sequence[StepStation], dataset: Dataset) -> dict[str, Any]:
    """DICOM JSON of what makes the item of the columns into the received one; an element without value takes one away.

    The status is the step's own, and IDs that the item lacks are those made here.
    """
    source = Source.of(step, stations)
    differences = _differences(_ours(keys.ROOT, source), dataset, leave=frozenset({_STEP_SEQUENCE, keys.CHARACTER_SET}))
    inside = _differences(_ours(keys.STEP, source), step_of(dataset), leave=frozenset({worklist_item.STATUS_TAG, keys.CHARACTER_SET}))
    if inside:
        differences[f"{_STEP_SEQUENCE:08X}"] = {"vr": "SQ", "Value": [inside]}
    return differences


def _ours(table: Mapping[int, Key], source: Source) -> dict[int, dict[str, Any]]:
    """What the columns say, in DICOM JSON as `as_json` gives it."""
    found: dict[int, dict[str, Any]] = {}
    for tag, key in table.items():
        value = READERS[key.source](source) if key.source else None
        if value not in (None, "", []):
            found[tag] = _column_json(key.vr, value)
    return found


def _column_json(vr: str, value: Any) -> dict[str, Any]:
    if vr == "SQ":
        return {"vr": vr, "Value": [{f"{tag:08X}": _column_json(inner, text) for tag, inner, text in item} for item in value]}
    if not isinstance(value, str):
        return {"vr": vr, "Value": list(value) if isinstance(value, list) else [value]}
    parts = [value] if vr in _ONE_VALUE else value.split("\\")
    return {"vr": vr, "Value": [_name_json(part) for part in parts] if vr == "PN" else parts}


def _name_json(name: str) -> dict[str, str]:
    return {group: text for group, text in zip(_GROUPS, name.split("="), strict=False) if text}


def _differences(ours: Mapping[int, dict[str, Any]], theirs: Dataset, leave: frozenset[int]) -> dict[str, Any]:
    differences: dict[str, Any] = {}
    for tag in sorted({*ours, *theirs.keys()} - leave):
        if tag & 0xFFFF == 0:
            continue
        mine, received = ours.get(tag), as_json(theirs.get(tag))
        if mine == received or (received is None and tag in _MADE) or _is_same_name(mine, received):
            continue
        differences[f"{tag:08X}"] = received or {"vr": ours[tag]["vr"]}
    return differences


def _is_same_name(mine: dict[str, Any] | None, received: dict[str, Any] | None) -> bool:
    """Whether both are one person's name, written with or without empty components: such a name follows the record's."""
    if mine is None or received is None or mine["vr"] != "PN" or received["vr"] != "PN":
        return False
    ours, theirs = (
        [names.canonical("=".join(name.get(group, "") for group in _GROUPS)) for name in one["Value"]] for one in (mine, received)
    )
    return ours == theirs


def as_json(element: DataElement | None) -> dict[str, Any] | None:
    """The element in DICOM JSON (PS3.18 F.2), numbers in strings as they were written; None when it has no value.

    One whose VR depends on pixel data ("US or SS") means nothing in an item and counts as without value.
    """
    if element is None or element.is_empty or (element.VR == "SQ" and not element.value):
        return None
    vr = str(element.VR)
    if " " in vr:
        return None
    if vr == "SQ":
        return {"vr": "SQ", "Value": [whole_json(item) for item in element.value]}
    if vr in ("DS", "IS"):
        texts = values.texts(element)
        return {"vr": vr if _are_numbers(vr, texts) else "LO", "Value": list(texts)}  # LO: as the network reads what is no number
    text = element.value
    if vr in _PLAIN and isinstance(text, str):
        return {"vr": vr, "Value": [text.replace("\0", "")]}
    plain: dict[str, Any] = _without_nul(element.to_json_dict(None, 0))
    return plain


def _are_numbers(vr: str, texts: Iterable[str]) -> bool:
    try:
        for text in texts:
            DataElement(0x00400000, vr, text)
    except (TypeError, ValueError, ArithmeticError):
        return False
    return True


def whole_json(item: Dataset) -> dict[str, Any]:
    """Every element that has a value, but for the character set, which is no value of the item."""
    converted = ((element.tag, as_json(element)) for element in item if element.tag != keys.CHARACTER_SET)
    return {f"{int(tag):08X}": element for tag, element in converted if element is not None}


def _without_nul(value: Any) -> Any:
    """JSON columns hold no NUL characters, which pad texts of careless systems."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_nul(one) for key, one in value.items()}
    return value
