"""Queries that are asked for every message: written as any queryset, compiled into SQL once, and asked with other values each time.

Most of what a small query costs is Django compiling it. What a prepared one gives is what its queryset gives, related records included.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.expressions import RawSQL
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)

_related: Any = get_related_populators  # the stubs describe it as it is in a later Django


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where the value of a name goes."""

    name: str


@dataclass(frozen=True, slots=True)
class _Plan(Generic[M]):
    """A compiled query: its SQL, what its parameters are (slots among them), and how instances are made of its rows."""

    sql: str
    parameters: tuple[Any, ...]
    model: type[M]
    columns: slice
    names: list[str]
    converters: list[tuple[int, list[Any], Any]]
    related: list[Any]

    def instances(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[M]:
        for row in rows:
            values = list(row)
            for position, converters, column in self.converters:
                for convert in converters:
                    values[position] = convert(values[position], column, connection)
            one = self.model.from_db(connection.alias, self.names, values[self.columns])
            for populator in self.related:
                populator.populate(values, one)
            yield one


class Prepared(Generic[M]):
    """`build` makes the queryset of what stands for the values, which are named like its parameters: plain columns, not None, no lists."""

    def __init__(self, build: Callable[..., models.QuerySet[M]], *names: str) -> None:
        self._build = build
        self._names = names
        self._plans: dict[str, _Plan[M]] = {}

    def __call__(self, *values: Any) -> list[M]:
        """The instances for these values, in the order of the names."""
        plan = self._plans.get(connection.vendor) or self._plans.setdefault(connection.vendor, self._compiled())
        given = dict(zip(self._names, values, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, [given[one.name] if isinstance(one, _Slot) else one for one in plan.parameters])
            return list(plan.instances(cursor.fetchall()))

    def first(self, *values: Any) -> M | None:
        """The first instance, if there is one."""
        return next(iter(self(*values)), None)

    def _compiled(self) -> _Plan[M]:
        queryset = self._build(*(RawSQL("%s", (_Slot(name),)) for name in self._names))
        compiler = queryset.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        made, select = compiler.klass_info, compiler.select
        if made is None or select is None:
            raise TypeError(f"{queryset.model.__name__} is not what the query gives")
        own = made["select_fields"]
        columns = slice(own[0], own[-1] + 1)
        converters = compiler.get_converters([column for column, _, _ in select])
        return _Plan(
            sql,
            tuple(parameters),
            queryset.model,
            columns,
            [column.target.attname for column, _, _ in select[columns]],
            [(position, found, column) for position, (found, column) in converters.items()],
            _related(made, select, connection.alias),
        )
