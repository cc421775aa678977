"""Running a statement that was written once, for every message, on the default database.

Django's cursor looks at each statement anew (placeholders, log, wrappers, threads), which takes several times what SQLite takes
to run a small one. Here a statement goes straight to the driver, unless somebody listens: a query log or a wrapper hears of it
as ever. On PostgreSQL the values travel beside the statement, which the server plans once for a connection.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections


class Result(NamedTuple):
    """What a statement gave, and how many rows it was about."""

    rows: Sequence[tuple[Any, ...]]
    row_count: int


def run(statement: str, parameters: Sequence[Any]) -> Result:
    """Run it; `%s` stands for each parameter, which is as the driver takes it. Raises Django's database errors."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.queries_logged or database.execute_wrappers:
        with database.cursor() as cursor:
            cursor.execute(statement, parameters)
            return _result(cursor)
    database.ensure_connection()
    database.validate_no_broken_transaction()
    with database.wrap_database_errors:
        if database.vendor == "sqlite":
            return _result(database.connection.execute(_with_question_marks(statement), parameters))
        with database.Database.Cursor(database.connection) as cursor:  # psycopg, which costs nothing where nothing needs it
            return _result(cursor.execute(statement, parameters, prepare=True))


def _result(cursor: Any) -> Result:
    return Result(cursor.fetchall() if cursor.description else (), cursor.rowcount)


@lru_cache(1024)
def _with_question_marks(statement: str) -> str:
    """As SQLite wants it; a percent sign that is meant comes doubled."""
    return "%".join(part.replace("%s", "?") for part in statement.split("%%"))
