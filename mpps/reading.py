"""From the data set of a performed step to its columns, its series and what is odd about its times."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mpps import datasets
from mpps.checking import Notice
from mpps.datasets import Json, text
from mpps.models import PerformedProcedureStep, PerformedSeries
from mpps.reasons import Reason, known
from mpps.values import read_moment, read_offset
from ris import clock
from ris.models import Site

_SHORT = {
    "performed_procedure_step_id": "PerformedProcedureStepID",
    "modality": "Modality",
    "start_date_raw": "PerformedProcedureStepStartDate",
    "start_time_raw": "PerformedProcedureStepStartTime",
    "end_date_raw": "PerformedProcedureStepEndDate",
    "end_time_raw": "PerformedProcedureStepEndTime",
    "patient_birth_date_raw": "PatientBirthDate",
    "patient_sex": "PatientSex",
}
_LONG = {"description": "PerformedProcedureStepDescription", "patient_id": "PatientID", "patient_name": "PatientName"}
COLUMNS = (
    *_SHORT, *_LONG, "started_at", "ended_at",
    "discontinuation_reason_code", "discontinuation_reason_scheme", "discontinuation_reason_meaning", "attributes",
)  # fmt: skip
"""Columns of a PerformedProcedureStep that follow from its data set."""

REFERENCES = _IMAGES, _NON_IMAGES = "ReferencedImageSequence", "ReferencedNonImageCompositeSOPInstanceSequence"

CLOCK_TOLERANCE = timedelta(minutes=10)
IDENTIFIER_LENGTH = 64


@dataclass(frozen=True)
class Times:
    """Start and end as the modality says (aware), each None when it is absent or cannot be read."""

    start: datetime | None
    end: datetime | None


def times(dataset: Json, site: Site) -> Times:
    """DA and TM pairs in the offset of TimezoneOffsetFromUTC (PS3.3 C.12.1.1.8), else in the hospital's zone."""
    offset = read_offset(text(dataset, "TimezoneOffsetFromUTC"))

    def moment(which: str) -> datetime | None:
        day, wall_time = (text(dataset, f"PerformedProcedureStep{which}{part}") for part in ("Date", "Time"))
        return read_moment(day, wall_time, offset, site)

    return Times(moment("Start"), moment("End"))


REASON = "PerformedProcedureStepDiscontinuationReasonCodeSequence"


def discontinuation_reason(dataset: Json) -> Reason:
    """First code of the discontinuation reason; all empty when there is none."""
    item = datasets.first_item(dataset, REASON)
    code = text(item, "CodeValue", IDENTIFIER_LENGTH) or text(item, "LongCodeValue", IDENTIFIER_LENGTH)
    return Reason(code, text(item, "CodingSchemeDesignator", IDENTIFIER_LENGTH), text(item, "CodeMeaning"))


def columns(dataset: Json, site: Site) -> dict[str, Any]:
    """Values of `COLUMNS`, cut to what the columns hold."""
    when, reason = times(dataset, site), discontinuation_reason(dataset)
    return {
        **{column: text(dataset, keyword, IDENTIFIER_LENGTH) for column, keyword in _SHORT.items()},
        **{column: text(dataset, keyword) for column, keyword in _LONG.items()},
        "started_at": when.start,
        "ended_at": when.end,
        "discontinuation_reason_code": reason.code,
        "discontinuation_reason_scheme": reason.scheme,
        "discontinuation_reason_meaning": reason.meaning,
        "attributes": dataset,
    }


def series(performed: PerformedProcedureStep, dataset: Json) -> list[PerformedSeries]:
    """Rows, not saved, of the items of PerformedSeriesSequence."""
    return [
        PerformedSeries(
            performed_step=performed,
            position=position,
            series_instance_uid=text(item, "SeriesInstanceUID", IDENTIFIER_LENGTH),
            description=text(item, "SeriesDescription"),
            protocol_name=text(item, "ProtocolName"),
            operators_name=text(item, "OperatorsName"),
            performing_physician_name=text(item, "PerformingPhysicianName"),
            retrieve_ae_title=text(item, "RetrieveAETitle"),
            image_count=len(datasets.items(item, _IMAGES)),
            non_image_count=len(datasets.items(item, _NON_IMAGES)),
            attributes=item,
        )
        for position, item in enumerate(datasets.items(dataset, "PerformedSeriesSequence"), 1)
    ]


def instances(dataset: Json) -> int:
    """How many instances its series refer to."""
    made = datasets.items(dataset, "PerformedSeriesSequence")
    return sum(len(datasets.items(item, _IMAGES)) + len(datasets.items(item, _NON_IMAGES)) for item in made)


def odd_start(when: Times, received_at: datetime, site: Site) -> Iterator[Notice]:
    """A start that is not about when the N-CREATE came."""
    if when.start is not None:
        yield from _clock(when.start, received_at, "start", "PerformedProcedureStepStartTime", site)


def odd_end(when: Times, received_at: datetime, site: Site) -> Iterator[Notice]:
    """An end that is not about when the final N-SET came, lies before the start, or on another day than the start."""
    if when.end is None:
        return
    attribute = "PerformedProcedureStepEndTime"
    yield from _clock(when.end, received_at, "end", attribute, site)
    if when.start is None:
        return
    start, end = clock.local(when.start, site), clock.local(when.end, site)
    if when.end < when.start:
        text = f"Its end, “{end:%d-%b-%Y %H:%M:%S}”, is before its start, “{start:%d-%b-%Y %H:%M:%S}”."
        yield Notice("NEGATIVE_DURATION", text, attribute)
    elif start.date() != end.date():
        yield Notice(
            "OVER_MIDNIGHT", f"It began on {start:%d-%b-%Y} and ended on {end:%d-%b-%Y}; the day of service is the start's.", attribute
        )


def odd_reason(dataset: Json) -> Iterator[Notice]:
    """A discontinuation whose reason no table has; none at all is legal (type 3)."""
    if datasets.tag(REASON) not in dataset:
        return
    reason = discontinuation_reason(dataset)
    said = f"{reason.code} {reason.meaning}".strip()
    if not said:
        yield Notice(
            "REASON_MISSING", "It was discontinued with a reason that holds nothing; it counts as discontinued for any reason.", REASON
        )
    elif known(reason.code, reason.scheme) is None:
        yield Notice(
            "REASON_UNKNOWN", f"The reason {said[:200]!r} is no code of CID 9300; it counts as discontinued for any reason.", REASON
        )


def _clock(said: datetime, received_at: datetime, what: str, attribute: str, site: Site) -> Iterator[Notice]:
    away = said - received_at
    if abs(away) <= CLOCK_TOLERANCE:
        return
    side = "ahead of" if away > timedelta(0) else "behind"
    minutes = round(abs(away) / timedelta(minutes=1))
    by = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min" if minutes < 2880 else f"{abs(away).days} days"
    said_local, received = clock.local(said, site), clock.local(received_at, site)
    yield Notice(
        "CONSOLE_CLOCK",
        f"The modality's {what}, “{said_local:%d-%b-%Y %H:%M}”, is {by} {side} the moment its message came ({received:%d-%b-%Y %H:%M}).",
        attribute,
    )
