"""Rows by the hundred: what `bulk_create` does, at a fraction of its cost, for plain new rows.

`bulk_create` compiles each value of each row into SQL; here a statement is compiled once for a model. On SQLite it runs by
`executemany`, on PostgreSQL the rows go by COPY. No signals, no expressions, no defaults of the database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)

_AS_THEY_ARE = (
    models.BinaryField, models.BooleanField, models.CharField, models.ForeignKey, models.IntegerField, models.TextField,
)  # fmt: skip
_REMEMBERED = 2048  # values of a column in the form that the database wants


@dataclass(frozen=True)
class _Plan:
    """How rows of a model are written: `convert` lists the columns (by position) whose values the database wants in another form."""

    table: str
    columns: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    convert: tuple[tuple[int, Callable[[Any], Any]], ...]

    def row(self, one: models.Model) -> list[Any]:
        values = list(self.read(one.__dict__))
        for position, converted in self.convert:
            value = values[position]
            if value is not None:
                values[position] = converted(value)
        return values


def unsaved(model: type[M], columns: Mapping[str, Any], **related: models.Model) -> M:
    """A new instance as `model(**columns)` gives it, made as unpickling makes one: without signals and checks of each column.

    `columns` are named as attributes of an instance are, a foreign key by its `…_id`. `related` are records that some of these stand for.
    """
    constants, made = _defaults(model)
    one = model.__new__(model)
    state = ModelState()
    if related:
        state.fields_cache = dict(related)
    one.__dict__ = {**constants, **{name: make() for name, make in made if name not in columns}, **columns, "_state": state}
    return one


@lru_cache
def _defaults(model: type[models.Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """What columns are that nobody names: those that are the same for all rows, and those that are made for each."""
    fields = model._meta.concrete_fields
    made = [(field.attname, field.get_default) for field in fields if callable(field.default) and field.has_default()]
    return {field.attname: None if field.primary_key else field.get_default() for field in fields}, made


def insert(rows: Sequence[models.Model]) -> None:
    """Insert new instances of one model and give each its primary key. Call it inside a transaction.

    Raises what the database raises for a row that breaks a constraint; values are not validated.
    """
    if not rows:
        return
    model = type(rows[0])
    plan = _plan(model, connection.vendor)
    if isinstance(model._meta.pk, models.AutoField):
        name = model._meta.pk.attname
        for one, key in zip(rows, _new_keys(plan.table, model._meta.pk.get_attname(), len(rows)), strict=True):
            setattr(one, name, key)
    names = ", ".join(plan.columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with connection.wrap_database_errors, cursor.copy(f"COPY {plan.table} ({names}) FROM STDIN") as copy:
                for one in rows:
                    copy.write_row(plan.row(one))
        else:
            places = ", ".join(["%s"] * len(plan.columns))
            cursor.executemany(f"INSERT INTO {plan.table} ({names}) VALUES ({places})", list(map(plan.row, rows)))
    alias = connection.alias
    for one in rows:
        one._state.adding = False
        one._state.db = alias


def insert_one(row: M) -> M:
    """Insert one new instance, whose key the database gives, and return it: what `save` does, less signals and validation."""
    plan = _plan(type(row), connection.vendor)
    key = type(row)._meta.pk
    at = plan.columns.index(connection.ops.quote_name(key.column or key.attname))
    columns, values = [*plan.columns[:at], *plan.columns[at + 1 :]], plan.row(row)
    del values[at]
    places = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {plan.table} ({', '.join(columns)}) VALUES ({places}) RETURNING {plan.columns[at]}", values)
        setattr(row, key.attname, cursor.fetchone()[0])
    row._state.adding = False
    row._state.db = connection.alias
    return row


def _new_keys(table: str, column: str, count: int) -> Sequence[int]:
    """Primary keys that nobody else gets: on SQLite the transaction has the only pen, on PostgreSQL the sequence gives them out."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)", [table, column, count])
            return [key for (key,) in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table.strip('"')])
        found = cursor.fetchone()
        last = found[0] if found else 0
        return range(last + 1, last + 1 + count)


@lru_cache
def _plan(model: type[models.Model], vendor: str) -> _Plan:
    fields = model._meta.concrete_fields
    quote = connection.ops.quote_name
    return _Plan(
        quote(model._meta.db_table),
        tuple(quote(field.get_attname_column()[1] or field.attname) for field in fields),
        itemgetter(*(field.attname for field in fields)),
        tuple((position, _converter(field)) for position, field in enumerate(fields) if not isinstance(field, _AS_THEY_ARE)),
    )


def _converter(field: "models.Field[Any, Any]") -> Callable[[Any], Any]:
    """What makes the database's value of one that is not None. Dates and times, of which many rows share one, are converted once."""
    if isinstance(field, models.JSONField):
        return _json_converter(field)
    if isinstance(field, models.DateTimeField):
        adapt = lru_cache(_REMEMBERED)(connection.ops.adapt_datetimefield_value)
        return lambda moment: adapt(moment.astimezone(UTC))  # elsewhere the two moments of a repeated hour are equal
    return lru_cache(_REMEMBERED)(partial(field.get_db_prep_save, connection=connection))


def _json_converter(field: "models.JSONField[Any, Any]") -> Callable[[Any], Any]:
    adapt = partial(connection.ops.adapt_json_value, encoder=field.encoder)
    no_list, no_dict = adapt([]), adapt({})

    def converted(value: Any) -> Any:
        if value == []:
            return no_list
        return adapt(value) if value != {} else no_dict

    return converted
