"""A charge on its way: claimed, sent, answered, repeated, given up, and never doubled."""

import threading
from datetime import timedelta

import hl7
import pytest
from django.db import connection
from pytest_django.fixtures import Settings
from structlog.testing import capture_logs

from billing import delivery
from billing.actions import deciding, delivering, history
from billing.hl7_answers import field
from billing.models import Charge, ChargeChange, ChargeLine, DeliveryAttempt
from ris import clock
from ris.actor import Actor
from ris.errors import IllegalTransition
from ris.models import Order, Patient, Visit
from ris.nudge import Nudger
from tests.support.charges import a_charge, make_due
from tests.support.hospital import a_site
from tests.support.mllp import Receiver, ack, silence
from tests.support.ports import free_port

Result = DeliveryAttempt.Result


def end_lease(charge: Charge) -> None:
    Charge.objects.filter(pk=charge.pk).update(lease_until=clock.now() - timedelta(seconds=1))


@pytest.mark.django_db
@pytest.mark.both_databases
def test_accepted_charge_is_posted_with_proof(receiver: Receiver) -> None:
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.ACCEPTED
    charge.refresh_from_db()
    assert (charge.status, charge.error, charge.attempts, charge.lease_until) == ("POSTED", "", 1, None)
    assert charge.posted_at is not None
    attempt = charge.delivery_attempts.get()
    assert (attempt.number, attempt.result, attempt.text, attempt.target) == (1, "ACCEPTED", "AA", f"127.0.0.1:{receiver.port}")
    assert [(change.from_status, change.to_status) for change in charge.changes.all()] == [("", "PENDING"), ("PENDING", "POSTED")]
    assert delivery.deliver(charge.pk) is None
    assert len(receiver.received) == 1


@pytest.mark.django_db
def test_message_says_who_was_charged_for_what_by_whom(receiver: Receiver) -> None:
    charge = a_charge(name="O'NEIL^Séan=李^四", patient_id="P|1")
    order = Order.objects.get()
    order.visit = Visit.objects.create(
        site=a_site(), patient=order.patient, admission_id="V1", account_number="88-1", patient_class="I", created_at=clock.now()
    )
    order.requesting_physician = "MOTH^Ann"
    order.save()
    delivery.deliver(charge.pk)
    message = hl7.parse(receiver.received[0].decode())
    pid, pv1, ft1 = (message.segment(name) for name in ("PID", "PV1", "FT1"))
    assert (field(pid, 3, 1), field(pid, 5), field(pid, 18)) == ("P|1", "O'NEIL^Séan^^^^^L^A", "88-1")
    assert (field(pv1, 2), field(pv1, 19)) == ("I", "V1")
    assert [field(ft1, n) for n in (2, 6, 10, 11, 13, 20, 21)] == [
        f"{charge.control_id}-01", "CG", "1", "250.00&USD", "CT01^CT01", "^WEBER^Jan", "^MOTH^Ann",
    ]  # fmt: skip
    assert field(ft1, 7) == "CTCHEST^CT chest^99TEST"
    assert field(ft1, 23, 1) == order.filler_order_number
    assert field(ft1, 4) == clock.local(charge.service_at, a_site()).strftime("%Y%m%d%H%M%S%z")


@pytest.mark.django_db
def test_refused_charge_has_failed_with_the_receiver_s_words_and_is_not_repeated(receiver: Receiver) -> None:
    receiver.answer = ack("AE", "Unknown account 88-1043")
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.REFUSED
    charge.refresh_from_db()
    assert (charge.status, charge.error) == ("FAILED", "AE: Unknown account 88-1043")
    make_due(charge)
    assert delivery.sweep() == 0
    assert len(receiver.received) == 1


