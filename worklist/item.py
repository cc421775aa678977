"""The worklist item of a scheduled step as a DICOM data set: the values of the columns, then what an import received."""

import struct
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.filereader import read_dataset

from dimse.encode import encode as encode_dataset
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN
from ris import clock
from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep, Site, StepStation, Visit
from worklist import keys, values
from worklist.keys import Key

UTF_8 = "ISO_IR 192"
FLOATS = {"FL": "f", "FD": "d"}  # as `struct` packs them
STATUS_TAG = keys.Key("ScheduledProcedureStepStatus").tag


Item = tuple[tuple[int, str, str], ...]
"""An item of a sequence: tag, VR and value of each element, in order of tags."""


@dataclass(frozen=True, slots=True)
class Source:
    """The records that a step's item is made of; the paths of `worklist.keys` start at these names."""

    step: ScheduledProcedureStep
    procedure: RequestedProcedure
    order: Order
    patient: Patient
    visit: Visit | None
    site: Site
    stations: Sequence[StepStation]

    @classmethod
    def of(cls, step: ScheduledProcedureStep, stations: Sequence[StepStation] | None = None) -> "Source":
        """`stations` are the step's own, in order; without them they are asked for."""
        procedure = step.requested_procedure
        order = procedure.order
        rows = tuple(step.stations.all()) if stations is None else stations
        return cls(step, procedure, order, order.patient, order.visit, step.site, rows)


def dicom_date(day: date) -> str:
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"


def dicom_time(moment: datetime) -> str:
    fraction = f".{moment.microsecond:06d}" if moment.microsecond else ""
    return f"{moment.hour:02d}{moment.minute:02d}{moment.second:02d}{fraction}"


def _date(moment: datetime | None, site: Site) -> str:
    return _local(moment.astimezone(UTC), clock.zone(site))[0] if moment else ""


def _time(moment: datetime | None, site: Site) -> str:
    return _local(moment.astimezone(UTC), clock.zone(site))[1] if moment else ""


