"""Looking at a page in both themes and both widths: axe-core, what overflows, and a picture of each to be looked at by people."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import FloatRect, Page

WIDE, NARROW = 1440, 390
Look = tuple[int, str]
"""A width and a theme."""
LOOKS: tuple[Look, ...] = ((WIDE, "light"), (WIDE, "dark"), (NARROW, "dark"), (NARROW, "light"))
"""In an order in which one thing changes at a time."""
TWO_LOOKS: tuple[Look, ...] = ((WIDE, "light"), (NARROW, "dark"))
"""Each width and each theme once."""

TALLEST = 2400
"""Pixels of a page that its picture shows."""

_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_ALL_RULES: dict[str, Any] = {
    "resultTypes": ["violations"],
    "preload": False,
    "runOnly": {"type": "tag", "values": _TAGS},
    "rules": {"target-size": {"enabled": True}},  # 2.5.8 of WCAG 2.2, which axe leaves out unless asked
}
_CONTRAST: dict[str, Any] = {"resultTypes": ["violations"], "preload": False, "runOnly": ["color-contrast"]}

_OVERFLOW = """() => {
  const wide = document.documentElement.scrollWidth;
  return wide > innerWidth ? `the page is ${wide} px wide` : "";
}"""


def pictures() -> Path | None:
    """Where pictures are kept: RIS_TEST_SCREENSHOTS, by `tests.support.database` `screenshots` in the caller's data directory. None when
    that is `none`: nobody looks at those of a run that only tells whether all is well, and they take a fifth of its time in the browser."""
    if os.environ["RIS_TEST_SCREENSHOTS"] == "none":
        return None
    directory = Path(os.environ["RIS_TEST_SCREENSHOTS"])
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def look_at(page: Page, name: str, looks: Sequence[Look] = LOOKS) -> list[str]:
    """What is wrong with the page as it stands, one sentence each; leaves `NAME-THEME-WIDTH.png` for each look.

    The theme is the device's, which an unset theme follows; the widths are set without loading the page again, so that what was typed
    and opened stays. Each width is searched by all rules once, its other theme by those of colour alone.
    """
    page.evaluate(AXE_SCRIPT)
    wrong: list[str] = []
    seen: set[int] = set()
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 900})
        wear(page, theme)
        wrong += [f"{theme} at {width}: {trouble}" for trouble in _troubles(page, _CONTRAST if width in seen else _ALL_RULES)]
        picture(page, f"{name}-{theme}-{width}")
        seen.add(width)
    return wrong


def wear(page: Page, theme: str) -> None:
    """Let the device ask for a theme."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")


def picture(page: Page, name: str) -> None:
    """Keep the page as it looks, down to where a picture can still be read, if pictures are kept."""
    directory = pictures()
    if directory is None:
        return
    width, height = page.evaluate("[innerWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]")
    clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST)}
    page.screenshot(path=directory / f"{name}.png", full_page=True, clip=clip)


def _troubles(page: Page, rules: dict[str, Any]) -> list[str]:
    found: dict[str, Any] = page.evaluate("rules => axe.run(rules)", rules)
    troubles = [
        f"{violation['id']} ({violation['help']}) at {'; '.join(_where(node) for node in violation['nodes'][:5])}"
        for violation in found["violations"]
    ]
    overflow = page.evaluate(_OVERFLOW)
    return [*troubles, overflow] if overflow else troubles


def _where(node: dict[str, Any]) -> str:
    return f"{' '.join(map(str, node['target']))} {node['html'][:160]}"
