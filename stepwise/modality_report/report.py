"""The report: each check with how many messages passed and failed, and the first that failed; as a page and as files."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from ris.models import Site
from stepwise.modality_report import heard as hearing
from stepwise.modality_report.checks import CHECKS, Check
from stepwise.modality_report.heard import Heard
from stepwise.modality_report.judging import Verdict, judged

EXAMPLES: Final = 5
_QUOTED: Final = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_MASK: Final = "'•••'"


@dataclass
class Result:
    """How a check went; `examples` are the first messages that failed it."""

    check: Check
    passed: int = 0
    failed: int = 0
    examples: list[Verdict] = field(default_factory=list)

    @property
    def state(self) -> str:
        return "failed" if self.failed else "passed" if self.passed else "not seen"

    def add(self, verdict: Verdict) -> None:
        if not verdict.text:
            self.passed += 1
            return
        self.failed += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(verdict)


@dataclass(frozen=True)
class Report:
    heard: Heard
    results: tuple[Result, ...]

    @property
    def counts(self) -> dict[str, int]:
        states = [result.state for result in self.results]
        return {name: states.count(state) for name, state in (("failed", "failed"), ("passed", "passed"), ("unseen", "not seen"))}

    @property
    def failing(self) -> set[str]:
        return {result.check.code for result in self.results if result.failed}

    @property
    def heading(self) -> str:
        messages = sum(len(instance.told) for instance in self.heard.instances)
        return (
            f"{len(self.heard.associations)} associations, {len(self.heard.asked)} worklist queries, "
            f"{messages} MPPS messages about {len(self.heard.instances)} performed steps"
        )

    def masked(self) -> "Report":
        """Without the values that were sent: only which attribute it was, and why."""
        hidden = [replace(one, examples=[replace(example, text=masked(example.text)) for example in one.examples]) for one in self.results]
        return replace(self, results=tuple(hidden))

    def by_subject(self) -> list[tuple[str, list[Result]]]:
        subjects = dict.fromkeys(result.check.about for result in self.results)
        return [(subject, [one for one in self.results if one.check.about == subject]) for subject in subjects]


def masked(text: str) -> str:
    """Values stand in quotation marks, as `repr` puts them."""
    return _QUOTED.sub(_MASK, text)


def of(site: Site, ae_title: str, start: datetime, end: datetime) -> Report:
    """What came from the AE title at or after `start` and before `end`."""
    found = hearing.from_station(site, ae_title, start, end)
    results = {check.code: Result(check) for check in CHECKS}
    for verdict in judged(found):
        results[verdict.code].add(verdict)
    return Report(found, tuple(results.values()))


def as_json(report: Report) -> str:
    return json.dumps(_plain(report), indent=2, ensure_ascii=False)


def _plain(report: Report) -> dict[str, Any]:
    found = report.heard
    return {
        "station": found.ae_title,
        "from": found.start.isoformat(),
        "to": found.end.isoformat(),
        "heard": report.heading,
        "checks": [
            {
                "check": one.check.code,
                "about": one.check.about,
                "asked": f"The modality {one.check.asked}",
                "paragraph": one.check.paragraph,
                "state": one.state,
                "passed": one.passed,
                "failed": one.failed,
                "advice": one.check.advice if one.failed else "",
                "examples": [{"time": example.at.isoformat(timespec="seconds"), "text": example.text} for example in one.examples],
            }
            for one in report.results
        ],
    }


def as_csv(report: Report) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(("check", "about", "asked", "paragraph", "state", "passed", "failed", "advice", "examples"))
    writer.writerows(_rows(report))
    return buffer.getvalue()


def _rows(report: Report) -> Iterator[tuple[object, ...]]:
    for one in report.results:
        check = one.check
        told = " | ".join(f"{example.at:%Y-%m-%d %H:%M:%S} {example.text}" for example in one.examples)
        advice = check.advice if one.failed else ""
        yield check.code, check.about, check.asked, check.paragraph, one.state, one.passed, one.failed, advice, told
