"""The tables of docs/modality.md, as data."""

import re
from pathlib import Path

FILE = Path(__file__).parents[2] / "docs" / "modality.md"


def section(title: str) -> str:
    """What stands under a heading, up to the next one."""
    found = FILE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2]
    assert found, f"docs/modality.md has no section {title!r}"
    return found.partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The cells of the section's table, without head and code marks."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = (re.split(r"(?<!\\)\|", line.strip("|")) for line in lines[2:])
    return [[cell.strip().replace("`", "").replace("\\|", "|") for cell in row] for row in cells]


def answers() -> dict[str, tuple[str, str]]:
    """By quirk of MPPS messages: the first status but 0000 that a strict station gets, and a lenient one; 0000 when there is none."""
    table = {row[1]: (row[3], row[4]) for row in rows("What machines do otherwise")}
    return {name: (strict.rstrip("H"), lenient.rstrip("H")) for name, (strict, lenient) in table.items() if strict}


def example(number: int) -> str:
    """A script of the documentation, by its place there."""
    return re.findall(r"```text\n(.*?)```", section("Scripts"), re.DOTALL)[number]
