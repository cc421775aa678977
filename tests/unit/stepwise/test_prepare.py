"""What `manage.py prepare` writes, which ends in the logs of a container."""

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db(databases=["default", "journal"])


def test_a_chosen_password_is_never_written(settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.DEMO, settings.DEMO_PASSWORD = True, "chosen-password-42"
    call_command("prepare")
    out = capsys.readouterr().out
    assert "demo account biller: the password is RIS_DEMO_PASSWORD" in out
    assert "chosen-password-42" not in out


def test_a_password_that_was_made_is_written_once(settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.DEMO, settings.DEMO_PASSWORD = True, ""
    call_command("prepare")
    assert "shown at the first start" not in capsys.readouterr().out
    call_command("prepare")
    assert "demo account biller: the password was shown at the first start" in capsys.readouterr().out
