"""An item written straight from the columns is the one that pydicom writes, to the byte."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep, Site, Station, StepStation, Visit
from worklist import encoding, item, keys, values
from worklist.item import Source

LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=16)
ANY = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
ODD = st.sampled_from(["", " ", "\\", "a\\b", "\\ x \\", " padded ", "山田^太郎=", "==", "ÄÖ^ß=山田^太郎=やまだ^たろう", "x" * 64])
TEXT = st.one_of(ANY, ODD)
CODE = st.one_of(LATIN, ODD.filter(str.isascii))
MOMENT = st.integers(0, 3_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
NAME = TEXT.map(lambda text: text.replace("\\", ""))


def records(draw: Any) -> Source:
    site = Site(code="s", name=draw(TEXT), time_zone=draw(st.sampled_from(["America/New_York", "Asia/Tokyo", "UTC"])))
    patient = Patient(
        site=site,
        patient_id=draw(TEXT),
        issuer_of_patient_id=draw(TEXT),
        name=draw(NAME),
        birth_date=draw(st.none() | st.dates(date(1, 1, 1))),
        sex=draw(st.sampled_from(["F", "M", "O", ""])),
        weight_kg=draw(st.none() | st.decimals(0, 9999, places=2)),
        size_m=draw(st.none() | st.decimals(0, 99, places=2)),
        allergies=draw(st.lists(TEXT, max_size=3)),
        medical_alerts=draw(st.lists(TEXT, max_size=3)),
        pregnancy_status=draw(st.sampled_from([None, 1, 4])),
        special_needs=draw(TEXT),
        patient_state=draw(TEXT),
        confidentiality=draw(TEXT),
    )
    visit = Visit(admission_id=draw(TEXT), issuer_of_admission_id=draw(TEXT), current_patient_location=draw(TEXT))
    visit = draw(st.sampled_from([None, visit]))
    order = Order(site=site, patient=patient, visit=visit, priority=draw(CODE), ordered_at=draw(MOMENT))
    for field in ("accession_number", "requesting_service", "reason", "comments", "patient_transport_arrangements"):
        setattr(order, field, draw(TEXT))
    for field in ("placer_order_number", "filler_order_number", "accession_number"):
        setattr(order, f"issuer_of_{field}", draw(TEXT))
    order.referring_physician_name, order.requesting_physician = draw(NAME), draw(NAME)
    procedure = RequestedProcedure(
        order=order,
        requested_procedure_id=draw(TEXT),
        study_instance_uid=draw(st.sampled_from(["", "1.2.3", "2.25.12"])),
        code=draw(TEXT),
        scheme=draw(TEXT),
        meaning=draw(TEXT),
        description=draw(TEXT),
    )
    return _step(draw, site, procedure)


def _step(draw: Any, site: Site, procedure: RequestedProcedure) -> Source:
    start = draw(st.none() | MOMENT)
    step = ScheduledProcedureStep(
        site=site,
        requested_procedure=procedure,
        scheduled_procedure_step_id=draw(TEXT),
        description=draw(TEXT),
        modality=draw(CODE),
        protocol_codes=draw(st.lists(st.fixed_dictionaries({}, optional={"code": TEXT, "scheme": TEXT, "meaning": TEXT}), max_size=3)),
        start=start,
        end=start and start + timedelta(minutes=draw(st.integers(1, 600))),
        location=draw(TEXT),
        performing_physician_name=draw(NAME),
        pre_medication=draw(TEXT),
        requested_contrast_agent=draw(TEXT),
        comments=draw(TEXT),
        status=draw(st.sampled_from(["SCHEDULED", "READY"])),
    )
    stations = [
        StepStation(step=step, ae_title=title, station=draw(st.sampled_from([None, Station(name="CT 1"), Station(name="")])))
        for title in draw(st.lists(CODE, max_size=3))
    ]
    return Source.of(step, stations)


@settings(max_examples=60)
@given(st.data())
def test_bytes_and_texts_are_those_of_the_data_set(data: st.DataObject) -> None:
    source = records(data.draw)
    dataset = item.from_source(source)
    assert encoding.encode(source) == item.encode(dataset)
    inside = dataset.ScheduledProcedureStepSequence[0]
    for table, where in ((keys.ROOT, dataset), (keys.STEP, inside)):
        for key in table.values():
            if key.source and key.vr not in ("SQ", "US"):
                assert encoding.texts(key, source) == values.texts(where.get(key.tag)), key.keyword


def bare(**columns: object) -> Source:
    site = Site(time_zone="UTC")
    order = Order(patient=Patient(), ordered_at=datetime(2026, 11, 23, tzinfo=UTC))
    step = ScheduledProcedureStep(site=site, requested_procedure=RequestedProcedure(order=order), **columns)
    return Source.of(step, [])


def test_a_text_too_long_for_its_representation_travels_as_un() -> None:
    source = bare(comments="ä" * 40_000)
    assert encoding.encode(source) == item.encode(item.from_source(source))
    assert b"UN\0\0" in encoding.encode(source)


def test_letters_that_no_code_can_hold_are_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encoding.encode(bare(modality="СТ"))


def test_weight_is_written_without_exponent_and_idle_zeros() -> None:
    source = bare()
    source.patient.weight_kg = Decimal("70.00")
    assert b"70" in encoding.encode(source)
    assert b"7E" not in encoding.encode(source)
