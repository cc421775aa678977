"""Programs that some tests talk to, which are not on every machine."""

import os
from typing import NoReturn

import pytest


def missing(program: str, what: str) -> NoReturn:
    """`what` lacks here: skips the test, fails it when RIS_TEST_REQUIRE names the program (`dcmtk`, `chromium`, `node`)."""
    if program in os.environ.get("RIS_TEST_REQUIRE", "").split(","):
        pytest.fail(f"RIS_TEST_REQUIRE asks for {program}, but {what}")
    pytest.skip(what)
