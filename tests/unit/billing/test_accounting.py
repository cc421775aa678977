"""The books: performed → captured → posted add up after any history, what does not is named, and the CSV says the same."""

import csv
import io
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import accounting, ruling
from billing.accounting import Books
from billing.actions import capturing, deciding, delivering
from billing.actions.deciding_rules import change_rules
from billing.models import Charge, DeliveryAttempt
from billing.rules import Outcome
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actor import Actor
from ris.models import Procedure, ProcedureStepTemplate, RecordChange, ScheduledProcedureStep
from ris.transitions import COMPLETED
from tests.support.hospital import a_procedure, a_site, an_order, in_minutes, steps_of
from tests.support.performing import begin, code_items, end, film, perform, supply

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
Result = DeliveryAttempt.Result
BILLER = Actor.system("test")
BROKEN = ("110501", "DCM", "Equipment failure")
WRONG = ("110514", "DCM", "Incorrect worklist entry selected")


def books() -> Books:
    last = clock.local(in_minutes(30), a_site()).date()  # the day of what is booked in some minutes, also just before midnight
    return accounting.books(a_site(), *accounting.days(last, 7))


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


def test_wrong_amount_in_a_charge_is_named_with_what_was_performed() -> None:
    perform(steps_of(an_order()))
    charge = Charge.objects.get()
    Charge.objects.update(amount=99)
    found = books()
    assert f"{charge}: 99.00 charged, 250.00 performed (Completed with 24 images)" in [one.what for one in found.differences]
    assert (found.total["performed"].amount, found.total["captured"].amount) == (Decimal(250), Decimal(99))


def test_charge_of_another_day_than_its_work_is_named() -> None:
    performed = perform(steps_of(an_order()))
    PerformedProcedureStep.objects.filter(pk=performed.pk).update(started_at=performed.began_at - timedelta(days=1))
    charge = Charge.objects.get()
    assert [one.what for one in books().differences] == [
        f"{charge}: charged for {clock.today(a_site())}, performed on {clock.today(a_site()) - timedelta(days=1)}"
    ]


def test_rules_that_were_changed_since_make_no_difference() -> None:
    perform(steps_of(an_order()), "DISCONTINUED", images=3, reason=BROKEN)
    nothing = (Outcome.NONE, Outcome.NONE)
    change_rules(a_site(), {"110501": nothing}, ruling.version(a_site()), BILLER)
    assert counts() == {"performed": 1, "captured": 1, "pending": 1}
    assert books().adds_up


def test_price_of_the_catalogue_that_was_changed_since_makes_no_difference() -> None:
    a_procedure("CTABD", steps=("Abdomen",))
    perform(steps_of(an_order()), ProcedureCodeSequence=code_items(("CTCHEST", "99TEST", "Chest"), ("CTABD", "99TEST", "Abdomen")))
    assert Charge.objects.get().amount == 500
    Procedure.objects.filter(code="CTABD").update(price=7)
    assert not books().adds_up, "nobody changed it by the verb: the charge is wrong"
    RecordChange.by(BILLER, at=clock.now(a_site()), verb="edit", subject="procedure", subject_id=Procedure.objects.get(code="CTABD").pk)
    assert books().adds_up


def test_protocol_of_the_catalogue_that_was_changed_since_makes_no_difference() -> None:
    a_procedure("CTABD", steps=("Abdomen",))
    ProcedureStepTemplate.objects.filter(procedure__code="CTABD").update(protocol_code="P7", protocol_scheme="99TEST")
    perform(steps_of(an_order()), PerformedProtocolCodeSequence=code_items(("P7", "99TEST", "Protocol 7")))
    assert [line.code for line in Charge.objects.get().lines.all()] == ["CTABD"]
    Procedure.objects.filter(code="CTABD").update(price=400)
    ProcedureStepTemplate.objects.filter(procedure__code="CTABD").update(protocol_code="P8")
    RecordChange.by(BILLER, at=clock.now(a_site()), verb="edit", subject="procedure", subject_id=Procedure.objects.get(code="CTABD").pk)
    assert books().adds_up