@pytest.mark.django_db
def test_failed_charge_is_sent_again_on_request_under_its_control_id_with_corrected_content(receiver: Receiver, biller: Actor) -> None:
    receiver.answer = ack("AE", "Unknown patient")
    charge = a_charge()
    delivery.deliver(charge.pk)
    Patient.objects.update(name="RIGHT^Name")
    receiver.answer = ack()
    charge = deciding.retry_failed(charge, biller, "patient corrected")
    assert delivery.deliver(charge.pk) is Result.ACCEPTED
    assert [b"RIGHT^Name" in message for message in receiver.received] == [False, True]
    assert [field(hl7.parse(text.decode()).segment("MSH"), 10) for text in receiver.received] == [charge.control_id] * 2
    change = ChargeChange.objects.get(verb="retry")
    assert (change.actor, change.reason, change.from_status, change.to_status) == ("biller", "patient corrected", "FAILED", "PENDING")
    with pytest.raises(IllegalTransition, match="is POSTED; only a failed one"):
        deciding.retry_failed(charge, biller)


@pytest.mark.django_db
def test_unanswered_charge_waits_and_is_repeated_to_the_byte(receiver: Receiver) -> None:
    receiver.answer = silence
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.NO_ANSWER
    charge.refresh_from_db()
    assert (charge.status, charge.lease_until) == ("PENDING", None)
    assert "closed the connection without an answer" in charge.error
    assert charge.next_attempt_at > clock.now()
    assert delivery.deliver(charge.pk) is None  # not due yet
    Patient.objects.update(name="RENAMED^Meanwhile")
    make_due(charge)
    receiver.answer = ack()
    assert delivery.sweep() == 1
    assert receiver.received[0] == receiver.received[1]


@pytest.mark.django_db
def test_garbled_answer_is_repeated_and_named(receiver: Receiver) -> None:
    receiver.answer = lambda message: b"MSH|^~\\&|\rMSA|AA|SOMETHING\r"
    charge = a_charge()
    assert delivery.deliver(charge.pk) is Result.GARBLED
    charge.refresh_from_db()
    assert (charge.status, "acknowledges SOMETHING" in charge.error) == ("PENDING", True)


@pytest.mark.django_db
def test_receiver_that_is_down_or_has_never_started_is_waited_for_and_the_charge_can_still_be_voided(settings: Settings) -> None:
    charge = a_charge()
    settings.MLLP_PORT = free_port()
    assert delivery.deliver(charge.pk) is Result.NOT_REACHED
    settings.MLLP_PORT = 0
    make_due(charge)
    assert delivery.deliver(charge.pk) is Result.NOT_REACHED
    assert [attempt.number for attempt in charge.delivery_attempts.all()] == [1, 2]
    deciding.void_charge(charge, Actor.system("test"), "The patient was never here")
    assert (charge.status, delivery.sweep()) == ("VOID", 0)


@pytest.mark.django_db
@pytest.mark.both_databases
def test_claimed_charge_belongs_to_one_worker_until_its_lease_ends() -> None:
    charge = a_charge()
    first = delivering.claim(charge.pk)
    assert first is not None
    assert delivering.claim(charge.pk) is None
    assert delivery.sweep() == 0
    end_lease(charge)
    second = delivering.claim(charge.pk)
    assert second is not None
    assert (first.attempts, second.attempts) == (1, 2)
    assert first.message == second.message


@pytest.mark.django_db
def test_late_bad_news_of_a_worker_that_lost_its_lease_changes_nothing_and_late_good_news_posts() -> None:
    charge = a_charge()
    first = delivering.claim(charge.pk)
    end_lease(charge)
    second = delivering.claim(charge.pk)
    assert first is not None
    assert second is not None
    delivering.record(first, delivering.Attempt(Result.REFUSED, "AE", 1))
    delivering.record(first, delivering.Attempt(Result.NO_ANSWER, "", 1), timedelta(hours=1))
    charge.refresh_from_db()
    assert (charge.status, charge.lease_until is not None) == ("PENDING", True)
    delivering.record(first, delivering.Attempt(Result.ACCEPTED, "AA", 1))
    delivering.record(second, delivering.Attempt(Result.ACCEPTED, "AA", 1))
    delivering.record(second, delivering.Attempt(Result.REFUSED, "AE", 1))
    charge.refresh_from_db()
    assert charge.status == "POSTED"
    assert charge.changes.filter(to_status="POSTED").count() == 1
    assert charge.delivery_attempts.count() == 5


