"""The system's Chromium, driven by Playwright: no browser is downloaded."""

import shutil

from tests.support.required import missing

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
    return found or missing("chromium", f"none of {', '.join(NAMES)} is on PATH")
