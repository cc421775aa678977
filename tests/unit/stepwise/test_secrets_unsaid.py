"""Secrets of the environment: no command, no error and no answer says them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from stepwise import health
from tests.support.addresses import somebody
from tests.support.hospital import a_site

ROOT = Path(__file__).resolve().parents[3]
SECRET = "hush-4711-hush"
SECRETS = {
    "RIS_SECRET_KEY": f"{SECRET}-of-fifty-characters-and-more-as-it-should-be-long",
    "RIS_API_TOKEN": SECRET,
    "RIS_DEMO_PASSWORD": SECRET,
    "DATABASE_URL": f"postgres://stepwise:{SECRET}@127.0.0.1:1/stepwise",
    "REDIS_URL": f"redis://:{SECRET}@127.0.0.1:1/0",
}
COMMANDS = {
    "help": (["manage.py", "help"], {}),
    "help of a command": (["manage.py", "simulate", "--help"], {}),
    "check": (["manage.py", "check", "--deploy"], {}),
    "a wrong setting": (["manage.py", "check"], {"RIS_LOG_LEVEL": "LOUD"}),
    "a database that cannot be read": (["manage.py", "check"], {"DATABASE_URL": f"postgres://stepwise:{SECRET}/x@host/name"}),
    "a database of another kind": (["manage.py", "check"], {"DATABASE_URL": f"oracle://stepwise:{SECRET}@host/name"}),
    "a worker without a broker": (["-m", "celery", "-A", "stepwise", "report"], {}),
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=list(COMMANDS))
def test_no_command_says_a_secret(arguments: tuple[list[str], dict[str, str]], tmp_path: Path) -> None:
    command, changes = arguments
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | SECRETS | {"RIS_DATA_DIR": str(tmp_path)} | changes,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout + done.stderr
    assert "hush" not in done.stdout + done.stderr


@pytest.mark.django_db
def test_neither_health_nor_error_pages_say_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker's and the database's own words of what failed, in a failing health check and in a page that fails."""
    a_site()
    monkeypatch.setattr("django.conf.settings.REDIS_URL", SECRETS["REDIS_URL"])
    monkeypatch.setattr("django.conf.settings.API_TOKEN", SECRET)
    with pytest.raises(health.redis.RedisError) as lost:
        health.check_redis()
    assert SECRET not in str(lost.value)

    def broken(*_: object) -> None:
        raise ValueError(SECRETS["DATABASE_URL"])

    monkeypatch.setattr("stepwise.web.pages.documents.read", broken)
    client = Client(raise_request_exception=False)
    client.force_login(somebody("someone"))
    failed = client.get("/help/threat-model/")
    assert (failed.status_code, SECRET in failed.content.decode()) == (500, False)
    refused = client.get("/api/v1/orders/x", headers={"Authorization": f"Bearer {SECRET}x"})
    assert (refused.status_code, SECRET in refused.content.decode()) == (401, False)