@pytest.mark.django_db
def test_held_charge_waits_until_it_is_released(receiver: Receiver, biller: Actor) -> None:
    charge = a_charge()
    Charge.objects.update(on_hold="Birth date differs")
    charge.refresh_from_db()
    assert delivery.sweep() == 0
    deciding.release_hold(charge, biller)
    assert delivery.sweep() == 1
    assert ChargeChange.objects.get(verb="release").reason == "Released: Birth date differs"
    with pytest.raises(IllegalTransition, match="not on hold"):
        deciding.release_hold(charge, biller)


@pytest.mark.django_db
def test_charge_that_cannot_be_a_message_has_failed_in_words() -> None:
    charge = a_charge()
    ChargeLine.objects.update(code=" ")
    assert delivery.deliver(charge.pk) is None
    charge.refresh_from_db()
    assert (charge.status, "FT1-7" in charge.error) == ("FAILED", True)
    assert charge.delivery_attempts.get().result == "UNSENDABLE"


@pytest.mark.django_db
def test_sweep_sends_all_that_is_due_and_stops_at_the_first_that_gets_no_answer(receiver: Receiver) -> None:
    charges = [a_charge() for _ in range(4)]
    receiver.answer = silence
    assert delivery.sweep() == 0
    assert len(receiver.received) == 1
    receiver.answer = ack()
    assert delivery.sweep() == 3
    make_due(charges[0])
    assert delivery.sweep() == 1
    assert set(Charge.objects.values_list("status", flat=True)) == {"POSTED"}


@pytest.mark.django_db
def test_one_refused_charge_does_not_hold_up_the_others(receiver: Receiver) -> None:
    first, second = a_charge(), a_charge()
    receiver.answer = lambda message: ack("AE", "no")(message) if (first.control_id or "").encode() in message else ack()(message)
    assert delivery.sweep() == 1
    second.refresh_from_db()
    assert second.status == "POSTED"


@pytest.mark.django_db
def test_one_charge_that_cannot_be_read_does_not_hold_up_the_others(receiver: Receiver) -> None:
    bad, good = a_charge(), a_charge()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_chargeline SET quantity = 'damaged' WHERE charge_id = %s", [bad.pk])
    assert delivery.sweep() == 1
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.status, bad.attempts, good.status) == ("FAILED", 0, "POSTED")
    assert bad.delivery_attempts.get().result == Result.UNSENDABLE
    assert bad.error.startswith("It cannot be sent: ")
    assert "damaged" not in bad.error
    assert bad.delivery_attempts.get().result == "UNSENDABLE"


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["AA", "AE"])
def test_what_the_receiver_writes_is_kept_and_not_logged(receiver: Receiver, code: str) -> None:
    receiver.answer = ack(code, "about O'NEIL^Sean")
    charge = a_charge()
    with capture_logs() as logs:
        delivery.deliver(charge.pk)
    assert "O'NEIL" in charge.delivery_attempts.get().text
    assert [log["code"] for log in logs if log["event"] == "charge sent"] == [code]
    assert "O'NEIL" not in str(logs)


@pytest.mark.django_db(transaction=True)
def test_nudge_that_cannot_start_its_thread_leaves_the_exam_and_its_charge(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(history, "nudge", Nudger(lambda charge_id: None, what="charge").nudge)
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert a_charge().status == "PENDING"


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_of_many_workers_that_deliver_at_once_one_sends(receiver: Receiver) -> None:
    charge = a_charge()
    results: list[object] = []
    together = threading.Barrier(6)

    def work() -> None:
        together.wait(5)
        try:
            results.append(delivery.deliver(charge.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, results)) == ["ACCEPTED", *["None"] * 5]
    assert len(receiver.received) == 1


def test_backoff_doubles_with_jitter_up_to_its_cap() -> None:
    for attempts, longest in ((1, 1), (2, 2), (4, 8), (5, 15), (6, 15), (5000, 15)):
        waits = [delivery.backoff(attempts).total_seconds() for _ in range(50)]
        assert all(longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 1
