"""What a run says at its end besides pytest's own words: how many rows of docs/conformance.md, "What bad input gets", were right."""

import pytest

ROW = "row of bad input"
"""The property by which a test says which row it has tried."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tried = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" and ROW in dict(report.user_properties)
    ]
    if tried:
        right = sum(report.passed for report in tried)
        terminalreporter.write_line(f"Bad input: {right} of {len(tried)} rows right")
