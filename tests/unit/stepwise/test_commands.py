"""Commands begin without Django's checks, which load every page of the web interface; so they are made here."""

import pytest
from django.core.management import call_command, get_commands, load_command_class

ROOMS = ("dimse", "ris", "worklist", "mpps", "billing", "training", "stepwise")


@pytest.mark.django_db(databases=["default", "journal"])
def test_django_has_nothing_to_remark() -> None:
    call_command("check", fail_level="DEBUG", databases=["default", "journal"])


def test_no_command_of_ours_waits_for_the_checks() -> None:
    ours = [(app, name) for name, app in get_commands().items() if app in ROOMS]
    assert len(ours) > 10
    assert [name for app, name in ours if load_command_class(app, name).requires_system_checks] == []
