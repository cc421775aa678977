"""Where logs go and from which level on, as the settings say."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

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
