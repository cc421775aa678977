"""Patients over REST: an ID that leads to another, a merge with its contradictions, and its way back."""

import pytest

from ris.actions import patients
from tests.support.hospital import ACTOR, a_patient_data, a_site
from tests.unit.api.conftest import Rest, an_order_body, row_counts

pytestmark = pytest.mark.usefixtures("hospital")
BOTH = {"survivor": {"patient_id": "P1"}, "merged": {"patient_id": "P2"}}


@pytest.fixture
def two(rest: Rest) -> str:
    """Two records; the accession number of an order of P2."""
    patients.register_patient(a_site(), a_patient_data(patient_id="P1", name="TANAKA^Hanako", birth_date="1984-05-31", sex="F"), ACTOR)
    second = {"patient_id": "P2", "name": "TANAKA^Hanna", "birth_date": "1984-05-13", "sex": "F"}
    accession: str = rest.post("/orders", an_order_body(patient=second))[1]["accession_number"]
    return accession


def test_a_contradiction_is_named_and_confirmed_by_its_name(rest: Rest, two: str) -> None:
    before = row_counts()
    status, refused = rest.post("/patients/merge", BOTH)
    assert status == 409
    assert "31-May-1984 and 13-May-1984" in refused["detail"] and "confirm birth_date" in refused["detail"]
    assert row_counts() == before
    status, done = rest.post("/patients/merge", BOTH | {"confirm": ["birth_date"], "reason": "registered twice"})
    assert status == 200
    assert (done["survivor"]["patient_id"], done["survivor"]["merged_ids"], done["merged"]["patient_id"]) == ("P1", ["P2"], "P2")
    assert rest.get(f"/orders/{two}")[1]["patient"]["patient_id"] == "P1"


def test_the_merged_id_leads_to_the_survivor_until_the_merge_is_undone(rest: Rest, two: str) -> None:
    rest.post("/patients/merge", BOTH | {"confirm": ["birth_date"]})
    status, patient = rest.get("/patients/P2")
    assert (status, patient["patient_id"], patient["name"]) == (200, "P1", "TANAKA^Hanako")
    assert rest.get("/scheduled-steps", patient_id="P2")[1]["items"][0]["accession_number"] == two
    status, refused = rest.post("/orders", an_order_body(patient={"patient_id": "P2", "name": "TANAKA^Hanna"}))
    assert (status, "merged into that of patient ID P1" in refused["detail"]) == (409, True)
    assert "TANAKA" not in refused["detail"].upper()
    status, back = rest.post("/patients/undo-merge", {"merged": {"patient_id": "P2"}, "reason": "two people"})
    assert (status, back["patient_id"], back["merged_ids"]) == (200, "P2", [])
    assert rest.get("/patients/P2")[1]["name"] == "TANAKA^Hanna"
    assert rest.get(f"/orders/{two}")[1]["patient"]["patient_id"] == "P2"


@pytest.mark.parametrize(
    ("call", "body", "status", "words"),
    [
        ("merge", BOTH | {"merged": {"patient_id": "P1"}}, 409, "cannot be merged with itself"),
        ("merge", BOTH | {"merged": {"patient_id": "P9"}}, 404, "There is no patient with ID 'P9'"),
        ("merge", BOTH | {"merged": {"patient_id": "P2", "issuer_of_patient_id": "ELSEWHERE"}}, 404, "of 'ELSEWHERE'"),
        ("merge", {"survivor": {"patient_id": "P1"}}, 422, "merged"),
        ("undo-merge", {"merged": {"patient_id": "P2"}, "reason": "why not"}, 409, "is not merged into another patient"),
        ("undo-merge", {"merged": {"patient_id": "P2"}}, 422, "reason"),
    ],
)
def test_a_refusal_says_why_and_writes_nothing(rest: Rest, two: str, call: str, body: object, status: int, words: str) -> None:
    before = row_counts()
    code, refused = rest.post(f"/patients/{call}", body)
    assert code == status
    assert words in refused["detail"]
    assert row_counts() == before


def test_an_id_of_two_issuers_needs_one_of_them(rest: Rest) -> None:
    for issuer in ("NORTH", "SOUTH"):
        patients.register_patient(a_site(), a_patient_data(patient_id="7", issuer_of_patient_id=issuer), ACTOR)
    status, refused = rest.get("/patients/7")
    assert (status, "'NORTH', 'SOUTH'" in refused["detail"]) == (409, True)
    assert rest.get("/patients/7", issuer_of_patient_id="SOUTH")[1]["issuer_of_patient_id"] == "SOUTH"
