"""Rejected associations are security alerts in the audit trail."""

import json
from datetime import timedelta

import pytest
from django.conf import settings

from ris import audit, clock
from ris.actions import rejections
from ris.audit_messages import messages
from ris.models import AuditRecord
from ris.web.audit_pages import what_of
from stepwise import tasks
from tests.support.hospital import a_site
from tests.support.journal import an_association

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
A_WHILE = timedelta(minutes=1)


def test_who_was_not_let_in_is_entered_once_with_where_from_and_why() -> None:
    site, at = a_site(), clock.wall() - A_WHILE
    for second in range(3):
        last = an_association("NOBODY", at=at + timedelta(seconds=second), rejection="Calling AE title not recognized", address="10.0.0.66")
    an_association("CT01", at=at)
    assert (rejections.enter(), rejections.enter()) == (1, 0)
    row = AuditRecord.objects.get(event=audit.NODE)
    assert (row.actor, row.address, row.outcome, row.site) == (
        "Somebody at 10.0.0.66, calling itself NOBODY",
        "10.0.0.66",
        audit.SERIOUS,
        site,
    )
    assert row.detail["reason"] == "Calling AE title not recognized"
    assert (row.detail["times"], row.detail["association"]) == (3, str(last))
    assert row.at == at + timedelta(seconds=2)
    assert "3 times, the last at this moment" in what_of(row)
    assert '"times": 3' in json.dumps(list(messages(row)))


def test_what_comes_later_is_entered_later() -> None:
    a_site()
    an_association("NOBODY", at=clock.wall() - A_WHILE, rejection="Calling AE title not recognized")
    an_association("NOBODY", at=clock.wall(), rejection="Calling AE title not recognized")
    assert rejections.enter() == 1
    assert AuditRecord.objects.get(event=audit.NODE).detail["times"] == 1


def test_a_scan_by_many_names_is_one_alert_for_each_address() -> None:
    a_site()
    for number in range(60):
        an_association(f"SCAN{number}", at=clock.wall() - A_WHILE, rejection="Calling AE title not recognized", address="10.0.0.66")
    assert rejections.enter() == 1
    assert AuditRecord.objects.get(event=audit.NODE).detail["times"] == 60


def test_beat_asks_for_it() -> None:
    assert settings.CELERY_BEAT_SCHEDULE["audit rejected associations"]["task"] == tasks.audit_rejections.name
