"""The demo charge processor is told to refuse, to be late, to lose its acknowledgements: what a charge and the ledger look like then."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from billing import delivery, mllp
from billing.actions import deciding
from billing.charge_processor.behaviour import Behaviour, Refusal
from billing.charge_processor.ledger import Ledger
from billing.models import Charge, DeliveryAttempt
from ris.actor import Actor
from tests.support.charge_processor import charge_processor
from tests.support.charges import a_charge, make_due

pytestmark = pytest.mark.django_db
Result = DeliveryAttempt.Result


class Told:
    """What the charge processor is told at the moment."""

    def __init__(self) -> None:
        self.now = Behaviour()

    def __call__(self) -> Behaviour:
        return self.now


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def ledger(told: Told, settings: Settings, tmp_path: Path) -> Iterator[Ledger]:
    with charge_processor(tmp_path / "ledger.sqlite3", told) as port:
        settings.MLLP_HOST, settings.MLLP_PORT = "127.0.0.1", port
        yield Ledger(tmp_path / "ledger.sqlite3")


def sent_again(charge: Charge) -> str:
    make_due(charge)
    delivery.deliver(charge.pk)
    charge.refresh_from_db()
    return charge.status


def test_refused_on_purpose_nothing_is_booked_and_the_charge_has_failed_with_the_text(told: Told, ledger: Ledger, biller: Actor) -> None:
    told.now = Behaviour(refusal=Refusal("AR", "Closed for the year's end"))
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.REFUSED
    charge.refresh_from_db()
    assert (charge.status, charge.error) == ("FAILED", "AR: Closed for the year's end")
    assert ledger.entries() == []
    assert [(one.control_id, one.code, one.text) for one in ledger.refusals()] == [(charge.control_id, "AR", "Closed for the year's end")]
    told.now = Behaviour()
    assert sent_again(deciding.retry_failed(charge, biller)) == "POSTED"
    assert (len(ledger.entries()), ledger.duplicates()) == (1, 0)


def test_acknowledged_too_late_the_charge_is_booked_comes_again_and_is_booked_once(
    told: Told, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mllp, "ANSWER_TIMEOUT", 0.3)
    told.now = Behaviour(delay=5)
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.NO_ANSWER
    assert len(ledger.entries(control_id=charge.control_id)) == 1
    monkeypatch.setattr(mllp, "ANSWER_TIMEOUT", 10.0)
    told.now = Behaviour(delay=0.1)
    assert sent_again(charge) == "POSTED"
    assert (len(ledger.entries()), ledger.duplicates()) == (1, 1)


def test_acknowledgement_lost_after_the_booking_the_charge_comes_again_and_is_booked_once(told: Told, ledger: Ledger) -> None:
    told.now = Behaviour(drops=True)
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.NO_ANSWER
    assert "closed the connection without an answer" in charge.delivery_attempts.get().text
    assert sent_again(charge) == "PENDING"
    assert (len(ledger.entries()), ledger.duplicates()) == (1, 1)
    told.now = Behaviour()
    assert sent_again(charge) == "POSTED"
    assert (len(ledger.entries()), ledger.duplicates()) == (1, 2)