def test_a_service_is_reckoned_once_until_something_of_it_changes() -> None:
    scheduled = steps_of(an_order())
    perform(scheduled, "DISCONTINUED", images=3, reason=BROKEN)
    first, again = asked_for_findings(), asked_for_findings()
    perform(scheduled)
    assert (first, again, asked_for_findings()) == (1, 0, 2), "findings are asked for each performed step that is judged"


def asked_for_findings() -> int:
    with CaptureQueriesContext(connection) as asked:
        assert books().adds_up
    return sum("mpps_finding" in query["sql"] for query in asked)


def test_correction_on_another_day_adds_up_on_each_of_them() -> None:
    scheduled = steps_of(an_order())
    performed = perform(scheduled)
    send(Charge.objects.get())
    PerformedProcedureStep.objects.filter(pk=performed.pk).update(started_at=performed.began_at - timedelta(days=1))
    capturing.capture_after_change_by_hand(scheduled[0].requested_procedure_id)
    today = clock.today(a_site())
    then, now = (accounting.books(a_site(), day, day) for day in (today - timedelta(days=1), today))
    assert (then.differences, now.differences) == ([], [])
    assert (then.total["performed"].count, then.total["captured"].count, then.total["pending"].count) == (1, 1, 1)
    assert (now.total["performed"].count, now.total["captured"].count) == (0, 0)
    assert (now.total["posted"].count, now.total["pending"].count) == (1, -1)


def test_what_a_person_took_back_is_performed_and_nothing_to_charge() -> None:
    perform(steps_of(an_order()))
    deciding.void_charge(Charge.objects.get(), BILLER, "Free of charge")
    found = books()
    assert counts() == {"performed": 1, "nothing": 1}
    assert (found.total["nothing"].amount, found.adds_up) == (Decimal(250), True)


@pytest.mark.parametrize("start", [None, 600], ids=["without a start", "with a later start"])
def test_ended_work_is_of_the_day_it_ended(start: int | None) -> None:
    an_order()
    planned = in_minutes(60 * start) if start else None
    ScheduledProcedureStep.objects.update(status=COMPLETED, start=planned, end=planned)
    assert counts() == {"performed": 1, "missing": 1}


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


def test_lines_without_a_price_are_counted(admin_client: Client) -> None:
    perform(steps_of(an_order()), FilmConsumptionSequence=film(), BillingSuppliesAndDevicesSequence=supply())
    assert "2 lines of these charges have no price here" in admin_client.get("/accounting/?days=7").content.decode()
    charge = Charge.objects.get()
    page = admin_client.get(f"/charges/{charge.pk}/").content.decode()
    assert ("$ 250.00</span>" in page, page.count("No price here; the receiver prices it")) == (True, 2)


@pytest.mark.parametrize("page", ["/accounting/", "/charges/", "/accounting/export.csv"])
def test_day_that_cannot_be_read_is_answered_422_with_words(admin_client: Client, page: str) -> None:
    a_site()
    answer = admin_client.get(f"{page}?day=nonsense")
    assert (answer.status_code, "is not a date; write it as 25-May-1959" in answer.content.decode()) == (422, True)


def test_csv_says_what_the_page_says_and_no_formula(admin_client: Client) -> None:
    perform(
        steps_of(an_order()),
    )
    Charge.objects.get().requested_procedure.__class__.objects.update(code="=cmd()")  # type: ignore[union-attr]
    answer = admin_client.get("/accounting/export.csv?days=7")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = answer.getvalue().decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert "\r\n" in text
    assert {len(row) for row in rows} == {len(rows[0])}
    assert rows[1][1:3] == ["CT01", "'=cmd()"]
    assert len(rows) == 2, "data alone: the sums are a file of their own"
    answer = admin_client.get("/accounting/export.csv?days=7&part=sums")
    text = answer.getvalue().decode()
    sums = {row[0]: row[1:] for row in csv.reader(io.StringIO(text, newline=""))}
    assert [part for name in accounting.COLUMNS for part in sums[accounting.TITLES[name]][:2]] == rows[1][3:]
    assert (sums["Differences"][2], sums["Lines without a price"][0]) == ("the books add up", "0")
    assert "The books add up" in admin_client.get("/accounting/?days=7").content.decode()
