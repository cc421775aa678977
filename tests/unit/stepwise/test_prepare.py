"""What `manage.py prepare` writes, which ends in the logs of a container."""

import pytest
from django.core.management import call_command

from ris import audit
from ris.models import AuditRecord, Order
from tests.support.hospital import an_order
from training.hospital.staging import DEMO

pytestmark = pytest.mark.django_db(databases=["default", "journal"])


@pytest.fixture(autouse=True)
def demo_with_quick_digests(settings) -> None:
    """The demo hospital counts as loaded with its first order: these tests are about accounts."""
    settings.DEMO = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    Order.objects.filter(pk=an_order().pk).update(ordered_by=DEMO.name)


def test_a_chosen_password_is_never_written(settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.DEMO_PASSWORD = "chosen-password-42"
    call_command("prepare")
    out = capsys.readouterr().out
    assert "demo account biller: the password is RIS_DEMO_PASSWORD" in out
    assert "chosen-password-42" not in out


def test_a_password_that_was_made_is_written_once(settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.DEMO_PASSWORD = ""
    call_command("prepare")
    assert "shown at the first start" not in capsys.readouterr().out
    entered = AuditRecord.objects.filter(place="manage.py prepare", event=audit.ROLES, actor="demo hospital")
    assert ["user admin"] in [row.detail["of"] for row in entered]
    call_command("prepare")
    assert "demo account biller: the password was shown at the first start" in capsys.readouterr().out
