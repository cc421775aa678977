"""DCMTK's command-line tools, by where the system installed them: pynetdicom puts tools of the same names into the environment."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def dcmtk(tool: str) -> str:
    """The absolute path of DCMTK's `tool`. Skips the test when it is not installed, fails it when RIS_TEST_REQUIRE names dcmtk."""
    environment = {Path(sys.prefix, "bin").resolve(), Path(sys.executable).parent.resolve()}
    places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(place).resolve() not in environment]
    found = shutil.which(tool, path=os.pathsep.join(places))
    if found:
        return found
    if "dcmtk" in os.environ.get("RIS_TEST_REQUIRE", "").split(","):
        pytest.fail(f"RIS_TEST_REQUIRE asks for DCMTK, but {tool} is not on PATH")
    pytest.skip(f"DCMTK's {tool} is not installed")
