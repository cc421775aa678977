"""Rows by the hundred: what `bulk_create` does, at a fraction of its cost, for plain new rows.

`bulk_create` compiles each value of each row into SQL; here a statement is compiled once for a model. On SQLite it runs by
`executemany`, on PostgreSQL the rows go by COPY. No signals, no expressions, no defaults of the database.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState

from ris.statements import run

M = TypeVar("M", bound=models.Model)

_AS_THEY_ARE = (
    models.BinaryField, models.BooleanField, models.CharField, models.ForeignKey, models.IntegerField, models.TextField,
)  # fmt: skip
_AT_ONCE = 100  # rows of a statement
_REMEMBERED = 2048  # values of a column in the form that the database wants


@dataclass(frozen=True)
class _Plan:
    """How rows of a model are written: `convert` lists the columns (by position) whose values the database wants in another form."""

    table: str
    columns: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    convert: tuple[tuple[int, Callable[[Any], Any]], ...]

    def statement(self, rows: int = 1) -> str:
        one = f"({', '.join(['%s'] * len(self.columns))})"
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) VALUES {', '.join([one] * rows)}"

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


def loaded(model: type[M], columns: dict[str, Any]) -> M:
    """A stored instance with these columns, as `model.from_db` gives it less signals; the others are read when they are asked for."""
    one = model.__new__(model)
    state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    one.__dict__ = columns | {"_state": state}
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
    plan = _plan(model)
    if isinstance(model._meta.pk, models.AutoField):
        name = model._meta.pk.attname
        for one, key in zip(rows, _new_keys(plan.table, model._meta.pk.get_attname(), len(rows)), strict=True):
            setattr(one, name, key)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            names = ", ".join(plan.columns)
            with connection.wrap_database_errors, cursor.copy(f"COPY {plan.table} ({names}) FROM STDIN") as copy:
                for one in rows:
                    copy.write_row(plan.row(one))
        else:
            cursor.executemany(plan.statement(), list(map(plan.row, rows)))
    _inserted(rows)


def insert_one(row: M) -> M:
    """Insert one new instance, whose key the database gives, and return it: what `save` does, less signals and validation."""
    ((row.pk,),) = run(_returning(type(row)), _keyless(type(row)).row(row)).rows
    _inserted([row])
    return row


def insert_few(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> None:
    """Insert some new instances of one model, whose keys nobody asks for, by one statement.

    With `ignore_conflicts` a row that would break a constraint of uniqueness is left out.
    """
    if not rows:
        return
    plan = _keyless(type(rows[0]))
    for some in (rows[at : at + _AT_ONCE] for at in range(0, len(rows), _AT_ONCE)):
        statement = plan.statement(len(some)) + (" ON CONFLICT DO NOTHING" if ignore_conflicts else "")
        run(statement, [value for one in some for value in plan.row(one)])
    _inserted(rows)


def _inserted(rows: Iterable[models.Model]) -> None:
    for one in rows:
        one._state.adding = False
        one._state.db = DEFAULT_DB_ALIAS


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
def _plan(model: type[models.Model]) -> _Plan:
    return _plan_of(model, model._meta.concrete_fields)


@lru_cache
def _keyless(model: type[models.Model]) -> _Plan:
    """The plan of rows whose keys the database gives."""
    return _plan_of(model, [field for field in model._meta.concrete_fields if not field.primary_key])


@lru_cache
def _returning(model: type[models.Model]) -> str:
    key = model._meta.pk.column or model._meta.pk.attname
    return f"{_keyless(model).statement()} RETURNING {connection.ops.quote_name(key)}"


def _plan_of(model: type[models.Model], fields: "Sequence[models.Field[Any, Any]]") -> _Plan:
    quote = connection.ops.quote_name
    return _Plan(
        quote(model._meta.db_table),
        tuple(quote(field.get_attname_column()[1] or field.attname) for field in fields),
        itemgetter(*(field.attname for field in fields)),
        tuple((position, convert) for position, field in enumerate(fields) if (convert := converter(field)) is not None),
    )


def converter(field: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    """What makes the database's value of one that is not None; None when it wants it as it is.

    Dates and times, of which many rows share one, are converted once.
    """
    if isinstance(field, _AS_THEY_ARE):
        return None
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
