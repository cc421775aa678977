"""Where logs go and from which level on, as the settings say."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied

from stepwise import logs

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("level", logs.LEVELS)
def test_the_level_of_the_settings_is_that_of_the_logs(level: str) -> None:
    assert logs.logging_config(level)["root"]["level"] == level
    assert level in logging.getLevelNamesMapping()
    assert settings.LOGGING["root"]["level"] == settings.LOG_LEVEL


def manage(level: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from django.conf import settings; print(settings.LOGGING['root']['level'])"],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "stepwise.settings", "RIS_LOG_LEVEL": level, "RIS_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_level_is_read_in_any_case_and_one_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    assert manage("debug", tmp_path).stdout == "DEBUG\n"
    last = manage("verbose", tmp_path).stderr.splitlines()[-1]
    assert last.endswith("RIS_LOG_LEVEL is 'VERBOSE'; it must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL.")


def test_a_refused_page_is_one_line_and_a_failed_one_keeps_its_traceback() -> None:
    for error, kept in ((PermissionDenied("not yours"), False), (ValueError("odd"), True)):
        record = logging.LogRecord("django.request", logging.WARNING, "", 0, "Forbidden", (), (type(error), error, None))
        assert logs.without_expected_traceback(record)
        assert bool(record.exc_info) is kept
    assert "expected" in settings.LOGGING["handlers"]["stderr"]["filters"]
