"""What the standard asks of the attributes of an MPPS: PS3.4 Table F.7.2-1 with its code macros, as data (`attributes.csv`).

The billing and dose modules, which the table takes in by an open-ended row, are listed one by one. Columns:

| column | meaning |
|---|---|
| path | keywords from the root of the data set on; `*` stands for every attribute that has no row of its own |
| tag, vr, vm | PS3.6 |
| n_create, n_set | type for the SCU: 1, 2, 3, 1C; `-` may not be in an N-SET |
| final | type that must hold when the step becomes final: 1, 2 or none (PS3.4 F.7.2.2.2) |
| module | module of PS3.3 |
| source | table of PS3.4, unless another part is named |
| condition | of type 1C: `with A B` where one of these has a value in the same item, `without A B` where none has; empty: nobody can tell |
| values | enumerated values (PS3.3); empty where there are none |
"""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType

_TABLE = Path(__file__).with_name("attributes.csv")
_ANY = "*"


class Usage(StrEnum):
    """Columns of the table that a data set can be held against."""

    N_CREATE = "n_create"
    N_SET = "n_set"
    FINAL = "final"


@dataclass(frozen=True)
class Row:
    """One row. `parent` is the path of the sequence that holds the attribute, empty at the root."""

    path: str
    tag: str
    vr: str
    vm: str
    n_create: str
    n_set: str
    final: str
    module: str
    source: str
    condition: str
    values: str

    @cached_property
    def parent(self) -> str:
        return self.path.rpartition(".")[0]

    @cached_property
    def keyword(self) -> str:
        return self.path.rpartition(".")[2]

    @cached_property
    def is_sequence(self) -> bool:
        return self.vr == "SQ"

    @cached_property
    def most(self) -> int | None:
        """The most values that it may have; None where there may be any number."""
        upper = self.vm.rpartition("-")[2]
        return int(upper) if upper.isdigit() else None

    @cached_property
    def enumerated(self) -> tuple[str, ...]:
        return tuple(self.values.split())

    @cached_property
    def depends_on(self) -> tuple[bool, tuple[str, ...]]:
        """The condition: whether one of these tags must have a value, or else none of them be there, for the attribute to be needed."""
        how, *keywords = self.condition.split() or [""]
        return how == "with", tuple(_tag_in(self.parent, keyword) for keyword in keywords)

    @cached_property
    def is_required(self) -> bool:
        """Whether there must be a value, at creation or in the final state."""
        return "1" in (self.n_create, self.final)

    def type_in(self, usage: Usage) -> str:
        """`1`, `1C`, `2`, `3`, `-` (not allowed) or empty (nothing asked)."""
        return str(getattr(self, usage.value))


@cache
def rows() -> tuple[Row, ...]:
    """All rows, in the order of the table."""
    with _TABLE.open(encoding="ascii", newline="") as file:
        return tuple(Row(**line) for line in csv.DictReader(file))


@cache
def _by_parent() -> Mapping[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows():
        if row.keyword != _ANY:
            found[row.parent].append(row)
    return MappingProxyType({parent: tuple(children) for parent, children in found.items()})


@cache
def _by_path() -> Mapping[str, Row]:
    return MappingProxyType({row.path: row for row in rows()})


def rows_in(parent: str = "") -> tuple[Row, ...]:
    """Rows of the attributes right inside the sequence at path `parent`; those of the root by default."""
    return _by_parent().get(parent, ())


@cache
def asked_in(usage: Usage, parent: str = "") -> tuple[tuple[Row, str], ...]:
    """Of `rows_in` those that a usage asks something of, each with its type there: type 1 or 2, 1C with a condition, or holding such."""
    typed = ((row, row.type_in(usage)) for row in rows_in(parent))
    return tuple((row, needed) for row, needed in typed if _asks(row, needed) or (row.is_sequence and asked_in(usage, row.path)))


def _asks(row: Row, needed: str) -> bool:
    return needed in ("1", "2") or (needed == "1C" and bool(row.condition))


def _tag_in(parent: str, keyword: str) -> str:
    return row(f"{parent}.{keyword}" if parent else keyword).tag


def row(path: str) -> Row:
    """The row of a path; KeyError when the table has none."""
    return _by_path()[path]


@cache
def not_allowed_in_n_set() -> Mapping[str, Row]:
    """Rows by tag of the root attributes that no N-SET may change."""
    return MappingProxyType({row.tag: row for row in rows_in() if row.n_set == "-"})
