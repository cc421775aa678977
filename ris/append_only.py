"""Tables to which rows are added and nothing else: the database itself refuses UPDATE, DELETE and, on SQLite, REPLACE, for migrations.

REPLACE deletes without a word to the triggers of DELETE, unless the connection asked for it (`PRAGMA recursive_triggers`), as no other
program's does. So a row whose primary key is taken is refused before it is added; what PostgreSQL has for REPLACE is an UPDATE to it.

A migration that remakes such a table on SQLite (which copies and drops it, and its triggers with it) has to call `protect` again; a test
looks at every table of `PROTECTED`.
"""

from collections.abc import Iterator
from typing import Final

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PROTECTED: Final = ("ris_auditrecord", "ris_auditedpatient")
_WHY: Final = "the audit trail is append-only"


def protect(schema_editor: BaseDatabaseSchemaEditor, table: str) -> None:
    """Give the table its triggers."""
    for statement in guards(schema_editor.connection.vendor, table):
        schema_editor.execute(statement, params=None)


def unprotect(schema_editor: BaseDatabaseSchemaEditor, table: str) -> None:
    for name in names(schema_editor.connection.vendor, table):
        on = f" ON {table}" if schema_editor.connection.vendor == "postgresql" else ""
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}{on}", params=None)


def names(vendor: str, table: str) -> list[str]:
    """Of the triggers of a table."""
    return [f"{table}_no_{verb.lower()}" for verb in _verbs(vendor)]


def _verbs(vendor: str) -> tuple[str, ...]:
    return ("UPDATE", "DELETE", "TRUNCATE" if vendor == "postgresql" else "REPLACE")


def guards(vendor: str, table: str) -> Iterator[str]:
    """The statements that make the triggers; on SQLite those which are lacking."""
    if vendor == "postgresql":
        yield (
            "CREATE OR REPLACE FUNCTION refuse_to_change() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_WHY}: % of %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$"
        )
    for name, verb in zip(names(vendor, table), _verbs(vendor), strict=True):
        if vendor == "postgresql":
            yield f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change()"
        else:
            yield f"CREATE TRIGGER IF NOT EXISTS {name} {_sqlite_event(verb, table)} BEGIN SELECT RAISE(ABORT, '{_WHY}'); END"


def _sqlite_event(verb: str, table: str) -> str:
    """`NEW.id` is -1 where SQLite has yet to choose it (https://sqlite.org/lang_createtrigger.html), and it chooses none below 1."""
    if verb != "REPLACE":
        return f"BEFORE {verb} ON {table}"
    return f"BEFORE INSERT ON {table} WHEN NEW.id > 0 AND EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"
