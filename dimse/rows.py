"""Rows of the journal, by statements compiled once: `bulk_create` compiles each value of each row, most of what a message cost."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import connections, models

from dimse.models import Association
from dimse.routers import JOURNAL_DATABASE
from dimse.summaries import Marks

_REMEMBERED = 256  # keys that many rows share
_AS_THEY_ARE = (models.BinaryField, models.CharField, models.FloatField, models.IntegerField, models.TextField)


class Rows:
    """Inserts rows of one model, each a value for every column (by attribute) but a key that the database gives."""

    def __init__(self, model: type[models.Model]) -> None:
        fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
        connection = connections[JOURNAL_DATABASE]
        names = ", ".join(connection.ops.quote_name(field.get_attname_column()[1] or field.attname) for field in fields)
        table = connection.ops.quote_name(model._meta.db_table)
        self._sql = f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(fields))})"
        self._values = itemgetter(*(field.attname for field in fields))
        self._odd = [(position, how) for position, how in enumerate(map(_as_stored, fields)) if how is not None]

    def insert(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Call it inside a transaction. Raises KeyError for a row without one of the columns, and what the database raises."""
        stored = [self._stored(row) for row in rows]
        if stored:
            with connections[JOURNAL_DATABASE].cursor() as cursor:
                cursor.executemany(self._sql, stored)

    def _stored(self, row: Mapping[str, Any]) -> list[Any]:
        values = list(self._values(row))
        for position, how in self._odd:
            values[position] = how(values[position])
        return values


def _as_stored(field: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    """What makes the database's value of a Python one; None where they are the same."""
    if isinstance(field, _AS_THEY_ARE):
        return None
    stored = partial(field.get_db_prep_save, connection=connections[JOURNAL_DATABASE])
    return lru_cache(_REMEMBERED)(stored) if isinstance(field, models.ForeignKey) else stored


def mark(marks: Mapping[UUID, Marks]) -> None:
    """Add to what the rows of associations say of their messages. Call it inside a transaction."""
    if marks:
        connection = connections[JOURNAL_DATABASE]
        key = partial(Association._meta.pk.get_db_prep_save, connection=connection)
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {Association._meta.db_table} SET asked = asked | %s, came = came | %s WHERE id = %s",
                [(asked, came, key(association)) for association, (asked, came) in marks.items()],
            )
