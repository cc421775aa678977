"""Queries that are asked for every message: written as any queryset, compiled into SQL once, and asked with other values each time.

Most of what a small query costs is Django compiling it; a process has one default database, so that once is enough. What a
prepared one gives is what its queryset gives, related records included.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models import sql
from django.db.models.expressions import Expression, RawSQL
from django.db.models.query import get_related_populators

from ris.insertion import converter, loaded
from ris.statements import run

M = TypeVar("M", bound=models.Model)

_related: Any = get_related_populators  # the stubs describe it as it is in a later Django


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where the value of a name goes."""

    name: str


def _slots(names: Iterable[str]) -> dict[str, RawSQL]:
    return {name: RawSQL("%s", (_Slot(name),)) for name in names}


def _filled(parameters: Iterable[Any], given: Mapping[str, Any]) -> list[Any]:
    return [given[one.name] if isinstance(one, _Slot) else one for one in parameters]


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
            one = loaded(self.model, dict(zip(self.names, values[self.columns], strict=True)))
            for populator in self.related:
                populator.populate(values, one)
            yield one


class Prepared(Generic[M]):
    """`build` makes the queryset of what stands for the values, which are named like its parameters: plain columns, not None, no lists."""

    def __init__(self, build: Callable[..., models.QuerySet[M]], *names: str) -> None:
        self._build = build
        self._names = names
        self._plan: _Plan[M] | None = None

    def __call__(self, *values: Any) -> list[M]:
        """The instances for these values, in the order of the names."""
        plan = self._plan = self._plan or self._compiled()
        found = run(plan.sql, _filled(plan.parameters, dict(zip(self._names, values, strict=True))))
        return list(plan.instances(found.rows))

    def first(self, *values: Any) -> M | None:
        """The first instance, if there is one."""
        return next(iter(self(*values)), None)

    def _compiled(self) -> _Plan[M]:
        queryset = self._build(*_slots(self._names).values())
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


class PreparedUpdate(Generic[M]):
    """An UPDATE of rows that `build` gives, as for `Prepared`: it sets `columns` to values, and what `expressions` name to those."""

    def __init__(self, build: Callable[..., models.QuerySet[M]], *names: str, columns: Sequence[str], **expressions: Expression) -> None:
        self._build = build
        self._names = names
        self._columns = columns
        self._expressions = expressions
        self._plan: tuple[str, tuple[Any, ...], dict[str, Callable[[Any], Any]]] | None = None

    def __call__(self, *values: Any, **columns: Any) -> int:
        """Set the columns, named as those of the model, of the rows for these values; returns how many rows there are."""
        statement, parameters, converters = self._plan = self._plan or self._compiled()
        for name, convert in converters.items():
            if columns[name] is not None:
                columns[name] = convert(columns[name])
        return run(statement, _filled(parameters, columns | dict(zip(self._names, values, strict=True)))).row_count

    def _compiled(self) -> tuple[str, tuple[Any, ...], dict[str, Callable[[Any], Any]]]:
        if set(self._names) & set(self._columns):
            raise TypeError("a value and a column have the same name")
        queryset = self._build(*_slots(self._names).values())
        query: Any = queryset.query.chain(sql.UpdateQuery)  # the stubs know of no values
        query.add_update_values(_slots(self._columns) | self._expressions)
        statement, parameters = query.get_compiler(connection=connection).as_sql()
        fields = [field for field in queryset.model._meta.concrete_fields if field.name in self._columns]
        converters = {field.name: convert for field in fields if (convert := converter(field)) is not None}
        return statement, tuple(parameters), converters
