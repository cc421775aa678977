"""What is compared in the end: a day that went as its scripts said is told so, and each way in which it did not is told by name."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from billing.charge_processor.ledger import Book, Posting, ReceivedMessage
from billing.models import Charge, ChargeLine
from billing.transitions import POSTED
from mpps.models import Finding, PerformedProcedureStep
from ris import clock
from ris.models import ScheduledProcedureStep
from tests.support import performing
from tests.support.hospital import a_site, an_order, steps_of
from tests.unit.training.test_console_keys import an_exam
from training.day import audit, reading
from training.day.fleet import Running
from training.day.story import Deed, Kind, Story, What, Worth

pytestmark = pytest.mark.django_db


@pytest.fixture
def running() -> Running:
    """One exam, performed and charged as its script said."""
    step = steps_of(an_order())[0]
    assert step.start is not None
    (booked,) = reading.read(a_site(), clock.local(step.start, a_site()).date(), step.start - timedelta(hours=1)).booked
    performed = performing.perform([step])
    deeds = (Deed(booked.start, What.START, "CT01"), Deed(booked.end, What.COMPLETE, "CT01"))
    story = Story(1, Kind.PLAIN, "CT01", (booked,), deeds, "COMPLETED", ("COMPLETED",), Worth.FULL)
    return Running(story, {0: replace(an_exam("COMPLETED"), sop_instance_uid=performed.sop_instance_uid)}, done=2)


def differences(running: Running, ledger: Path = Path("/no/ledger")) -> list[str]:
    return audit.look(a_site(), [running], ledger).differences


def test_what_is_as_its_script_said_is_counted_and_differs_in_nothing(running: Running) -> None:
    books = audit.look(a_site(), [running], Path("/no/ledger"))
    charge = Charge.objects.get()
    assert (books.differences, books.exams, books.charges, books.amount, books.waiting) == ([], 1, 1, charge.amount, 1)
    assert audit.waiting(a_site(), [running]) == 1


@pytest.mark.parametrize(
    "spoil, told",
    [
        (lambda: ScheduledProcedureStep.objects.update(status="STARTED"), "is STARTED, its script said COMPLETED"),
        (lambda: PerformedProcedureStep.objects.update(status="IN PROGRESS"), "is IN PROGRESS, its script said COMPLETED"),
        (lambda: PerformedProcedureStep.objects.update(calling_ae_title="CT02"), "is of CT02"),
        (lambda: PerformedProcedureStep.objects.update(unscheduled=True), "is unscheduled"),
        (lambda: PerformedProcedureStep.objects.update(sop_instance_uid="1.2"), "performed step 1 of 1 is not there"),
        (lambda: ChargeLine.objects.update(modifier="52"), r"charged .* \(reduced\), its script said full"),
        (lambda: Charge.objects.update(requested_procedure=None), "charged nothing, its script said full"),
        (lambda: Charge.objects.update(amount=Decimal("1.50")), "is 1.50, its lines add up to"),
        (lambda: Charge.objects.update(status="FAILED", error="AE"), "is FAILED: AE"),
    ],
)
def test_what_is_not_as_its_script_said_is_told(running: Running, spoil: Callable[[], object], told: str) -> None:
    spoil()
    (difference,) = differences(running)
    assert re.search(told, difference), difference


def test_a_story_that_did_not_go_on_and_a_finding_that_no_script_has_are_told(running: Running) -> None:
    performed = PerformedProcedureStep.objects.get()
    Finding.objects.create(performed_step=performed, code="CLOCK_WRONG", text="an hour late", at=performed.received_at)
    running.failed = "complete: no answer"
    not_gone_on, found = differences(running)
    assert not_gone_on.endswith("did not go on: complete: no answer")
    assert found.endswith("unexpected finding CLOCK_WRONG (an hour late)")


def test_what_was_posted_stands_in_the_ledger_with_its_amount(running: Running, tmp_path: Path) -> None:
    Charge.objects.update(status=POSTED)
    charge = Charge.objects.get()
    book = Book(tmp_path / "ledger.sqlite3")
    assert differences(running, book.path) == [f"charge {charge} of {charge.amount:.2f} was posted, the charge processor booked nothing"]
    posting = Posting("T1", "CG", "71260", "C4", "CT chest", (), Decimal(1), charge.amount - 1, "20261130080000", "A1")
    book.book(ReceivedMessage(str(charge), "P1", "TEST^1", "", "MSH", (posting,)), "2026-11-30T08:00:00")
    (difference,) = differences(running, book.path)
    assert difference.endswith(f"the charge processor booked {charge.amount - 1:.2f}")
    book.close()
