"""Ordering over REST: the shapes, and everything that is refused with nothing written."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from ris import clock
from tests.support.hospital import a_pool, a_site, a_station, an_order, in_minutes
from tests.unit.api.conftest import RECORDED, SEEN_USED, TOKEN, Rest, an_order_body, row_counts

pytestmark = pytest.mark.usefixtures("hospital")

STEP_FIELDS = {
    "id", "scheduled_procedure_step_id", "status", "station_ae_title", "station_ae_titles", "modality", "start", "end",
    "accession_number", "patient_id", "patient_name", "study_instance_uid", "requested_procedure_id",
}  # fmt: skip


def local(minutes: int) -> str:
    return clock.local(in_minutes(minutes), a_site()).isoformat(timespec="seconds")


def test_an_order_into_the_tray_has_the_flat_fields_and_reads_back_the_same(rest: Rest) -> None:
    status, order = rest.post("/orders", an_order_body())
    assert status == 201
    assert order["accession_number"] and len(order["accession_number"]) <= 16
    assert order["placer_order_number"]
    assert order["priority"] == "ROUTINE"
    assert order["patient"]["name"] == "TANAKA^Hanako=田中^花子=たなか^はなこ"
    assert order["patient"]["birth_date"] == "1984-05-31"
    (procedure,) = order["requested_procedures"]
    assert procedure["code"] == "CTCHEST"
    assert order["requested_procedure_id"] == procedure["requested_procedure_id"]
    assert order["study_instance_uid"] == procedure["study_instance_uid"]
    assert order["steps"] == procedure["steps"]
    (step,) = order["steps"]
    assert set(step) >= STEP_FIELDS
    assert (step["status"], step["start"], step["end"], step["station_ae_title"]) == ("SCHEDULED", None, None, None)
    assert rest.get(f"/orders/{order['accession_number']}") == (200, order)


def test_names_travel_in_their_own_script(rest: Rest) -> None:
    accession = rest.post("/orders", an_order_body())[1]["accession_number"]
    answer = Client(headers={"Authorization": f"Bearer {TOKEN}"}).get(f"/api/v1/orders/{accession}")
    assert "田中^花子".encode() in answer.content
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_half_a_surrogate_as_the_name_of_a_field_is_answered_too(rest: Rest) -> None:
    status, body = rest.post_raw("/orders", r'{"\ud800": 1}')
    assert (status, bool(body["detail"])) == (422, True)


def test_a_booked_order_shows_the_hospitals_offset(rest: Rest) -> None:
    start = local(60)
    status, order = rest.post("/orders", an_order_body(station_ae_title="CT01", start=start, priority="stat"))
    assert status == 201
    (step,) = order["steps"]
    assert step["start"] == start
    assert (step["station_ae_title"], step["station_ae_titles"]) == ("CT01", ["CT01"])
    assert order["priority"] == "STAT"


def test_a_start_without_offset_is_the_hospitals_wall_clock(rest: Rest) -> None:
    status, order = rest.post("/orders", an_order_body(station_ae_title="CT01", start=local(60)[:16]))
    assert status == 201
    assert order["steps"][0]["start"] == local(60)


def test_a_start_in_another_offset_is_the_same_moment(rest: Rest) -> None:
    utc = in_minutes(60).isoformat().replace("+00:00", "Z")
    status, order = rest.post("/orders", an_order_body(station_ae_title="CT01", start=utc))
    assert (status, order["steps"][0]["start"]) == (201, local(60))


def test_an_end_gives_the_exam_another_length(rest: Rest) -> None:
    status, order = rest.post("/orders", an_order_body(station_ae_title="CT01", start=local(60), end=local(107)))
    assert (status, order["steps"][0]["end"]) == (201, local(107))
    assert rest.get(f"/orders/{order['accession_number']}") == (200, order)


def test_two_steps_of_one_procedure_are_booked_in_a_row(rest: Rest) -> None:
    status, order = rest.post("/orders", an_order_body(procedure_code="NMBONE", station_ae_title="NM01", start=local(60)))
    assert status == 201
    first, second = order["steps"]
    assert first["end"] == second["start"]
    assert first["id"] != second["id"]


def test_several_procedures_have_no_flat_fields(rest: Rest) -> None:
    status, order = rest.post("/orders", an_order_body(procedure_code=None, procedure_codes=["CTCHEST", "MRHEAD"]))
    assert status == 201
    assert [procedure["code"] for procedure in order["requested_procedures"]] == ["CTCHEST", "MRHEAD"]
    assert (order["steps"], order["requested_procedure_id"], order["study_instance_uid"]) == (None, None, None)


def test_a_pool_is_booked_by_its_code(rest: Rest) -> None:
    a_pool("ANYCT", a_station("CT01"), a_station("MR01"))
    status, order = rest.post("/orders", an_order_body(station_ae_title="ANYCT", start=local(60)))
    assert status == 201
    assert order["steps"][0]["station_ae_titles"] == ["CT01", "MR01"]


def test_the_optional_fields_are_kept(rest: Rest) -> None:
    given = {
        "accession_number": "EXT/1 2",
        "placer_order_number": "P-9",
        "referring_physician_name": "MÜLLER^Jürgen",
        "requesting_physician": "OKAFOR^Ngozi",
        "requesting_service": "ICU",
        "reason": "Cough",
        "comments": "Line one\nline two",
        "patient_transport_arrangements": "Bed",
    }
    status, order = rest.post("/orders", an_order_body(**given))
    assert status == 201
    assert {name: order[name] for name in given} == given
    assert rest.get("/orders/EXT/1%202") == (200, order)


def test_null_is_as_good_as_left_out_and_a_patient_without_id_gets_one(rest: Rest) -> None:
    body = an_order_body(
        station_ae_title=None, start=None, reason=None, patient={"name": "DOE^Jane", "patient_id": None, "birth_date": None}
    )
    status, order = rest.post("/orders", body)
    assert status == 201
    assert order["patient"]["patient_id"]
    assert order["patient"]["birth_date"] is None


def test_the_same_patient_ordered_twice_is_one_patient_and_another_name_is_409(rest: Rest) -> None:
    assert rest.post("/orders", an_order_body())[0] == 201
    assert rest.post("/orders", an_order_body())[0] == 201
    before = row_counts()
    patient = {"patient_id": "4711", "name": "OTHER^Person", "birth_date": "1984-05-31", "sex": "F"}
    status, body = rest.post("/orders", an_order_body(patient=patient))
    assert status == 409
    assert "4711" in body["detail"] and "name" in body["detail"]
    assert "TANAKA" not in str(body).upper(), "who guesses an ID is told no name"
    assert row_counts() == before


def test_a_taken_slot_is_409_that_names_the_exam_in_the_way(rest: Rest) -> None:
    taken = an_order(start=in_minutes(60), name="CLASH^Clara")
    before, asked = row_counts(), local(75)
    status, body = rest.post("/orders", an_order_body(station_ae_title="CT01", start=asked))
    assert status == 409
    assert taken.accession_number in body["detail"] and asked[11:16] in body["detail"]
    assert taken.accession_number in body["conflicts_with"]
    assert "CLASH" not in str(body).upper(), "a token that may place orders need not be one that may see patients"
    assert row_counts() == before


def test_an_accession_number_in_use_is_409(rest: Rest) -> None:
    taken = an_order()
    before = row_counts()
    status, body = rest.post("/orders", an_order_body(accession_number=taken.accession_number))
    assert (status, taken.accession_number in body["detail"]) == (409, True)
    assert row_counts() == before


def patient(**changes: Any) -> dict[str, Any]:
    return {"patient": an_order_body()["patient"] | changes}


def booked(end: str, station: str = "CT01", **changes: object) -> dict[str, object]:
    """An order of an exam on 23-Nov-2026 at 09:30 in the hospital's zone that ends then."""
    return {"station_ae_title": station, "start": "2026-11-23T09:30:00-05:00", "end": end, **changes}


