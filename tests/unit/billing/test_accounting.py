"""The books: performed → captured → posted add up after any history, what does not is named, and the CSV says the same."""

import csv
import io
import random
from decimal import Decimal

import pytest
from django.test import Client

from billing import accounting
from billing.accounting import Books
from billing.actions import deciding, delivering
from billing.models import Charge, DeliveryAttempt
from ris import clock
from ris.actor import Actor
from ris.models import ScheduledProcedureStep
from ris.transitions import COMPLETED
from tests.support.hospital import a_site, an_order, steps_of
from tests.support.performing import begin, end, perform

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
Result = DeliveryAttempt.Result
BILLER = Actor.system("test")
BROKEN = ("110501", "DCM", "Equipment failure")
WRONG = ("110514", "DCM", "Incorrect worklist entry selected")


def books() -> Books:
    today = clock.today(a_site())
    return accounting.books(a_site(), *accounting.days(today, 7))


def counts() -> dict[str, int]:
    return {name: figure.count for name, figure in books().total.items() if figure.count}


def send(charge: Charge, result: DeliveryAttempt.Result = Result.ACCEPTED) -> None:
    claimed = delivering.claim(charge.pk)
    if claimed is not None:
        delivering.record(claimed, delivering.Attempt(result, str(result), 1))


def test_posted_and_refused_and_held_charges_have_columns_of_their_own() -> None:
    for result in (Result.ACCEPTED, Result.REFUSED):
        perform(steps_of(an_order()))
        send(Charge.objects.order_by("-pk")[0], result)
    perform(steps_of(an_order()))
    perform(steps_of(an_order()), "DISCONTINUED", images=3, reason=("99", "LOCAL", "Bad day"))
    assert counts() == {"performed": 4, "captured": 4, "posted": 1, "refused": 1, "pending": 1, "held": 1}
    assert books().adds_up


def test_corrected_charge_is_counted_once_with_what_it_is_worth_in_the_end() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=BROKEN)
    send(Charge.objects.get())
    perform(scheduled)
    assert Charge.objects.count() == 3
    found = books()
    assert found.adds_up
    assert (found.total["performed"].count, found.total["captured"].count, found.total["posted"].count) == (1, 1, 1)
    assert found.total["captured"].amount == Charge.objects.get(revision=3).amount


def test_work_of_a_rule_that_charges_nothing_adds_up() -> None:
    perform(steps_of(an_order()), "DISCONTINUED", images=0, reason=BROKEN)
    assert counts() == {"performed": 1, "nothing": 1}
    assert books().adds_up


def test_work_that_was_not_captured_is_named() -> None:
    order = an_order()
    ScheduledProcedureStep.objects.update(status=COMPLETED)  # as an import stores it
    found = books()
    assert counts() == {"performed": 1, "missing": 1}
    assert [one.what for one in found.differences] == [f"{order.accession_number}: performed and not captured"]


def test_exam_that_was_begun_again_after_its_charge_still_adds_up() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=BROKEN)
    send(Charge.objects.get())
    begin(scheduled)
    assert counts() == {"performed": 1, "captured": 1, "posted": 1}
    assert books().adds_up


def test_charge_without_ended_work_is_named() -> None:
    perform(steps_of(an_order()))
    ScheduledProcedureStep.objects.update(status="STARTED")
    Charge.objects.update(performed_step=None)
    found = books()
    assert not found.adds_up
    assert "nothing of it has ended" in found.differences[0].what


@pytest.mark.parametrize("seed", range(4))
def test_books_of_random_histories_add_up(seed: int) -> None:
    chance = random.Random(seed)
    for number in range(8):
        scheduled = steps_of(an_order(station=f"CT{number}"))
        for _ in range(chance.randint(1, 2)):
            status = chance.choice(("COMPLETED", "DISCONTINUED"))
            performed = begin(scheduled)
            if chance.random() < 0.9:
                end(
                    performed, status, images=chance.choice((0, 3)), reason=chance.choice((BROKEN, None)) if status != "COMPLETED" else None
                )
            for charge in Charge.objects.filter(status="PENDING"):
                _befall(charge, chance)
    found = books()
    assert found.differences == []
    stages = ("posted", "pending", "held", "refused")
    assert found.total["captured"].amount == sum((found.total[name].amount for name in stages), Decimal(0))
    assert sum(figures["performed"].count for figures in found.lines.values()) == found.total["performed"].count
    net = sum((-one.amount if one.is_credit else one.amount for one in Charge.objects.exclude(status="VOID")), Decimal(0))
    assert found.total["captured"].amount == net


def _befall(charge: Charge, chance: random.Random) -> None:
    what = chance.choice(("post", "refuse", "release", "nothing", "nothing"))
    if what == "release" and charge.on_hold:
        deciding.release_hold(charge, BILLER)
    elif what in ("post", "refuse"):
        send(charge, Result.ACCEPTED if what == "post" else Result.REFUSED)


def test_csv_says_what_the_page_says_and_no_formula(admin_client: Client) -> None:
    perform(
        steps_of(an_order()),
    )
    Charge.objects.get().requested_procedure.__class__.objects.update(code="=cmd()")  # type: ignore[union-attr]
    answer = admin_client.get("/accounting/export.csv?days=7")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert "\r\n" in text
    assert {len(row) for row in rows} == {len(rows[0])}
    assert rows[1][1:3] == ["CT01", "'=cmd()"]
    assert (rows[-2][0], rows[-1][0]) == ("Total", "adds up")
    assert rows[1][3:] == rows[-2][3:]
    assert "The books add up" in admin_client.get("/accounting/?days=7").content.decode()
