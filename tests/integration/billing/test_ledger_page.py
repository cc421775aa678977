"""The charge processor's ledger as a page: what it has booked, and whether that is what was posted."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from billing import delivery
from billing.actions import deciding
from billing.charge_processor.behaviour import Behaviour, Refusal
from billing.models import Charge
from ris.actor import Actor
from tests.support.charge_processor import charge_processor
from tests.support.charges import a_charge
from tests.support.hospital import a_site

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
Told = list[Behaviour]


@pytest.fixture
def told() -> Told:
    """The last one counts."""
    return [Behaviour()]


@pytest.fixture
def data(told: Told, settings: Settings, tmp_path: Path) -> Iterator[Path]:
    with charge_processor(tmp_path / "ledger.sqlite3", lambda: told[-1]) as port:
        settings.MLLP_HOST, settings.MLLP_PORT, settings.DATA_DIR = "127.0.0.1", 0, tmp_path
        (tmp_path / "mllp.port").write_text(f"{port}\n")
        yield tmp_path


@pytest.fixture
def chief(client: Client, django_user_model: type) -> Client:
    client.force_login(django_user_model.objects.create_superuser("chief"))  # type: ignore[attr-defined]
    return client


def shown(client: Client, asked: str = "") -> str:
    answer = client.post("/charges/ledger/", {"q": asked}, follow=True) if asked else client.get("/charges/ledger/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def posted(**patient: object) -> Charge:
    charge = a_charge(**patient)
    delivery.deliver(charge.pk)
    charge.refresh_from_db()
    return charge


def test_ledger_lists_what_is_booked_and_adds_up_with_what_was_posted(data: Path, chief: Client, biller: Actor) -> None:
    first, second = posted(name="ΠΑΠΑΔΟΠΟΥΛΟΣ^Νίκος", patient_id="G-1"), posted()
    credit = deciding.credit_charge(first, biller, "Free of charge")
    delivery.deliver(credit.pk)
    text = shown(chief)
    assert "It adds up:</span> 3 posted here, $ 250.00, each booked once with its amount" in text
    assert re.findall(r'<p class="figure">(\d+)</p>', text) == ["2", "1", "1"], "as the signs between them say"
    for charge in (first, second, credit):
        assert f'id="message-{charge}"' in text
        assert f'href="/charges/{charge.pk}/"' in text
    for fact in ("ΠΑΠΑΔΟΠΟΥΛΟΣ", "ID G-1", "CTCHEST", "$ 500.00", "−$ 250.00", "1×"):
        assert fact in text
    for asked in ("G-1", first.requested_procedure.order.accession_number, str(first)):  # type: ignore[union-attr]
        found = shown(chief, asked)
        assert (f'id="message-{first}"' in found, f'id="message-{second}"' in found) == (True, False)
    assert "Nothing booked has “zzzz”" in shown(chief, "zzzz")


def test_repeats_refusals_and_what_is_booked_and_not_heard_of_are_told(data: Path, told: Told, chief: Client) -> None:
    told.append(Behaviour(refusal=Refusal("AE", "Account unknown")))
    refused = posted()
    told.append(Behaviour(drops=True))
    unheard = posted()
    text = shown(chief)
    assert "0 repeats acknowledged and not booked again, 1 message refused" in text
    assert "It adds up:</span> 0 posted here, $ 0.00, each booked once with its amount; 1 more is booked and not acknowledged" in text
    assert f'<span class="id">{unheard}</span></a></dt><dd>Booked there, not acknowledged to us' in text
    assert f'class="id">{refused}</th>' in text
    assert "Account unknown" in text
    told.append(Behaviour())
    Charge.objects.filter(pk=unheard.pk).update(next_attempt_at=unheard.created_at)
    delivery.deliver(unheard.pk)
    text = shown(chief)
    assert "1 repeat acknowledged and not booked again" in text
    assert "2×" in text


def test_what_does_not_add_up_is_named(data: Path, chief: Client) -> None:
    missing, other, whole = posted(), posted(), posted()
    with closing(sqlite3.connect(data / "ledger.sqlite3")) as ledger, ledger:
        ledger.execute("DELETE FROM entry WHERE control_id = ?", (missing.control_id,))
        ledger.execute("DELETE FROM message WHERE control_id = ?", (missing.control_id,))
        ledger.execute("UPDATE entry SET amount = '249.99' WHERE control_id = ?", (other.control_id,))
        ledger.execute("UPDATE entry SET control_id = 'X1' WHERE control_id = ?", (whole.control_id,))
        ledger.execute("UPDATE message SET control_id = 'X1' WHERE control_id = ?", (whole.control_id,))
    text = shown(chief)
    assert "It does not add up:</span> 3 posted here, $ 750.00; 4 differ." in text
    assert f"{missing}</span></a></dt><dd>Posted here, not booked there" in text
    assert f"{other}</span></a></dt><dd>Posted here with 250.00, booked there with 249.99" in text
    assert "X1</span></dt><dd>Booked there, and no charge of this installation" in text


def test_while_charges_go_elsewhere_nothing_is_compared(data: Path, settings: Settings, chief: Client) -> None:
    posted()
    settings.CHARGE_FOLDER = "/srv/charges"
    assert "Charges go to the folder /srv/charges now, not here: nothing is compared." in shown(chief)
    assert "Its ledger" not in chief.get("/charges/").content.decode()


def test_ledger_that_is_not_there_is_empty_and_one_that_is_damaged_is_named(settings: Settings, tmp_path: Path, chief: Client) -> None:
    a_site()
    settings.DATA_DIR, settings.MLLP_PORT = tmp_path, 0
    assert "Nothing is booked yet" in shown(chief)
    assert "Its ledger" in chief.get("/charges/").content.decode()
    (tmp_path / "ledger.sqlite3").write_bytes(b"no database " * 100)
    assert f"The ledger {tmp_path}/ledger.sqlite3 cannot be read: file is not a database." in shown(chief)
