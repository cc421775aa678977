"""Quirks of worklist queries: each changes a C-FIND identifier as `training.query` makes it."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from types import MappingProxyType

from pydicom.dataset import Dataset

from training.performed import step_item
from training.quirks.quirk import Quirk, put_raw

Asking = Callable[[Dataset], None]
_STEPS = "ScheduledProcedureStepSequence"
_DATE, _TIME = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"


def _no_step_sequence(query: Dataset) -> None:
    del query[_STEPS]


def _no_step_item(query: Dataset) -> None:
    query.ScheduledProcedureStepSequence = []


def _empty_step_item(query: Dataset) -> None:
    query.ScheduledProcedureStepSequence = [Dataset()]


def _two_step_items(query: Dataset) -> None:
    query.ScheduledProcedureStepSequence = [step_item(query), deepcopy(step_item(query))]


def _query_retrieve_level(query: Dataset) -> None:
    query.QueryRetrieveLevel = "STUDY"


def _empty_character_set(query: Dataset) -> None:
    query.SpecificCharacterSet = ""


def _unknown_character_set(query: Dataset) -> None:
    put_raw(query, "SpecificCharacterSet", b"WINDOWS-1252")


def _padded_wildcards(query: Dataset) -> None:
    for keyword in ("PatientName", "PatientID", "AccessionNumber"):
        if not query.get(keyword):
            put_raw(query, keyword, b"* ")


def _stars_everywhere(query: Dataset) -> None:
    step = step_item(query)
    for keyword in ("ScheduledStationAETitle", "Modality", _DATE):
        if keyword in step and not step.get(keyword):
            put_raw(step, keyword, b"* ")
    if not query.get("PatientName"):
        put_raw(query, "PatientName", b"*^* ")


def _caret_behind_name(query: Dataset) -> None:
    if query.get("PatientName") and "^" not in str(query.PatientName):
        query.PatientName = f"{query.PatientName}^"


def _lower_case_modality(query: Dataset) -> None:
    step = step_item(query)
    if step.get("Modality"):
        put_raw(step, "Modality", str(step.Modality).lower().encode())


def _time_only(query: Dataset) -> None:
    step = step_item(query)
    if step.get(_DATE):
        setattr(step, _DATE, "")
        setattr(step, _TIME, "000000-235959")


def _date_and_time(query: Dataset) -> None:
    step = step_item(query)
    if step.get(_DATE):
        day = str(step[_DATE].value)
        setattr(step, _DATE, day if "-" in day else f"{day}-{day}")
        setattr(step, _TIME, "000000-235959")


def _open_end(query: Dataset) -> None:
    step = step_item(query)
    if step.get(_DATE):
        setattr(step, _DATE, f"{str(step[_DATE].value)[:8]}-")


def _old_date_form(query: Dataset) -> None:
    step = step_item(query)
    if step.get(_DATE):
        day = str(step[_DATE].value)[:8]
        put_raw(step, _DATE, f"{day[:4]}.{day[4:6]}.{day[6:]}".encode())


def _moment_as_date(query: Dataset) -> None:
    step = step_item(query)
    if step.get(_DATE):
        put_raw(step, _DATE, f"{str(step[_DATE].value)[:8]}000000".encode())


def _no_station(query: Dataset) -> None:
    step = step_item(query)
    if "ScheduledStationAETitle" in step:
        del step.ScheduledStationAETitle


def _private_elements(query: Dataset) -> None:
    block = query.private_block(0x0019, "CONSOLE STATE 1.0", create=True)
    block.add_new(0x01, "LO", "worklist")
    block.add_new(0x02, "US", 3)


def _retired_elements(query: Dataset) -> None:
    query.OtherPatientIDs = ""
    query.StudyPriorityID = ""
    query.InterpretationStatusID = ""


def _empty_uids(query: Dataset) -> None:
    for keyword in ("ReferencedStudySequence", "ReferencedPatientSequence"):
        item = Dataset()
        item.ReferencedSOPClassUID = item.ReferencedSOPInstanceUID = ""
        setattr(query, keyword, [item])


def _pregnancy(query: Dataset) -> None:
    query.PregnancyStatus = None


ASKING: Mapping[str, Quirk[Asking]] = MappingProxyType(
    {
        "no_step_sequence": Quirk(1, "leaves the step sequence out, and with it its own name", _no_step_sequence),
        "no_step_item": Quirk(1, "asks with a step sequence without items", _no_step_item),
        "empty_step_item": Quirk(1, "asks with one step item that is empty", _empty_step_item),
        "two_step_items": Quirk(1, "asks with two step items", _two_step_items),
        "query_retrieve_level": Quirk(2, "sends QueryRetrieveLevel, which a worklist does not have", _query_retrieve_level),
        "empty_character_set": Quirk(3, "sends SpecificCharacterSet without a value", _empty_character_set),
        "unknown_character_set": Quirk(3, "declares a character set of Windows, which DICOM does not have", _unknown_character_set),
        "padded_wildcards": Quirk(4, "fills empty text keys with a star and a space", _padded_wildcards),
        "stars_everywhere": Quirk(4, "fills empty keys with a star where none is allowed, and names with *^*", _stars_everywhere),
        "caret_behind_name": Quirk(4, "ends a family name with ^", _caret_behind_name),
        "lower_case_modality": Quirk(4, "asks for a modality in lower case", _lower_case_modality),
        "time_only": Quirk(5, "asks for a range of times without a date", _time_only),
        "date_and_time": Quirk(5, "asks for a range of dates and one of times, meaning one interval", _date_and_time),
        "open_end": Quirk(5, "asks from today on, without an end", _open_end),
        "old_date_form": Quirk(5, "writes dates with points, as ACR-NEMA had it", _old_date_form),
        "moment_as_date": Quirk(5, "writes date and time into the date", _moment_as_date),
        "no_station": Quirk(6, "leaves its own name out and is sent everybody's list", _no_station),
        "private_elements": Quirk(7, "adds private elements", _private_elements),
        "retired_elements": Quirk(7, "adds retired attributes", _retired_elements),
        "empty_uids": Quirk(8, "asks for sequences with empty UIDs in their items", _empty_uids),
        "pregnancy": Quirk(8, "asks for PregnancyStatus, a number of length zero", _pregnancy),
    }
)
"""By name."""
