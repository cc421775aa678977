"""The 87 codes of CID 9300 (PS3.16), what each does, and a hospital that decides otherwise."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.rules import Outcome, Performed, of_performed
from mpps.outcomes import outcome
from mpps.reasons import reasons
from ris.transitions import STARTED, TRANSITIONS


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The hospital's own file, which is read when reasons are asked for first."""
    path = tmp_path / "reasons.csv"
    monkeypatch.setattr(settings, "DISCONTINUATION_REASONS", str(path))
    reasons.cache_clear()
    yield path
    reasons.cache_clear()


def worth(code: str, scheme: str, instances: int = 3) -> Outcome:
    return of_performed(Performed(1, False, instances, code, scheme))


def test_each_reason_has_a_consequence_for_the_step_and_for_the_charge() -> None:
    assert len(reasons()) == 87
    for one in reasons().values():
        assert STARTED in TRANSITIONS[outcome("DISCONTINUED", one.code, one.scheme, one.meaning).verb].sources
        assert worth(one.code, one.scheme) is Outcome(one.charge)
        assert worth(one.code, one.scheme, 0) is Outcome.NONE


@pytest.mark.parametrize(
    ("code", "step", "charge"),
    [
        ("110514", "put_back", "nothing"),  # incorrect worklist entry selected
        ("110507", "put_back", "review"),  # patient did not arrive
        ("110528", "put_back", "review"),  # rescheduled
        ("110529", "discontinue", "review"),  # rescheduling is recommended only: people decide
        ("110501", "discontinue", "reduced"),  # equipment failure
        ("110510", "discontinue", "nothing"),  # duplicate order
        ("110504", "discontinue", "review"),  # patient died
    ],
)
def test_what_a_reason_does(code: str, step: str, charge: str) -> None:
    assert (reasons()[code].step, reasons()[code].charge) == (step, charge)


def test_a_code_of_another_scheme_is_no_reason_of_the_table() -> None:
    assert outcome("DISCONTINUED", "110514", "99LOCAL", "").verb == "discontinue"
    assert worth("110514", "99LOCAL") is Outcome.REVIEW


def test_a_hospital_decides_otherwise(file: Path) -> None:
    file.write_text("code,step,charge\n110501,put_back,nothing\n")
    assert outcome("DISCONTINUED", "110501", "DCM", "").verb == "put_back"
    assert worth("110501", "DCM") is Outcome.NONE
    assert reasons()["110505"].charge == "reduced"


@pytest.mark.parametrize("line", ["4711,discontinue,review", "110501,forget,review", "110501,discontinue,double", "110501"])
def test_a_file_that_says_something_else_is_named_with_the_line(file: Path, line: str) -> None:
    file.write_text(f"code,step,charge\n110505,discontinue,review\n{line}\n")
    with pytest.raises(ImproperlyConfigured, match="line 3 of"):
        reasons()


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        reasons()
