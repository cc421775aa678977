"""What became of what a request asked to be done."""

import pytest
from django.db import OperationalError

from ris import deeds
from ris.actions import auditing, patients
from ris.actions.patients import PatientData
from ris.actor import Actor
from ris.db import action
from ris.deeds import Deeds
from tests.support.hospital import a_site

pytestmark = pytest.mark.django_db


def test_nothing_is_done_before_an_action_is_and_nothing_is_known_outside() -> None:
    site = a_site()
    with deeds.watched():
        assert deeds.known() == Deeds()
        patients.register_patient(site, PatientData("WALKER^ANN"), Actor.system("tests"))
        assert deeds.known() == Deeds(begun=True, done=True)
    assert deeds.known() == Deeds()


def test_a_part_of_an_action_that_fails_is_not_done() -> None:
    inner = action(lambda: None)

    @action
    def outer() -> None:
        inner()
        raise OperationalError("database or disk is full")

    with deeds.watched():
        with pytest.raises(OperationalError):
            outer()
        assert deeds.known() == Deeds(begun=True)
        inner()
        assert deeds.known().done


def test_what_is_written_beside_is_no_deed() -> None:
    a_site()
    with deeds.watched():
        auditing.record(Actor.system("tests"), "list", "R", site=None)
        assert deeds.known() == Deeds()
