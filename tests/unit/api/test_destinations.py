"""Destinations over REST: kept, tried, and what waits for them."""

import pytest

from dimse.services import Verb
from dimse.uids import new_uid
from mpps import actions, delivery, outbox
from mpps.models import Delivery, Destination
from mpps.replies import Reply
from ris.models import RecordChange, Station
from tests.support.mpps import a_create, received
from tests.support.sites import another_site
from tests.unit.api.conftest import Rest

pytestmark = pytest.mark.django_db
PACS = {"name": "PACS", "host": "pacs.example", "port": 104, "called_ae_title": "ARCHIVE"}


@pytest.mark.usefixtures("hospital")
def test_a_destination_is_made_changed_and_removed(rest: Rest) -> None:
    status, made = rest.post("/destinations", PACS | {"modalities": ["ct"], "stations": ["CT01"]})
    assert status == 201
    assert made == rest.get(f"/destinations/{made['id']}")[1]
    assert {name: made[name] for name in PACS} == PACS
    assert (made["kind"], made["modalities"], made["stations"], made["enabled"], made["waiting"]) == ("MESSAGES", ["CT"], ["CT01"], True, 0)
    status, changed = rest.patch(f"/destinations/{made['id']}", {"enabled": False, "stations": []})
    assert (status, changed["enabled"], changed["stations"], changed["version"]) == (200, False, [], 2)
    assert rest.get("/destinations")[1] == {"items": [changed], "count": 1}
    assert rest.delete(f"/destinations/{made['id']}") == (200, changed)
    assert rest.get(f"/destinations/{made['id']}")[0] == 404
    assert [change.verb for change in RecordChange.objects.filter(subject="destination").order_by("pk")] == ["register", "edit", "remove"]


@pytest.mark.usefixtures("hospital")
@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"name": ""}, {"name"}),
        ({"host": " "}, {"host"}),
        ({"host": "http://pacs.example/"}, {"host"}),
        ({"port": 70000, "host": "pacs.example:104"}, {"port", "host"}),
        ({"called_ae_title": "A" * 17, "kind": "FAX"}, {"called_ae_title", "kind"}),
        ({"called_ae_title": "", "modalities": ["C-T"]}, {"called_ae_title", "modalities"}),
        ({"stations": ["CT\\01"]}, {"stations"}),
        ({"tls": True}, {"tls"}),  # without authorities to check its certificate with
    ],
)
def test_what_is_wrong_is_named_by_field(rest: Rest, wrong: dict[str, object], fields: set[str]) -> None:
    status, answer = rest.post("/destinations", PACS | wrong)
    assert (status, set(answer["errors"])) == (422, fields)
    assert not Destination.objects.exists()


@pytest.mark.usefixtures("hospital")
def test_a_taken_name_and_a_stale_version_are_conflicts(rest: Rest) -> None:
    made = rest.post("/destinations", PACS)[1]
    assert rest.post("/destinations", PACS)[0] == 409
    rest.patch(f"/destinations/{made['id']}", {"port": 11112})
    status, answer = rest.patch(f"/destinations/{made['id']}", {"port": 11113, "version": 1})
    assert (status, "Somebody else changed this destination" in answer["detail"]) == (409, True)


@pytest.mark.usefixtures("hospital")
def test_what_waits_is_listed_and_a_parked_message_is_decided_on(rest: Rest) -> None:
    pk = rest.post("/destinations", PACS)[1]["id"]
    uid = new_uid()
    actions.n_create(received(Verb.N_CREATE, uid, a_create()))
    waiting = rest.get(f"/destinations/{pk}/deliveries")[1]["items"]
    assert [(row["sop_instance_uid"], row["verb"], row["state"], row["status"]) for row in waiting] == [(uid, "N-CREATE", "WAITING", None)]
    claimed = outbox.claim(pk)
    assert claimed is not None
    outbox.record(claimed, Delivery.objects.get(), Reply("PARKED", "0124H (Refused: not authorized)."), 0x0124)
    outbox.release(claimed, "PACS is not reachable")
    of_step = rest.get(f"/performed-steps/{uid}")[1]["deliveries"]
    assert of_step == rest.get(f"/destinations/{pk}/deliveries")[1]["items"]
    assert of_step == rest.get("/performed-steps")[1]["items"][0]["deliveries"]
    assert [(row["destination"], row["state"], row["status"]) for row in of_step] == [(pk, "PARKED", "0124")]
    shown = rest.get(f"/destinations/{pk}")[1]
    assert (shown["waiting"], shown["parked"], shown["error"]) == (0, 1, "PACS is not reachable")
    assert shown["oldest"] == waiting[0]["received_at"]
    assert rest.post(f"/destinations/{pk}/try-now")[1]["next_attempt_at"] is None
    delivery = waiting[0]["id"]
    again = rest.post(f"/deliveries/{delivery}/send-again")[1]
    assert (again["state"], again["attempts"]) == ("WAITING", 0)
    assert rest.post(f"/deliveries/{delivery}/leave-out")[0] == 409
    assert rest.get(f"/destinations/{pk}/deliveries", state="SENT")[1]["count"] == 0
    assert rest.get(f"/destinations/{pk}/deliveries", state="LOST")[0] == 422


@pytest.mark.usefixtures("hospital")
def test_a_destination_does_not_call_as_a_station_of_another_hospital(rest: Rest) -> None:
    """It may be another hospital, as any other system: what cannot be is that this one's exams are taken there for a scanner's."""
    Station.objects.create(site=another_site(), ae_title="MR77", name="MR77")
    there = PACS | {"name": "South", "called_ae_title": "SOUTHRIS"}
    status, refused = rest.post("/destinations", there | {"calling_ae_title": "MR77"})
    assert (status, set(refused["errors"])) == (422, {"calling_ae_title"})
    assert "a station of another hospital here" in refused["errors"]["calling_ae_title"]
    status, made = rest.post("/destinations", there)
    assert status == 201
    assert rest.patch(f"/destinations/{made['id']}", {"calling_ae_title": "MR77"})[0] == 422


@pytest.mark.usefixtures("hospital")
def test_nothing_is_sent_as_a_station_that_another_hospital_registered_since(rest: Rest) -> None:
    made = rest.post("/destinations", PACS | {"called_ae_title": "SOUTHRIS", "calling_ae_title": "MR77"})[1]
    actions.n_create(received(Verb.N_CREATE, new_uid(), a_create()))
    Station.objects.create(site=another_site(), ae_title="MR77", name="MR77")
    assert delivery.deliver(made["id"]) == 0
    now = rest.get(f"/destinations/{made['id']}")[1]
    assert (now["waiting"], now["error"].split(":")[0]) == (1, "Nothing is sent")
