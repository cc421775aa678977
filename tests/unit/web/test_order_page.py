"""The page of an order, and what is added and canceled there."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from ris.actions import orders, steps
from ris.actor import Actor
from ris.models import Order
from ris.web import times
from tests.support.hospital import ACTOR, a_procedure, a_station, an_order, in_minutes, steps_of

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]


def text_of(client: Client, address: str, **data: object) -> tuple[int, str]:
    answer = client.post(address, data, follow=True) if data else client.get(address)
    return answer.status_code, answer.content.decode()


def test_the_page_shows_each_procedure_with_its_steps_and_what_can_be_done(signed_in: SignIn) -> None:
    order = an_order(name="TANAKA^Hanako")
    status, text = text_of(signed_in(), f"/orders/{order.pk}/")
    procedure = order.requested_procedures.get()
    assert status == 200
    for wanted in ("TANAKA", order.accession_number, procedure.requested_procedure_id, f"/orders/{order.pk}/add/", "Cancel the order"):
        assert wanted in text
    assert f"/procedures/{procedure.pk}/add/" in text
    assert f"/procedures/{procedure.pk}/cancel/" not in text  # the order has no other


def test_who_may_not_change_orders_sees_no_way_to(signed_in: SignIn) -> None:
    order = an_order()
    client = signed_in("biller")
    assert "/add/" not in text_of(client, f"/orders/{order.pk}/")[1]
    for address in (f"/orders/{order.pk}/add/", f"/procedures/{order.requested_procedures.get().pk}/add/", f"/orders/{order.pk}/cancel/"):
        assert client.get(address).status_code == 403


def test_a_procedure_is_added_with_a_time_and_without(signed_in: SignIn) -> None:
    order, client = an_order(), signed_in()
    a_procedure("HEAD", steps=("CT head",))
    start = times.moment_text(in_minutes(120))
    status, text = text_of(client, f"/orders/{order.pk}/add/", procedure="HEAD", place="CT01", start=start, why="by phone", version=1)
    assert (status, "CT head is added under accession" in text, "by phone" in text) == (200, True, True)
    assert text_of(client, f"/orders/{order.pk}/add/", procedure="HEAD", version=2)[0] == 200
    assert [step.start is None for step in steps_of(order)] == [False, False, True]


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_added(signed_in: SignIn) -> None:
    order, client = an_order(), signed_in()
    a_procedure("HEAD", steps=("CT head",))
    taken = times.moment_text(steps_of(order)[0].start)
    for fields, words in (
        ({"procedure": "HEAD", "place": "CT01", "start": taken, "version": 1}, "CT01 is taken at"),
        ({"procedure": "HEAD", "place": "CT01", "version": 1}, "start and"),
        ({"procedure": "", "place": "", "version": 1}, "Procedure: choose one"),
        ({"procedure": "HEAD", "version": 7}, "Somebody else changed order"),
    ):
        status, text = text_of(client, f"/orders/{order.pk}/add/", **fields)
        assert (status, "<title>Error: Add a procedure" in text) == (422, True)
        assert words in text or "give station and start together" in text
    assert order.requested_procedures.count() == 1


def test_a_step_is_added_and_its_fields_are_checked(signed_in: SignIn) -> None:
    order, client = an_order(), signed_in()
    address = f"/procedures/{order.requested_procedures.get().pk}/add/"
    a_station("MR01", "MR")
    status, text = text_of(client, address, description="Late images", modality="CT", duration_minutes=0, place="MR01", start="soon")
    assert status == 422
    assert "is not a day and a time" in text
    status, text = text_of(client, address, description="Late images", modality="CT", duration_minutes=0, version=1)
    assert (status, "must be 1 to 1440 minutes" in text) == (422, True)
    status, text = text_of(client, address, description="Late images", modality="CT", duration_minutes=15, version=1)
    assert (status, "Late images is added to CT chest" in text) == (200, True)


def test_an_order_is_canceled_with_a_reason(signed_in: SignIn) -> None:
    order, client = an_order(), signed_in()
    address = f"/orders/{order.pk}/cancel/"
    assert text_of(client, address, usual="", note="")[0] == 422
    status, text = text_of(client, address, usual="Duplicate order", note="", version=1)
    assert (status, "1 exam of accession" in text, "Duplicate order" in text) == (200, True, True)
    assert "Nothing of this order waits any more" in text_of(client, address)[1]
    assert "/add/" not in text_of(client, f"/orders/{order.pk}/")[1]


def test_one_procedure_of_several_is_canceled(signed_in: SignIn) -> None:
    order, client = an_order(), signed_in()
    a_procedure("HEAD", steps=("CT head",))
    text_of(client, f"/orders/{order.pk}/add/", procedure="HEAD", version=1)
    added = order.requested_procedures.order_by("-pk")[0]
    text_of(client, f"/procedures/{added.pk}/cancel/", usual="Not indicated", note="", version=2)
    assert [step.status for step in steps_of(order)] == ["SCHEDULED", "CANCELED"]


def test_an_order_that_is_over_says_so_instead_of_a_form(signed_in: SignIn) -> None:
    order, client = an_order(), signed_in()
    step = steps_of(order)[0]
    steps.start(step.pk, Actor.modality("CT01"))
    steps.end(step.pk, "complete", Actor.modality("CT01"))
    assert "Place a new order" in text_of(client, f"/orders/{order.pk}/add/")[1]
    assert "Place a new order" in text_of(client, f"/procedures/{step.requested_procedure_id}/add/")[1]
    assert Order.objects.get().version == 1


def test_the_exam_leads_to_its_order_and_tells_that_it_was_added(signed_in: SignIn) -> None:
    order, client = an_order(), signed_in()
    text_of(
        client, f"/procedures/{order.requested_procedures.get().pk}/add/", description="Late", modality="CT", duration_minutes=5, version=1
    )
    step = steps_of(order)[1]
    text = text_of(client, f"/steps/{step.pk}/")[1]
    assert f'href="/orders/{order.pk}/"' in text
    assert re.search(r"<b>Added</b>", text)
    orders.cancel_order(order, ACTOR, "not needed")
