"""The list of what is not billed, as a biller works with it: narrowed, summed, sent again from its row."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from billing.actions import delivering
from billing.models import Charge, DeliveryAttempt
from ris.models import Procedure
from tests.support.charges import make_due
from tests.support.hospital import a_station, an_order, steps_of
from tests.support.performing import begin, end, perform

pytestmark = pytest.mark.django_db


def a_refused_charge() -> Charge:
    perform(steps_of(an_order()))
    charge = Charge.objects.get()
    make_due(charge)
    claimed = delivering.claim(charge.pk)
    assert claimed
    delivering.record(claimed, delivering.Attempt(DeliveryAttempt.Result.REFUSED, "AE: unknown account", 1))
    charge.refresh_from_db()
    return charge


def shown(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return " ".join(response.content.decode().split())


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("kind=nope", "“nope” is no kind of unbilled work; all kinds are shown."),
        ("station=NOPE", "“NOPE” is no station here, and nothing unbilled is of it; letter case counts."),
        ("from=2026-99-99", "The list is not narrowed by “from”: "),
        ("to=soon", "The list is not narrowed by “to”: "),
        ("from=2026-11-20&to=2026-11-19", "It ends on 19-Nov-2026, before it begins on 20-Nov-2026"),
    ],
)
def test_what_cannot_be_asked_for_is_said(admin_client: Client, asked: str, says: str) -> None:
    a_station()
    assert says in shown(admin_client, f"/unbilled/?{asked}", 422)


def test_a_call_for_an_unknown_station_is_refused(client: Client, settings: Settings) -> None:
    settings.API_TOKEN = "a-token"
    a_station()
    answer = client.get("/api/v1/unbilled?station_ae_title=NOPE", headers={"Authorization": "Bearer a-token"})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["station_ae_title"])


def test_work_of_a_modality_that_is_no_station_can_be_asked_for(admin_client: Client) -> None:
    a_station("CT01")
    end(begin([], station="CT99"))
    page = shown(admin_client, "/unbilled/?station=CT99")
    assert ("1 unbilled" in page, '<option value="CT99" selected>' in page) == (True, True)


def test_unknown_prices_are_counted_and_not_added_as_nothing(client: Client, admin_client: Client, settings: Settings) -> None:
    settings.API_TOKEN = "a-token"
    a_station()
    Procedure.objects.all().delete()
    end(begin([]))
    page = shown(admin_client, "/unbilled/")
    assert ("1 of unknown price" in page, "$ 0.00 and" in page) == (True, False)
    kinds = client.get("/api/v1/unbilled", headers={"Authorization": "Bearer a-token"}).json()["kinds"]
    assert [(one["count"], one["amount"], one["unknown"]) for one in kinds if one["kind"] == "WITHOUT_ORDER"] == [(1, 0.0, 1)]


def test_a_refused_charge_is_sent_again_from_its_row_by_who_may(admin_client: Client) -> None:
    charge = a_refused_charge()
    page = shown(admin_client, "/unbilled/?kind=NOT_POSTED")
    assert f'action="/charges/{charge.pk}/retry/"' in page
    sent = admin_client.post(f"/charges/{charge.pk}/retry/", {"seen": charge.mark}, headers={"HX-Request": "true"})
    assert (sent.status_code, sent["HX-Trigger"]) == (200, "changed")
    charge.refresh_from_db()
    assert charge.status == "PENDING"
