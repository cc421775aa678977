"""Each row of PS3.4 Table F.7.2-1: missing, empty, invalid, too often and not allowed, by a strict station and by a lenient one."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Final

import pytest

from dimse import statuses
from dimse.services import Verb
from mpps import attributes, checking
from mpps.attributes import Row, Usage
from mpps.checking import Notice, Problem
from mpps.datasets import Json
from mpps.errors import Refused

STATUS: Final = "PerformedProcedureStepStatus"
ROWS: Final = tuple(row for row in attributes.rows() if row.keyword != "*")
GOOD: Final = {
    "AE": "CT01", "CS": "CT", "DA": "20260105", "DS": "1.5", "DT": "20260105093000", "IS": "3", "LO": "text", "SH": "text",
    "PN": {"Alphabetic": "DOE^Jane"}, "ST": "text", "TM": "093000", "UC": "text", "UI": "1.2.3", "UR": "urn:oid:1.2", "US": 3, "UT": "text",
}  # fmt: skip
BAD: Final = {
    "AE": "x" * 17, "CS": "lower", "DA": "2026-01-05", "DS": "much", "DT": "now", "IS": "1.5", "LO": "x" * 65, "SH": "x" * 17,
    "PN": {"Alphabetic": "x" * 65}, "ST": "x" * 1025, "TM": "half past nine", "UI": "1.02.3", "UR": "urn oid", "US": 70000,
}  # fmt: skip
"""A value that breaks the rules of its VR; UC and UT have none that a text can break."""
DECIDING: Final = ("DA", "TM", "UI")
"""VRs of what must have a value and then must be readable."""


def full(parent: str = "") -> Json:
    """A data set with a good value in every row."""
    found: Json = {}
    for row in attributes.rows_in(parent):
        good: object = full(row.path) if row.is_sequence else row.enumerated[0] if row.enumerated else GOOD[row.vr]
        found[row.tag] = {"vr": row.vr, "Value": ["IN PROGRESS" if row.keyword == STATUS else good]}
    return found


FULL: Final = full()


def holder(dataset: Json, row: Row) -> Json:
    """The item of the data set that holds the row's attribute."""
    path = ""
    for keyword in row.parent.split(".") if row.parent else ():
        path = f"{path}.{keyword}".lstrip(".")
        dataset = dataset[attributes.row(path).tag]["Value"][0]
    return dataset


def with_condition(row: Row) -> Json:
    """The full data set in which the condition of a row of type 1C holds."""
    dataset = deepcopy(FULL)
    how, *others = row.condition.split() or [""]
    for keyword in others if how == "without" else ():
        del holder(dataset, row)[attributes.row(f"{row.parent}.{keyword}").tag]
    return dataset


def create(dataset: Json) -> list[Problem]:
    return checking.problems_of_create(dataset)


def change(dataset: Json) -> list[Problem]:
    return checking.problems_of_set(dataset, FULL)


def final(dataset: Json) -> list[Problem]:
    return checking.problems_of_final(dataset)


Problems = Callable[[Json], list[Problem]]
USAGES: Final[dict[Usage, tuple[Verb, Problems, int]]] = {
    Usage.N_CREATE: (Verb.N_CREATE, create, statuses.MISSING_ATTRIBUTE),
    Usage.N_SET: (Verb.N_SET, change, statuses.MISSING_ATTRIBUTE_VALUE),
    Usage.FINAL: (Verb.N_SET, final, statuses.MISSING_ATTRIBUTE_VALUE),
}


def outcome(usage: Usage, dataset: Json, *, strict: bool = True) -> int | list[Notice]:
    """The status of the refusal, or the findings."""
    verb, problems, _ = USAGES[usage]
    try:
        return checking.settle(verb, problems(dataset), strict)
    except Refused as refused:
        assert refused.comment
        assert refused.offending
        return refused.status


def paths(outcome: int | list[Notice]) -> list[str]:
    assert not isinstance(outcome, int), f"{outcome:04X}"
    return [notice.attribute.replace("[1]", "") for notice in outcome]


def test_a_full_data_set_is_good_everywhere() -> None:
    assert [outcome(usage, deepcopy(FULL)) for usage in Usage] == [[], [], []]


each_module = pytest.mark.parametrize("module", sorted({row.module for row in ROWS}))
each_usage = pytest.mark.parametrize("usage", list(Usage))


def needed(row: Row, usage: Usage) -> str:
    """The type that is asked for, 1 or 2; empty for what may be absent, 1C without a condition that a data set tells among it."""
    asked = row.type_in(usage)
    if asked == "1C":
        return "1" if row.condition else ""
    return asked if asked in ("1", "2") else ""


