"""A conformance report without values: every sentence of every check, made of values that are recognised, and none of them is left."""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any, Final

import pytest
from pydicom import Dataset
from pydicom.datadict import dictionary_VR

from dimse import statuses
from dimse.decode import UndecodableDataSet, decode
from dimse.encode import encode
from dimse.entries import now
from dimse.models import Association, Message
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, Verb
from mpps import attributes, datasets
from mpps.datasets import Json
from mpps.models import StepLink
from stepwise.modality_report import report
from stepwise.modality_report.checks import CHECKS
from stepwise.modality_report.heard import Asked, Heard, Instance, Told
from stepwise.modality_report.judging import judged
from stepwise.modality_report.verdicts import Verdict
from tests.support.hospital import a_site, an_order, steps_of
from worklist import captured

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

MARKS: Final = ("QX1", "O'QX2", 'a"QX3', "“QX4”", "QX5”", "\\QX6'", "'QX7", "ÃQX8Ã¼", "qx 9", "QX" * 40, "QX^QX=QX")
DAYS, TIMES = ("19870423", "1987-04-23", "23.04.1987QX"), ("041759", "04:17:59", "41759QX")
_BY_VR: Final[dict[str, tuple[object, ...]]] = {
    "DA": DAYS, "TM": TIMES, "DT": ("19870423041759QX",), "UI": ("1.2.QX", "1.0041777.4", "1.2.41777"), "US": (4177700,),
    "PN": tuple({"Alphabetic": mark} for mark in MARKS), "IS": ("QX", "41777.5"), "DS": ("QX", "4,1777"),
}  # fmt: skip
TELLING: Final = re.compile(r"qx|1987|23-apr|23\.04|04:17|0417|4177|4,1777", re.IGNORECASE)
"""What is left of any of them."""
STATUS: Final = "PerformedProcedureStepStatus"
PROPER: Final = {"AE": "CT01", "CS": "CT", "DA": "20260105", "DS": "1.5", "DT": "20260105093000", "IS": "3", "PN": {"Alphabetic": "A^B"},
                 "TM": "093000", "UI": "1.2.3", "UR": "urn:oid:1.2", "US": 3}  # fmt: skip


def full(status: str, parent: str = "") -> Json:
    """A data set with a value in every row of the table."""
    found: Json = {}
    for row in attributes.rows_in(parent):
        value: object = full(status, row.path) if row.is_sequence else row.enumerated[0] if row.enumerated else PROPER.get(row.vr, "text")
        found[row.tag] = {"vr": row.vr, "Value": [status if row.keyword == STATUS else value]}
    return found


def wrong(status: str, number: int, form: int) -> Json:
    """Such a data set with one of the marks in every row but the status: once, three times, or under another VR."""
    return _wrong(full(status), number, form)


def _wrong(dataset: Json, number: int, form: int, parent: str = "") -> Json:
    for row in attributes.rows_in(parent):
        if row.is_sequence:
            for item in dataset[row.tag]["Value"]:
                _wrong(item, number, form, row.path)
        elif row.keyword != STATUS:
            dataset[row.tag] = _element(row.vr, number, form)
    return dataset


def _element(vr: str, number: int, form: int) -> dict[str, Any]:
    values = _BY_VR.get(vr, MARKS)
    value = values[number % len(values)]
    return {"vr": "LO", "Value": [str(value)]} if form == 2 else {"vr": vr, "Value": [value] * (1, 3)[form]}


def a_message(verb: Verb, uid: str = "1.2.3", data: bytes = b"") -> Message:
    return Message(time=now(), service=verb.value, sop_instance_uid=uid, message_id=1, data=data, transfer_syntax=EXPLICIT_VR_LITTLE_ENDIAN)


def told(verb: Verb, data: Json | None, status: int = 0, comment: str = "", uid: str = "1.2.3", **more: Any) -> Told:
    answer = Message(status=status, comment=comment, service=verb.value)
    return Told(a_message(verb, uid), answer, data, more.get("notes", ()), more.get("problem", ""))


