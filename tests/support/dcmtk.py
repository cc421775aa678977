"""DCMTK's command-line tools, by where the system installed them: pynetdicom puts tools of the same names into the environment."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

EXAMPLES = Path("/usr/share/doc/dcmtk/examples")


def dcmtk(tool: str) -> str:
    """The absolute path of DCMTK's `tool`. Skips the test when it is not installed, fails it when RIS_TEST_REQUIRE names dcmtk."""
    environment = {Path(sys.prefix, "bin").resolve(), Path(sys.executable).parent.resolve()}
    places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(place).resolve() not in environment]
    found = shutil.which(tool, path=os.pathsep.join(places))
    if found is None:
        _missing(f"{tool} is not on PATH")
    return found


def dcmtk_examples(folder: str) -> Path:
    """A folder of the examples in DCMTK's package, such as `wlistqry`. Missing, it skips or fails the test as a tool does."""
    dcmtk("findscu")
    path = EXAMPLES / folder
    if not path.is_dir():
        _missing(f"its examples are not in {path}")
    return path


def _missing(what: str) -> NoReturn:
    if "dcmtk" in os.environ.get("RIS_TEST_REQUIRE", "").split(","):
        pytest.fail(f"RIS_TEST_REQUIRE asks for DCMTK, but {what}")
    pytest.skip(f"DCMTK is not complete: {what}")