@lru_cache(2048)
def _local(moment: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """DA and TM; the moment is in UTC, where no two moments are equal, which those of a repeated hour elsewhere are."""
    local = moment.astimezone(zone)
    return dicom_date(local.date()), dicom_time(local)


def _number(value: Decimal | None) -> str:
    """DS: no exponent, no zeros behind the last digit that counts."""
    return "" if value is None else f"{value.normalize():f}"


def _code(code: str, scheme: str, meaning: str) -> list[Item]:
    elements = ((0x00080100, "SH", code), (0x00080102, "SH", scheme), (0x00080104, "LO", meaning))
    return [tuple(element for element in elements if element[2])] if code else []


def _issuer(namespace: str) -> list[Item]:
    return [((0x00400031, "UT", namespace),)] if namespace else []


def _other_ids(ids: list[dict[str, str]]) -> list[Item]:
    """PS3.3 C.2.2: each with its issuer and its type, which is what people read and type."""
    found = []
    for one in ids:
        elements = ((0x00100020, "LO", one["id"]), (0x00100021, "LO", one.get("issuer", "")), (0x00100022, "CS", "TEXT"))
        found.append(tuple(element for element in elements if element[2]))
    return found


def _codes(codes: list[dict[str, str]]) -> list[Item]:
    return [item for code in codes for item in _code(code.get("code", ""), code.get("scheme", ""), code.get("meaning", ""))]


_SEQUENCES: dict[str, Callable[[list[dict[str, str]]], list[Item]]] = {
    "OtherPatientIDsSequence": _other_ids,
    "PatientPrimaryLanguageCodeSequence": _codes,
}
"""Items of the sequences that records keep in their details."""


_COMPUTED: dict[str, Callable[[Source], Any]] = {
    "=station_ae_titles": lambda s: [row.ae_title for row in s.stations],
    "=station_names": lambda s: [row.station.name for row in s.stations if row.station and row.station.name],
    "=start_date": lambda s: _date(s.step.start, s.site),
    "=start_time": lambda s: _time(s.step.start, s.site),
    "=end_date": lambda s: _date(s.step.end, s.site),
    "=end_time": lambda s: _time(s.step.end, s.site),
    "=protocol_codes": lambda s: _codes(s.step.protocol_codes),
    "=procedure_code": lambda s: _code(s.procedure.code, s.procedure.scheme, s.procedure.meaning),
    "=other_patient_ids": lambda s: [one["id"] for one in s.patient.details.get("OtherPatientIDsSequence", ())],
    "=birth_date": lambda s: dicom_date(s.patient.birth_date) if s.patient.birth_date else "",
    "=weight": lambda s: _number(s.patient.weight_kg),
    "=size": lambda s: _number(s.patient.size_m),
    "=issue_date": lambda s: _date(s.order.ordered_at, s.site),
    "=issue_time": lambda s: _time(s.order.ordered_at.replace(microsecond=0), s.site),
    "=issuer_of_accession_number": lambda s: _issuer(s.order.issuer_of_accession_number),
    "=issuer_of_placer_order_number": lambda s: _issuer(s.order.issuer_of_placer_order_number),
    "=issuer_of_filler_order_number": lambda s: _issuer(s.order.issuer_of_filler_order_number),
    "=issuer_of_admission_id": lambda s: _issuer(s.visit.issuer_of_admission_id if s.visit else ""),
}
"""Values that are no column: texts, lists of texts, or the items of a sequence."""


def _reader(path: str) -> Callable[[Source], Any]:
    if path.startswith("="):
        return _COMPUTED[path]
    if ":" in path:
        return _detail(*path.split(":"))
    if path.startswith("visit."):
        attribute = attrgetter(path.removeprefix("visit."))
        return lambda source: attribute(source.visit) if source.visit else None
    return attrgetter(path)


def _detail(record: str, keyword: str) -> Callable[[Source], Any]:
    """What a record keeps by its keyword."""
    details = attrgetter(f"{record}.details")
    if keyword in _SEQUENCES:
        items = _SEQUENCES[keyword]
        return lambda source: items(details(source).get(keyword, []))
    if record == "visit":
        return lambda source: details(source).get(keyword) if source.visit else None
    return lambda source: details(source).get(keyword)


READERS = {key.source: _reader(key.source) for table in (keys.ROOT, keys.STEP) for key in table.values() if key.source}
"""How the value of a key is read from the records, by `Key.source`; None or something empty when there is none."""


def _fill(dataset: Dataset, table: dict[int, Key], source: Source) -> None:
    for tag, key in table.items():
        if key.source and (value := READERS[key.source](source)) not in (None, "", []):
            dataset[tag] = DataElement(tag, key.vr, [_dataset(item) for item in value] if key.vr == "SQ" else value)


def _dataset(item: Item) -> Dataset:
    dataset = Dataset()
    for tag, vr, value in item:
        dataset[tag] = DataElement(tag, vr, value)
    return dataset


def from_columns(step: ScheduledProcedureStep) -> Dataset:
    """What the columns say; elements without a value are left out. The step sequence has its one item."""
    return from_source(Source.of(step))


def from_source(source: Source) -> Dataset:
    """`from_columns` of records that are at hand."""
    dataset, item = Dataset(), Dataset()
    _fill(dataset, keys.ROOT, source)
    _fill(item, keys.STEP, source)
    dataset.ScheduledProcedureStepSequence = [item]
    return dataset


def build(step: ScheduledProcedureStep) -> Dataset:
    """The item as it is served: the columns, then `received_item` over them. The status is always the step's own."""
    return build_from(Source.of(step))


def build_from(source: Source) -> Dataset:
    """`build` of records that are at hand."""
    dataset = from_source(source)
    if source.step.received_item:
        received = from_json(source.step.received_item)
        for inside in values.items(received, keys.STEP_SEQUENCE.tag)[:1]:
            inside.pop(STATUS_TAG, None)
            _lay_over(dataset.ScheduledProcedureStepSequence[0], inside)
        received.pop(keys.STEP_SEQUENCE.tag, None)
        _lay_over(dataset, received)
    return dataset


def from_json(elements: dict[str, Any]) -> Dataset:
    """A data set from DICOM JSON; numbers in strings stay as they were written (PS3.18 F.2.3), which pydicom's reader would round.

    Of FL and FD the bytes may stand instead, little endian: JSON has no numbers that are not finite.
    """
    dataset = Dataset()
    for tag, element in elements.items():
        written = element.get("Value", [])
        if element["vr"] == "SQ":
            dataset[tag] = DataElement(tag, "SQ", [from_json(one) for one in written])
        elif element["vr"] in FLOATS and "InlineBinary" in element:
            packed = b64decode(element["InlineBinary"])
            dataset[tag] = DataElement(
                tag, element["vr"], [number for (number,) in struct.iter_unpack(f"<{FLOATS[element['vr']]}", packed)]
            )
        elif element["vr"] in ("DS", "IS"):
            dataset[tag] = DataElement(tag, element["vr"], [str(one) for one in written])
        else:
            dataset.update(Dataset.from_json({tag: element}))
    return dataset


def _lay_over(dataset: Dataset, over: Dataset) -> None:
    """Replace elements; an empty one removes what is below it."""
    for element in over:
        if element.is_empty or (element.VR == "SQ" and not element.value):
            dataset.pop(element.tag, None)
        else:
            dataset[element.tag] = element


def encode(dataset: Dataset) -> bytes:
    """Explicit VR Little Endian with strings in UTF-8, without the declaration of it."""
    dataset.SpecificCharacterSet = UTF_8
    encoded = encode_dataset(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
    del dataset.SpecificCharacterSet
    return encoded[_DECLARATION_LENGTH:] if encoded.startswith(DECLARATION) else encoded


def decode(encoded: bytes | memoryview) -> Dataset:
    """The data set of `encode`; elements are converted when they are first read."""
    return read_dataset(BytesIO(DECLARATION + bytes(encoded)), is_implicit_VR=False, is_little_endian=True)


def _declaration() -> bytes:
    dataset = Dataset()
    dataset.SpecificCharacterSet = UTF_8
    return encode_dataset(dataset, EXPLICIT_VR_LITTLE_ENDIAN)


DECLARATION = _declaration()
_DECLARATION_LENGTH = len(DECLARATION)