def instances() -> Iterator[Instance]:
    """Performed steps with a mark in each row of the table, in each of their messages; then what needs more than a value."""
    step = steps_of(an_order(name="QXNAME^O'QX", patient_id="P'QX"))[0]
    order = step.requested_procedure.order
    order.accession_number, step.requested_procedure.requested_procedure_id = "A'QX", 'R"QX'
    step.scheduled_procedure_step_id, step.requested_procedure.study_instance_uid = "S”QX", "1.2.41777"
    link = StepLink(step=step, position=1, how=StepLink.How.ACCESSION)
    for number, form in product(range(len(MARKS)), range(3)):
        create, final = wrong("IN PROGRESS", number, form), wrong("DISCONTINUED", number, form)
        yield Instance("1.2.3", [told(Verb.N_CREATE, create), told(Verb.N_SET, final)], [link], created=full("IN PROGRESS"))
        odd = full("IN PROGRESS") | {attributes.row(STATUS).tag: _element("CS", number, form)}
        yield Instance("1.2.3", [told(Verb.N_CREATE, odd), told(Verb.N_SET, odd)], created=full("IN PROGRESS"))
    for mark in MARKS:
        stray = StepLink(accession_number=mark, requested_procedure_id=mark, scheduled_procedure_step_id=mark)
        two = frozenset({"CT01", "CT01_2"})
        yield Instance("1.2.3", [told(Verb.N_CREATE, full("IN PROGRESS"), uid="")], [], [stray], callers=two, devices=two)
        yield Instance("1.2.3", [told(Verb.N_CREATE, None, problem=undecodable(mark))])
        raw = b"\x08\x00\x05\x00CS" + _value(mark) + b"\x10\x00\x10\x00PN" + _value(mark) + b"\x18\x00\x50\x11IS" + _value(mark)
        notes = decode(raw, EXPLICIT_VR_LITTLE_ENDIAN).notes
        yield Instance("1.2.3", [told(Verb.N_SET, full("COMPLETED"), notes=notes)])
    backwards = full("COMPLETED") | {datasets.tag("PerformedProcedureStepEndDate"): {"vr": "DA", "Value": ["19870423"]}}
    yield Instance("1.2.3", [told(Verb.N_CREATE, full("IN PROGRESS")), told(Verb.N_SET, backwards)])
    again = told(Verb.N_CREATE, {}, statuses.DUPLICATE_SOP_INSTANCE)
    yield Instance("1.2.3", [again, told(Verb.N_SET, {}, statuses.NO_SUCH_SOP_INSTANCE)])
    late = told(Verb.N_SET, full("COMPLETED"), statuses.PROCESSING_FAILURE, "it may no longer be updated")
    yield Instance("1.2.3", [late, told(Verb.N_SET, {attributes.row(STATUS).tag: {"vr": "CS", "Value": ["COMPLETED"]}})])
    empty = {datasets.tag("ReasonForPerformedProcedureCodeSequence"): {"vr": "SQ", "Value": [{}]}}
    yield Instance("1.2.3", [told(Verb.N_SET, empty)], created=full("IN PROGRESS"))
    left = told(Verb.N_CREATE, full("IN PROGRESS"))
    left.message.time -= timedelta(days=2)
    yield Instance("1.2.3", [left], status="IN PROGRESS")


def _value(mark: str) -> bytes:
    value = mark.encode("latin-1", "replace")
    value += b" " * (len(value) % 2)
    return len(value).to_bytes(2, "little") + value


def undecodable(mark: str) -> str:
    raw = b"\x10\x00\x10\x00" + (mark.encode("latin-1", "replace") * 8)[:20]
    try:
        decode(raw, EXPLICIT_VR_LITTLE_ENDIAN)
    except UndecodableDataSet as error:
        return str(error)
    raise AssertionError(mark)


def queries() -> Iterator[Asked]:
    """Each key with each value, in the root and in the step's item, as its bytes are read; what cannot be read is refused with why."""
    keywords = ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyInstanceUID", "RequestedProcedureID", "PatientSex",
                "PatientWeight", "SpecificCharacterSet", "TimezoneOffsetFromUTC", "Modality", "ScheduledStationAETitle",
                "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime", "ScheduledProcedureStepStatus")  # fmt: skip
    for keyword in keywords:
        vr = dictionary_VR(keyword)
        for value in (*MARKS, *(one for one in _BY_VR.get(vr, ()) if isinstance(one, str))):
            yield from map(query, _both(int(datasets.tag(keyword), 16), vr, value))
    two = Dataset()
    two.ScheduledProcedureStepSequence = [Dataset(), Dataset()]
    raw = encode(two, EXPLICIT_VR_LITTLE_ENDIAN)
    yield from (query(raw), query(raw))


def _both(tag: int, vr: str, value: str) -> Iterator[bytes]:
    element = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode() + _value(value)
    yield element
    item = b"\xfe\xff\x00\xe0" + len(element).to_bytes(4, "little") + element
    yield b"\x40\x00\x00\x01SQ\0\0" + len(item).to_bytes(4, "little") + item


def query(raw: bytes) -> Asked:
    read = captured.read(raw, EXPLICIT_VR_LITTLE_ENDIAN)
    message = a_message(Verb.C_FIND, "", raw)
    answer = Message(status=0xA900 if read.problem else 0, comment=read.problem[:64], service=Verb.C_FIND.value)
    return Asked(message, answer, read, decode(raw, EXPLICIT_VR_LITTLE_ENDIAN).dataset)


def verdicts() -> list[Verdict]:
    calls = (
        Association(started=now(), ended=now(), end="rejected", rejection="called AE title 'RIS' is not served here"),
        Association(started=now(), ended=now(), end="aborted"),
    )
    heard = Heard(a_site(), "CT01", now(), now(), calls, tuple(queries()), tuple(instances()), False)
    return [one for one in judged(heard) if one.text]


def test_no_sentence_of_any_check_keeps_a_value() -> None:
    found = verdicts()
    assert {one.code for one in found} == {check.code for check in CHECKS}, "every check has failed"
    assert {one.code for one in found if TELLING.search(one.text)} >= {
        "TIMES", "VALUES_VALID", "STATUS_EXACT", "CHARACTERS", "NAMES_ITEM", "REASON", "QUERY_ACCEPTED", "QUERY_WELL_FORMED",
        *(check.code for check in CHECKS if check.code.startswith("CARRIES")),
    }  # fmt: skip
    left = {one.code: (one.text, kept) for one in found if TELLING.search(kept := report.masked(one.text))}
    assert left == {}