@each_usage
@each_module
def test_missing(module: str, usage: Usage) -> None:
    for row in ROWS:
        if row.module != module or row.type_in(usage) == "-":
            continue
        dataset = with_condition(row)
        assert outcome(usage, dataset) == [], row
        del holder(dataset, row)[row.tag]
        if needed(row, usage):
            assert outcome(usage, dataset) == USAGES[usage][2], row
            assert row.path in paths(outcome(usage, dataset, strict=False))
        else:
            assert outcome(usage, dataset) == [], row


@each_usage
@each_module
def test_empty(module: str, usage: Usage) -> None:
    for row in ROWS:
        if row.module != module or row.type_in(usage) == "-":
            continue
        dataset = with_condition(row)
        holder(dataset, row)[row.tag] = {"vr": row.vr}
        if needed(row, usage) == "1":
            missing = statuses.MISSING_ATTRIBUTE if row.condition and usage is Usage.N_CREATE else 0
            assert outcome(usage, dataset) in (statuses.MISSING_ATTRIBUTE_VALUE, missing), row
            assert row.path in paths(outcome(usage, dataset, strict=False))
        else:
            assert outcome(usage, dataset) == [], row


def wrong(row: Row, element: Json) -> None:
    """An element that is wrong in itself: refused where a value is needed that must be readable, else a finding; not read in an N-SET
    where it may not be set."""
    for usage in (Usage.N_CREATE, Usage.N_SET):
        dataset = deepcopy(FULL)
        holder(dataset, row)[row.tag] = element
        strict = outcome(usage, dataset)
        if usage is Usage.N_SET and row.n_set == "-":
            assert strict == statuses.NO_SUCH_ATTRIBUTE, row
        elif row.is_required and (row.vr in DECIDING or row.is_sequence):
            assert strict == statuses.INVALID_ATTRIBUTE_VALUE, row
            assert row.path in paths(outcome(usage, dataset, strict=False))
        elif row.keyword == STATUS:
            assert strict == outcome(usage, dataset, strict=False) == statuses.INVALID_ATTRIBUTE_VALUE
        else:
            assert row.path in paths(strict), row


@each_module
def test_invalid(module: str) -> None:
    for row in ROWS:
        if row.module == module:
            other = "LO" if row.is_sequence else "UN"
            wrong(row, {"vr": row.vr if row.vr in BAD else other, "Value": [BAD.get(row.vr, "another text")]})


@each_module
def test_too_many_values(module: str) -> None:
    for row in ROWS:
        if row.module == module and row.most is not None and not row.is_sequence:
            wrong(row, {"vr": row.vr, "Value": holder(FULL, row)[row.tag]["Value"] * (row.most + 1)})


def test_not_in_the_enumeration() -> None:
    listed = [row for row in ROWS if row.enumerated]
    assert {row.keyword for row in listed} == {"PatientSex", "ArchiveRequested", "ContextGroupExtensionFlag", "UniversalEntityIDType"}
    for row in listed:
        wrong(row, {"vr": row.vr, "Value": ["SOMETHING ELSE"]})


def test_not_allowed_in_an_n_set() -> None:
    """Wherever it is: the sequence at the root that holds it is changed with it. An equal repeat is accepted."""
    for row in ROWS:
        if row.n_set != "-":
            continue
        dataset = deepcopy(FULL)
        if row.parent:
            del holder(dataset, row)[row.tag]
            assert outcome(Usage.N_SET, dataset) == statuses.NO_SUCH_ATTRIBUTE, row
        root = attributes.row(row.path.partition(".")[0])
        dataset = {root.tag: {"vr": root.vr}}
        assert outcome(Usage.N_SET, dataset) == statuses.NO_SUCH_ATTRIBUTE, row
        assert paths(outcome(Usage.N_SET, dataset, strict=False)) == [root.path]


@pytest.mark.parametrize("usage", [Usage.N_CREATE, Usage.N_SET])
def test_what_has_no_row_is_left_alone(usage: Usage) -> None:
    extra = {"00091001": {"vr": "LO", "Value": ["x" * 99]}, "00181030": {"vr": "LO", "Value": ["at the root"]}}
    items = deepcopy(FULL)
    for row in attributes.rows():
        if row.is_sequence and (usage is Usage.N_CREATE or row.n_set != "-"):
            holder(items, row)[row.tag]["Value"][0] |= extra
    assert outcome(usage, items | extra) == []


def test_a_status_that_cannot_be_read_is_refused_from_everybody() -> None:
    dataset = deepcopy(FULL)
    dataset[attributes.row(STATUS).tag] = {"vr": "UN", "InlineBinary": "AAA="}
    refused = partial(outcome, Usage.N_CREATE, dataset)
    assert refused(strict=True) == refused(strict=False) == statuses.INVALID_ATTRIBUTE_VALUE
