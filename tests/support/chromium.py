"""The system's Chromium, driven by Playwright: no browser is downloaded."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """Path of the browser. Skips the test when there is none on PATH, fails it when RIS_TEST_REQUIRE names chromium."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found:
        return found
    if "chromium" in os.environ.get("RIS_TEST_REQUIRE", "").split(","):
        pytest.fail(f"RIS_TEST_REQUIRE asks for Chromium, but none of {', '.join(NAMES)} is on PATH")
    pytest.skip("Chromium is not installed")
