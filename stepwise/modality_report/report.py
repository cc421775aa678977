"""The report: each check with how many messages passed and failed, and the first that failed; as a page and as files."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from dimse.models import Message
from ris import clock
from ris.models import Site
from ris.web import csv_files
from stepwise import quoted
from stepwise.modality_report import heard as hearing
from stepwise.modality_report.checks import CHECKS, Check
from stepwise.modality_report.heard import Asked, Heard, Told
from stepwise.modality_report.judging import judged
from stepwise.modality_report.verdicts import Verdict

EXAMPLES: Final = 5
_MASK: Final = "'•••'"
Exchanges = Mapping[int, tuple[Message, Message | None]]
"""Requests with their responses, by the number of the request in the journal."""


@dataclass(frozen=True)
class Example:
    """A verdict on a message that failed, and in `what` which message it was, so that its vendor finds it in a log of its own."""

    verdict: Verdict
    what: str = ""

    @property
    def told(self) -> str:
        return f"{self.what}: {self.verdict.text}" if self.what else self.verdict.text


@dataclass
class Result:
    """How a check went; `examples` are the first messages that failed it."""

    check: Check
    passed: int = 0
    failed: int = 0
    examples: list[Example] = field(default_factory=list)

    @property
    def judged(self) -> int:
        return self.passed + self.failed

    @property
    def state(self) -> str:
        return "failed" if self.failed else "passed" if self.passed else "not seen"

    def add(self, verdict: Verdict, exchanges: Exchanges) -> None:
        if not verdict.text:
            self.passed += 1
            return
        self.failed += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(Example(verdict, _what(exchanges.get(verdict.message or 0))))


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
            f"{_count(len(self.heard.associations), 'association')}, {_count(len(self.heard.asked), 'worklist quer', 'y', 'ies')}, "
            f"{_count(messages, 'MPPS message')} about {_count(len(self.heard.instances), 'performed step')}"
        )

    @property
    def software(self) -> list[str]:
        """What the modality calls its implementation (PS3.7 D.3.3.2): which version it was that sent this."""
        return list(dict.fromkeys(one.implementation for one in self.heard.associations if one.implementation))

    @property
    def to_mend(self) -> list[Result]:
        """What the vendor has to look at."""
        return [result for result in self.results if result.failed]

    def masked(self) -> "Report":
        """Without the values that were sent: only which attribute it was, and why."""
        return replace(self, results=tuple(replace(one, examples=list(map(_masked, one.examples))) for one in self.results))

    def by_subject(self) -> list[tuple[str, list[Result]]]:
        subjects = dict.fromkeys(result.check.about for result in self.results)
        return [(subject, [one for one in self.results if one.check.about == subject]) for subject in subjects]


def _masked(example: Example) -> Example:
    return replace(example, verdict=replace(example.verdict, text=masked(example.verdict.text)))


def masked(text: str) -> str:
    """A sentence without the values that it quotes. AE titles of associations stay, for they are no patient's."""
    return quoted.masked(text, _MASK, behind="AE title ", before=" may not call")


def of(site: Site, ae_title: str, start: datetime, end: datetime) -> Report:
    """What came from the AE title at or after `start` and before `end`."""
    found = hearing.from_station(site, ae_title, start, end)
    results = {check.code: Result(check) for check in CHECKS}
    heard: list[Asked | Told] = [*found.asked, *(told for instance in found.instances for told in instance.told)]
    exchanges = {one.message.pk: (one.message, one.response) for one in heard}
    for verdict in judged(found):
        results[verdict.code].add(verdict, exchanges)
    return Report(found, tuple(results.values()))


def _what(exchange: tuple[Message, Message | None] | None) -> str:
    """`N-SET, Message ID 3, answered 0110H`; empty for an association."""
    if exchange is None:
        return ""
    asked, answer = exchange
    answered = "not answered" if answer is None or answer.status is None else f"answered {answer.status:04X}H"
    return f"{asked.service}, Message ID {asked.message_id}, {answered}"


def _count(number: int, what: str, one: str = "", several: str = "s") -> str:
    return f"{number} {what}{one if number == 1 else several}"


def _at(report: Report, moment: datetime) -> str:
    """On the hospital's clock, with its offset."""
    return clock.local(moment, report.heard.site).isoformat(timespec="seconds")


def as_json(report: Report) -> str:
    return json.dumps(_plain(report), indent=2, ensure_ascii=False)


def _plain(report: Report) -> dict[str, Any]:
    found = report.heard
    return {
        "station": found.ae_title,
        "from": _at(report, found.start),
        "to": _at(report, found.end),
        "heard": report.heading,
        "software": report.software,
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
                "examples": [
                    {"time": _at(report, example.verdict.at), "message": example.what, "text": example.verdict.text}
                    for example in one.examples
                ],
            }
            for one in report.results
        ],
    }


def as_csv(report: Report) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(("check", "about", "asked", "paragraph", "state", "passed", "failed", "advice", "examples"))
    writer.writerows([csv_files.safe(str(cell)) for cell in row] for row in _rows(report))
    return buffer.getvalue()


def _rows(report: Report) -> Iterator[tuple[object, ...]]:
    for one in report.results:
        check = one.check
        told = " | ".join(f"{_at(report, example.verdict.at)} {example.told}" for example in one.examples)
        advice = check.advice if one.failed else ""
        yield check.code, check.about, check.asked, check.paragraph, one.state, one.passed, one.failed, advice, told
