"""Migrating the databases, each with the tables that are in it."""

from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from dimse.routers import JOURNAL_DATABASE


def apps_of(alias: str) -> tuple[str, ...]:
    """The apps whose migrations a database needs, none for all: going through the others' would keep a first start for seconds."""
    return ("dimse",) if alias == JOURNAL_DATABASE else ()


def is_waiting(alias: str) -> bool:
    """Whether a migration is still to be applied. Raises DatabaseError, MigrationSchemaMissing."""
    executor = MigrationExecutor(connections[alias])
    graph = executor.loader.graph
    wanted = [node for app in apps_of(alias) for node in graph.leaf_nodes(app)] or graph.leaf_nodes()
    return bool(executor.migration_plan(wanted))


def migrate(alias: str) -> None:
    call_command("migrate", *apps_of(alias), database=alias, interactive=False, verbosity=0)
