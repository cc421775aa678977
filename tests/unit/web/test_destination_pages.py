"""The pages of destinations, and what a performed step's page tells of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from mpps import outbox
from mpps.destinations import DestinationData, save_destination
from mpps.models import Delivery, Destination
from mpps.replies import Reply
from ris import audit
from ris.models import AuditRecord
from tests.support.hospital import ACTOR, a_site
from tests.support.performing import begin

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]
TYPED = {"name": "PACS", "kind": "MESSAGES", "host": "pacs.example", "port": "104", "called_ae_title": "ARCHIVE", "enabled": "on"}


def a_destination() -> Destination:
    return save_destination(a_site(), DestinationData("PACS", "pacs.example", 104, "ARCHIVE"), ACTOR)


def parked(destination: Destination, error: str = "") -> Delivery:
    """A message for it that was refused."""
    begin([])
    claimed = outbox.claim(destination.pk)
    assert claimed is not None
    delivery = Delivery.objects.get()
    outbox.record(claimed, delivery, Reply("PARKED", "0106H (Invalid attribute value). Put it right there."), 0x0106)
    outbox.release(claimed, error)
    delivery.refresh_from_db()
    return delivery


def test_nobody_is_told_until_an_integrator_says_so(signed_in: SignIn) -> None:
    a_site()
    assert "Nobody else is told" in signed_in("scheduler").get("/destinations/").content.decode()
    assert signed_in("technologist").get("/destinations/add/").status_code == 403
    client = signed_in("integrator")
    answer = client.post("/destinations/add/", TYPED | {"modalities": "CT, mr"}, follow=True)
    assert "PACS is saved" in answer.content.decode()
    assert Destination.objects.get().modalities == ["CT", "MR"]
    assert "Not tried yet" in client.get("/destinations/").content.decode()


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(signed_in: SignIn) -> None:
    a_site()
    answer = signed_in("integrator").post("/destinations/add/", TYPED | {"host": "pacs example", "port": "0"})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "which is neither a host name nor an address" in text
    assert "Port is 0; a port is a number from 1 to 65535" in text
    empty = signed_in("instructor").post("/destinations/add/", TYPED | {"port": ""})
    assert (empty.status_code, "write the one at which it listens" in empty.content.decode()) == (422, True)
    assert 'value="ARCHIVE"' in text


def test_a_change_that_crosses_another_is_refused(signed_in: SignIn) -> None:
    one = a_destination()
    client = signed_in("integrator")
    client.post(f"/destinations/{one.pk}/edit/", TYPED | {"port": "105", "version": "1"})
    late = client.post(f"/destinations/{one.pk}/edit/", TYPED | {"port": "106", "version": "1"})
    assert (late.status_code, "Somebody else changed this destination" in late.content.decode()) == (422, True)
    assert Destination.objects.get().port == 105


def test_a_destination_says_why_it_was_not_reached_and_what_waits(signed_in: SignIn) -> None:
    one = a_destination()
    parked(one, "ARCHIVE at pacs.example:104 is not reachable")
    client = signed_in("integrator")
    listed = client.get("/destinations/").content.decode()
    assert "Not reached" in listed
    shown = client.get(f"/destinations/{one.pk}/").content.decode()
    assert "pacs.example:104 is not reachable" in shown
    assert "Invalid attribute value" in shown
    assert "is tried now" in client.post(f"/destinations/{one.pk}/try-now/", follow=True).content.decode()
    assert [row.detail["of"] for row in AuditRecord.objects.filter(event=audit.PROBE)] == [["Try of PACS at pacs.example:104"]]
    one.refresh_from_db()
    assert one.next_attempt_at is None


def test_a_parked_message_is_decided_on_from_the_step(signed_in: SignIn) -> None:
    delivery = parked(a_destination())
    address = f"/performed/{delivery.performed_step_id}/"
    assert "Send again" not in signed_in("technologist").get(address).content.decode()
    client = signed_in("integrator")
    assert "Send again" in client.get(address).content.decode()
    told = client.post(f"/deliveries/{delivery.pk}/send-again/", {"from": "step", "seen": delivery.mark}, follow=True)
    assert told.redirect_chain[-1][0] == address
    assert "The N-CREATE is sent again" in told.content.decode()
    delivery.refresh_from_db()
    late = client.post(f"/deliveries/{delivery.pk}/leave-out/", {"seen": delivery.mark}, follow=True)
    assert "only one that waits for a person is decided on" in late.content.decode()
    assert "Sent again" in client.get(f"/destinations/{delivery.destination_id}/").content.decode()


def test_removing_says_what_is_lost(signed_in: SignIn) -> None:
    one = a_destination()
    begin([])
    client = signed_in("integrator")
    assert "1 message that it does not have yet is forgotten" in client.get(f"/destinations/{one.pk}/remove/").content.decode()
    assert (
        "is removed with 1 waiting message."
        in client.post(f"/destinations/{one.pk}/remove/", {"version": "1"}, follow=True).content.decode()
    )
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(("verb", "state"), [("send-again", "Waiting"), ("leave-out", "Refused")])
def test_the_page_of_a_step_that_somebody_else_has_open_follows_what_is_decided(signed_in: SignIn, verb: str, state: str) -> None:
    delivery = parked(a_destination())
    address = f"/performed/{delivery.performed_step_id}/"
    looking, deciding = signed_in("technologist"), signed_in("integrator")
    mark = looking.get(address).content.decode().split('"X-Seen": "')[1].split('"')[0]
    seen = {"HX-Request": "true", "X-Seen": mark}
    assert looking.get(address, headers=seen).status_code == 204
    deciding.post(f"/deliveries/{delivery.pk}/{verb}/", {"from": "step", "seen": delivery.mark})
    follows = looking.get(address, headers=seen)
    text = follows.content.decode()
    assert (follows.status_code, state in text, "Put it right there" in text) == (200, True, verb == "leave-out")


def test_switching_it_on_again_says_what_waits(signed_in: SignIn) -> None:
    one = a_destination()
    client = signed_in("integrator")
    assert "14 days" in client.get(f"/destinations/{one.pk}/edit/").content.decode()
    client.post(f"/destinations/{one.pk}/edit/", {name: value for name, value in TYPED.items() if name != "enabled"} | {"version": "1"})
    begin([])
    answer = client.post(f"/destinations/{one.pk}/edit/", TYPED | {"version": "2"}, follow=True).content.decode()
    assert "PACS is saved; 1 message goes there now." in answer
    assert "Enabled: yes, before no; 1 message that it missed follows" in answer


def test_tls_needs_authorities_and_is_shown(signed_in: SignIn, settings: Any) -> None:
    one = a_destination()
    client = signed_in("integrator")
    refused = client.post(f"/destinations/{one.pk}/edit/", TYPED | {"version": "1", "tls": "on"})
    assert (refused.status_code, "RIS_DICOM_TLS_CA names no file" in refused.content.decode()) == (422, True)
    settings.DICOM_TLS_CA = "authorities.pem"
    saved = client.post(f"/destinations/{one.pk}/edit/", TYPED | {"version": "1", "tls": "on"}, follow=True).content.decode()
    assert "with TLS" in saved
    assert "TLS: yes, before no" in saved