REFUSED = {
    "unknown procedure": ({"procedure_code": "NOSUCH"}, 404, "NOSUCH"),
    "no procedure": ({"procedure_code": None}, 422, "procedure_code"),
    "empty procedure": ({"procedure_code": ""}, 422, "procedure_code"),
    "two ways of naming it": ({"procedure_codes": ["MRHEAD"]}, 422, "procedure_code"),
    "half a surrogate in the code": ({"procedure_code": "\ud800"}, 422, "procedure_code"),
    "unknown station": ({"station_ae_title": "NOSUCH", "start": "2026-11-23T09:30:00-05:00"}, 404, "NOSUCH"),
    "NUL in the station": ({"station_ae_title": "CT\x0001", "start": "2026-11-23T09:30:00-05:00"}, 422, "station_ae_title"),
    "station of another modality": ({"station_ae_title": "NM01", "start": "2026-11-23T09:30:00-05:00"}, 422, "station_ae_title"),
    "station without start": ({"station_ae_title": "CT01"}, 422, "start"),
    "start without station": ({"start": "2026-11-23T09:30:00-05:00"}, 422, "station_ae_title"),
    "malformed start": ({"station_ae_title": "CT01", "start": "tomorrow at nine"}, 422, "start"),
    "a start that does not exist": ({"station_ae_title": "CT01", "start": "2026-02-30T09:30:00-05:00"}, 422, "start"),
    "a day as start": ({"station_ae_title": "CT01", "start": "2026-11-23"}, 422, "start"),
    "a number as start": ({"station_ae_title": "CT01", "start": 1795000000}, 422, "start"),
    "a start before the world": ({"station_ae_title": "CT01", "start": "0001-01-01T00:00:00+14:00"}, 422, "start"),
    "a start after the world": ({"station_ae_title": "CT01", "start": "9999-12-31T23:59:59-05:00"}, 422, "start"),
    "an end before the start": (booked("2026-11-23T09:29:00-05:00"), 422, "lies before the start"),
    "an end that is the start": (booked("2026-11-23T14:30:00Z"), 422, "is the start"),
    "an end days after the start": (booked("2026-11-25T09:30:00-05:00"), 422, "more than a day"),
    "an end of two exams": (booked("2026-11-23T10:30:00-05:00", station="NM01", procedure_code="NMBONE"), 422, "fits no single exam"),
    "an end without a start": ({"end": "2026-11-23T09:30:00-05:00"}, 422, "start"),
    "a malformed end": (booked("at ten"), 422, "end"),
    "unknown priority": ({"priority": "URGENT"}, 422, "priority"),
    "malformed birth date": (patient(birth_date="31.05.1984"), 422, "patient.birth_date"),
    "a birth date that does not exist": (patient(birth_date="1984-02-30"), 422, "patient.birth_date"),
    "birth in the future": (patient(birth_date="2999-01-01"), 422, "patient.birth_date"),
    "birth date as a number": (patient(birth_date=19840531), 422, "patient.birth_date"),
    "control character in the name": (patient(name="DOE\x07^Jane"), 422, "patient.name"),
    "backslash in the name": (patient(name="DOE\\ROE^Jane"), 422, "patient.name"),
    "name over its VR length": (patient(name="D" * 65), 422, "patient.name"),
    "no name": (patient(name=""), 422, "patient.name"),
    "name is null": (patient(name=None), 422, "patient.name"),
    "four name groups": (patient(name="a=b=c=d"), 422, "patient.name"),
    "half a surrogate in the name": (patient(name="\udc80"), 422, "patient.name"),
    "control character in the patient ID": (patient(patient_id="47\n11"), 422, "patient.patient_id"),
    "patient ID over its VR length": (patient(patient_id="4" * 65), 422, "patient.patient_id"),
    "unknown sex": (patient(sex="X"), 422, "patient.sex"),
    "unknown patient field": (patient(birthdate="1984-05-31"), 422, "patient.birthdate"),
    "patient is text": ({"patient": "4711"}, 422, "patient"),
    "patient is missing": ({"patient": None}, 422, "patient"),
    "unknown field": ({"procedure": "CTCHEST"}, 422, "procedure"),
    "accession number over its VR length": ({"accession_number": "A" * 17}, 422, "accession_number"),
    "control character in the reason": ({"reason": "a\x1b[31m"}, 422, "reason"),
    "referring physician over length": ({"referring_physician_name": "R" * 65}, 422, "referring_physician_name"),
    "comments as a list": ({"comments": ["a"]}, 422, "comments"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_order_is_refused_with_what_and_why_and_nothing_is_written(rest: Rest, case: str) -> None:
    changes, expected, named = REFUSED[case]
    before = row_counts()
    status, body = rest.post("/orders", an_order_body(**changes))
    assert status == expected, body
    assert named in body["detail"]
    if status == 422:
        assert named in " ".join(body["errors"]) or named in body["detail"]
        assert all(body["errors"].values())
    assert row_counts() == before


def test_everything_wrong_with_the_shape_is_named_in_one_answer(rest: Rest) -> None:
    status, body = rest.post("/orders", {"patient": {"birth_date": 5}, "start": "soon", "colour": "red"})
    assert status == 422
    assert set(body["errors"]) == {"patient.name", "patient.birth_date", "start", "colour"}


@pytest.mark.parametrize("raw", ["", "{", "nonsense", b"\xff\xfe", "[" * 100_000])
def test_a_body_that_is_not_json_is_refused_in_words(rest: Rest, raw: str | bytes) -> None:
    before = row_counts()
    status, body = rest.post_raw("/orders", raw)
    assert status in (400, 422)
    assert isinstance(body["detail"], str) and body["detail"]
    assert row_counts() == before


def test_a_body_beyond_all_measure_is_413(rest: Rest) -> None:
    before = row_counts()
    status, body = rest.post("/orders", an_order_body(comments="x" * 3_000_000))
    assert (status, body["detail"]) == (413, f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes.")
    assert row_counts() == before


@pytest.mark.parametrize("raw", ["[]", "null", "5", '"text"', "NaN"])
def test_a_body_that_is_no_object_is_refused_in_words(rest: Rest, raw: str) -> None:
    status, body = rest.post_raw("/orders", raw)
    assert status in (400, 422)
    assert isinstance(body["detail"], str) and body["detail"]


@pytest.mark.parametrize("accession", ["NOSUCH", "A" * 500, "%00", "%ED%A0%80", "..", "%27%3B--"])
def test_an_unknown_accession_number_is_404(rest: Rest, accession: str) -> None:
    status, body = rest.get(f"/orders/{accession}")
    assert status in (404, 422)
    assert body["detail"]


def test_an_order_costs_the_same_queries_however_many_steps_it_has(rest: Rest, django_assert_num_queries: Any) -> None:
    small = rest.post("/orders", an_order_body())[1]["accession_number"]
    large = rest.post("/orders", an_order_body(procedure_code=None, procedure_codes=["NMBONE"] * 5))[1]["accession_number"]
    for accession in (small, large):
        with django_assert_num_queries(5 + SEEN_USED + RECORDED):
            assert rest.get(f"/orders/{accession}")[0] == 200


def test_a_start_next_year_does_not_change_the_clock_of_today(rest: Rest) -> None:
    start = clock.now(a_site()) + timedelta(days=365)
    status, order = rest.post("/orders", an_order_body(station_ae_title="CT01", start=start.isoformat()))
    assert status == 201
    assert order["accession_number"]


def test_an_order_may_bring_further_attributes_which_read_back_as_they_are_kept(rest: Rest) -> None:
    body = an_order_body(
        attributes={
            "visit": {"AdmissionID": "V1", "PatientClass": "I", "AdmittingDate": "2026-06-30"},
            "order": {"OrderEnteredBy": "FRONT^DESK"},
            "procedure": {"NamesOfIntendedRecipientsOfResults": ["DOE^JANE"]},
            "step": {"CommentsOnTheScheduledProcedureStep": "slowly"},
        }
    )
    body["patient"] |= {
        "weight_kg": 71.5,
        "allergies": ["Latex"],
        "attributes": {"PatientPrimaryLanguageCodeSequence": "ja", "SmokingStatus": "no", "OtherPatientIDsSequence": [{"id": "99"}]},
    }
    status, order = rest.post("/orders", body)
    assert status == 201
    assert order["attributes"]["visit"] == {"AdmissionID": "V1", "PatientClass": "I", "AdmittingDate": "20260630"}
    assert order["attributes"]["order"]["OrderEnteredBy"] == "FRONT^DESK"
    (procedure,) = order["requested_procedures"]
    assert procedure["attributes"]["NamesOfIntendedRecipientsOfResults"] == ["DOE^JANE"]
    (step,) = procedure["step_attributes"].values()
    assert step["CommentsOnTheScheduledProcedureStep"] == "slowly"
    patient = order["patient"]
    assert (patient["weight_kg"], patient["allergies"]) == ("71.50", ["Latex"])
    assert patient["attributes"]["PatientPrimaryLanguageCodeSequence"][0]["meaning"] == "Japanese"
    assert patient["attributes"] | {"PatientPrimaryLanguageCodeSequence": []} == {
        "OtherPatientIDsSequence": [{"id": "99", "issuer": ""}],
        "PatientPrimaryLanguageCodeSequence": [],
        "SmokingStatus": "NO",
    }
    assert rest.get(f"/orders/{order['accession_number']}") == (200, order)


def test_wrong_attributes_are_named_where_the_caller_wrote_them_and_nothing_is_written(rest: Rest) -> None:
    before = row_counts()
    body = an_order_body(attributes={"step": {"PreMedication": "x" * 65}, "visit": {"AdmittingTime": "noon"}})
    status, refused = rest.post("/orders", body)
    assert (status, set(refused["errors"])) == (422, {"attributes.step.PreMedication", "attributes.visit.AdmittingTime"})
    body = an_order_body()
    body["patient"]["attributes"] = {"SmokingStatus": "often"}
    status, refused = rest.post("/orders", body)
    assert (status, set(refused["errors"])) == (422, {"patient.attributes.SmokingStatus"})
    body["patient"]["attributes"] = {"Shoes": "42"}
    assert rest.post("/orders", body)[0] == 422
    assert row_counts() == before


def test_what_an_order_says_of_a_known_patient_is_brought_up_to_date_and_what_it_leaves_out_stays(rest: Rest) -> None:
    body = an_order_body()
    body["patient"] |= {"weight_kg": 70, "allergies": ["Latex"], "attributes": {"Occupation": "Farmer", "SmokingStatus": "NO"}}
    first = rest.post("/orders", body)[1]["patient"]
    body["patient"] = {name: first[name] for name in ("patient_id", "name", "birth_date", "sex")}
    assert rest.post("/orders", body)[1]["patient"] == first
    body["patient"] |= {"weight_kg": 72, "attributes": {"SmokingStatus": "YES"}}
    second = rest.post("/orders", body)[1]["patient"]
    assert (second["weight_kg"], second["allergies"]) == ("72.00", ["Latex"])
    assert second["attributes"] == {"SmokingStatus": "YES", "Occupation": "Farmer"}
