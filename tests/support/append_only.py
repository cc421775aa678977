"""Lets tests with real transactions empty the audit trail between them, which its triggers refuse to everybody else."""

from typing import Any

from django.db import connections

from ris import append_only


def let_tests_flush() -> None:
    """Django's flush takes the triggers off and puts them back. Once for a process."""
    operations = type(connections["default"].ops)
    if getattr(operations, "_lets_tests_flush", False):
        return
    ordinary = operations.sql_flush

    def flushing(self: Any, style: Any, tables: list[str], **options: Any) -> list[str]:
        statements: list[str] = ordinary(self, style, tables, **options)
        vendor = self.connection.vendor
        guarded = [table for table in append_only.PROTECTED if table in tables]
        on = {table: f" ON {table}" if vendor == "postgresql" else "" for table in guarded}
        off = [f"DROP TRIGGER IF EXISTS {name}{on[table]}" for table in guarded for name in append_only.names(vendor, table)]
        return [*off, *statements, *(statement for table in guarded for statement in append_only.guards(vendor, table))]

    operations.sql_flush = flushing
    operations._lets_tests_flush = True
