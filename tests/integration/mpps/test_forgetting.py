"""What was sent on is forgotten after a while; what was not, never."""

from datetime import timedelta

import pytest
from django.conf import settings

from mpps import delivery, outbox
from mpps.models import Delivery
from ris import clock
from stepwise.celery import app
from tests.support.destinations import a_destination, an_exam, complete, let_time_pass, states
from tests.support.hospital import ACTOR, a_site
from tests.support.pacs import Pacs

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
State = Delivery.State


def forget() -> None:
    app.tasks[settings.CELERY_BEAT_SCHEDULE["forget what was sent on"]["task"]]()


def all_of_it_was(days: int) -> None:
    Delivery.objects.update(changed_at=clock.now(a_site()) - timedelta(days=days))


def test_what_was_sent_long_ago_of_steps_that_are_over_is_forgotten(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    over, goes_on = an_exam(), an_exam()
    complete(over)
    delivery.deliver(destination.pk)
    all_of_it_was(settings.DELIVERY_DAYS - 1)
    forget()
    assert states(destination) == [State.SENT] * 3
    all_of_it_was(settings.DELIVERY_DAYS + 1)
    forget()
    assert [row.message.sop_instance_uid for row in destination.deliveries.select_related("message")] == [goes_on]


def test_what_was_not_sent_is_kept_with_all_of_its_step(pacs: Pacs) -> None:
    destination = a_destination(pacs)
    waits, parked, left_out = an_exam(), an_exam(), an_exam()
    delivery.deliver(destination.pk)
    pacs.answer = lambda told: {waits: 0x0110, parked: 0x0112, left_out: 0x0106}[told.uid]
    for uid in (waits, parked, left_out):
        complete(uid)
    delivery.deliver(destination.pk)
    outbox.leave_out(Delivery.objects.get(status=0x0106), ACTOR)
    all_of_it_was(1000)
    forget()
    kept = destination.deliveries.order_by("message_id").values_list("message__sop_instance_uid", "state")
    assert sorted(kept) == sorted(
        [(waits, State.SENT), (parked, State.SENT), (waits, State.WAITING), (parked, State.PARKED), (left_out, State.REFUSED)]
    )
    pacs.answer = lambda told: 0
    let_time_pass()
    outbox.send_again(Delivery.objects.get(state=State.PARKED), ACTOR)
    assert delivery.deliver(destination.pk) == 3, "from its N-CREATE on"


def test_many_are_forgotten_a_part_at_a_time(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_FORGOTTEN_AT_ONCE", 2)
    destination = a_destination(pacs)
    for _ in range(3):
        complete(an_exam())
    delivery.deliver(destination.pk)
    all_of_it_was(20)
    assert outbox.forget_sent(a_site(), clock.now(a_site()) - timedelta(days=14)) == 6
    assert states(destination) == []
