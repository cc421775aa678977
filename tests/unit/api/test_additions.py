"""What becomes of an order over REST: added to, canceled, refused in words with nothing written."""

import pytest

from tests.unit.api.conftest import Rest, an_order_body, row_counts
from tests.unit.api.test_orders import local

pytestmark = pytest.mark.usefixtures("hospital")
LATE = {"description": "Late images", "modality": "CT", "duration_minutes": 15}


def ordered(rest: Rest, **changes: object) -> dict[str, object]:
    order: dict[str, object] = rest.post("/orders", an_order_body(**changes))[1]
    return order


def test_an_added_procedure_shows_in_the_order_as_a_get_shows_it(rest: Rest) -> None:
    order = ordered(rest)
    path = f"/orders/{order['accession_number']}"
    status, more = rest.post(f"{path}/procedures", {"procedure_code": "MRHEAD", "station_ae_title": "MR01", "start": local(60)})
    assert status == 201
    assert [procedure["code"] for procedure in more["requested_procedures"]] == ["CTCHEST", "MRHEAD"]
    assert more["requested_procedures"][1]["steps"][0]["start"] == local(60)
    assert more["steps"] is None
    assert rest.get(path) == (200, more)


def test_an_added_step_shows_in_its_procedure(rest: Rest) -> None:
    order = ordered(rest)
    path = f"/orders/{order['accession_number']}/procedures/{order['requested_procedure_id']}/steps"
    status, more = rest.post(path, LATE)
    assert status == 201
    assert [step["description"] for step in more["steps"]] == ["CT chest", "Late images"]
    assert {step["study_instance_uid"] for step in more["steps"]} == {order["study_instance_uid"]}


def test_an_order_and_a_procedure_are_canceled(rest: Rest) -> None:
    order = ordered(rest, procedure_code=None, procedure_codes=["CTCHEST", "MRHEAD"])
    path = f"/orders/{order['accession_number']}"
    first = order["requested_procedures"][0]["requested_procedure_id"]
    status, left = rest.post(f"{path}/procedures/{first}/cancel", {"reason": "not needed"})
    assert (status, statuses(left)) == (200, ["CANCELED", "SCHEDULED"])
    status, left = rest.post(f"{path}/cancel", {"reason": "not needed"})
    assert (status, statuses(left)) == (200, ["CANCELED", "CANCELED"])
    status, refused = rest.post(f"{path}/procedures", {"procedure_code": "MRHEAD"})
    assert (status, "is canceled; restore an exam of it first" in refused["detail"]) == (409, True)


def statuses(order: dict[str, list[dict[str, list[dict[str, str]]]]]) -> list[str]:
    return [step["status"] for procedure in order["requested_procedures"] for step in procedure["steps"]]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("procedures", {"procedure_code": "NOPE"}, 404, "NOPE"),
        ("procedures", {"procedure_code": "CTCHEST", "start": "2026-11-23T09:30:00-05:00"}, 422, "station_ae_title"),
        ("procedures", {}, 422, "procedure_code"),
        ("procedures/NOPE/steps", LATE, 404, "has no procedure 'NOPE'"),
        ("procedures/{rp}/steps", LATE | {"description": ""}, 422, "description"),
        ("procedures/{rp}/steps", LATE | {"duration_minutes": "long"}, 422, "duration_minutes"),
        ("procedures/{rp}/steps", LATE | {"colour": "red"}, 422, "colour"),
        ("procedures/{rp}/cancel", {"reason": " "}, 422, "reason"),
        ("cancel", {}, 422, "reason"),
    ],
)
def test_a_refusal_says_why_and_writes_nothing(rest: Rest, path: str, body: object, status: int, words: str) -> None:
    order = ordered(rest)
    before = row_counts()
    code, refused = rest.post(f"/orders/{order['accession_number']}/{path.format(rp=order['requested_procedure_id'])}", body)
    assert code == status
    assert words in refused["detail"]
    assert row_counts() == before


def test_an_accession_number_that_ends_like_an_address_is_still_looked_up(rest: Rest) -> None:
    for number in ("A/cancel", "B/procedures", "C/1/procedures"):
        order = ordered(rest, accession_number=number)
        assert rest.get(f"/orders/{number}") == (200, order)
        assert rest.post(f"/orders/{number}/procedures", {"procedure_code": "MRHEAD"})[0] == 201
