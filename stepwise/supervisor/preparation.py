"""The databases and the demo, made ready before anything is started."""

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.db.migrations.exceptions import MigrationSchemaMissing

from ris import shell
from stepwise import migrating
from stepwise.supervisor.checks import database_problem
from stepwise.supervisor.errors import StartError
from stepwise.supervisor.output import Output
from training.accounts import ensure_demo_accounts


def migrate_databases(output: Output) -> None:
    for alias in settings.DATABASES:
        try:
            if migrating.is_waiting(alias):
                output.say(f"migrating the database ({alias}) …")
                migrating.migrate(alias)
        except (DatabaseError, MigrationSchemaMissing) as error:
            raise StartError(database_problem(settings.DATABASES[alias], "migrated", error)) from error


def prepare_demo(output: Output) -> dict[str, str | None]:
    """Load the demo hospital when it is not there and make the accounts; `{account: password}`, None for one made earlier."""
    call_command("demo_hospital")
    with shell.changing("simulate"):
        return ensure_demo_accounts()


def close_databases() -> None:
    """The supervisor itself keeps no connection, nor a pool with its threads."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        close_pool = getattr(connection, "close_pool", None)  # PostgreSQL's alone
        if close_pool is not None:
            close_pool()
