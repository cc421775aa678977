"""Repeats that take turns, medians, and the table they end in."""

import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from os import cpu_count
from pathlib import Path

RESULTS = Path(__file__).with_name("results.md")
MARK = "<!-- `make bench` writes what follows -->"


@dataclass(frozen=True)
class Row:
    """One thing that was measured: what, what is to be reached, what was seen and whether that is enough (None: nothing to compare)."""

    what: str
    wanted: str
    seen: str
    reached: bool | None


def medians(cases: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """The median of each case; they take turns, so that what disturbs the machine disturbs all."""
    seen: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, measure in cases.items():
            seen[name].append(measure())
    return {name: statistics.median(found) for name, found in seen.items()}


def seconds(what: Callable[[], object]) -> float:
    begun = time.perf_counter()
    what()
    return time.perf_counter() - begun


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def at_least(ratio: float, wanted: float) -> tuple[str, bool]:
    return f"{ratio:.1f}×", ratio >= wanted


def machine() -> str:
    """Where this was measured, in a line."""
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    packages = ", ".join(f"{name} {version(name)}" for name in ("Django", "pydicom", "pynetdicom"))
    return f"{cpu_count()} cores ({model or platform.machine()}), {platform.system()}, CPython {platform.python_version()}, {packages}"


def program_version(command: str) -> str:
    """The first line that says a version."""
    said = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout.splitlines()
    return next((line.strip("$ ") for line in said if "v3." in line or "version" in line.lower() or "Orthanc" in line), command)


def report(rows: list[Row], notes: list[str]) -> str:
    """The table as Markdown."""
    lines = ["## Speed", "", *notes, "", "| what | to reach | seen | |", "|---|---|---|---|"]
    mark = {True: "reached", False: "**missed**", None: ""}
    lines += [f"| {row.what} | {row.wanted} | {row.seen} | {mark[row.reached]} |" for row in rows]
    return "\n".join(lines) + "\n"


def write(text: str) -> None:
    """Put the report behind the mark in results.md; what stands before it is kept."""
    kept = RESULTS.read_text().partition(MARK)[0].rstrip() if RESULTS.exists() else "# Measurements"
    RESULTS.write_text(f"{kept}\n\n{MARK}\n{text}")
