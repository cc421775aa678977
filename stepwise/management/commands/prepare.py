"""`manage.py prepare`: everything that has to be there before the processes start; for installations without `simulate`."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from ris import shell
from ris.accounts import of_the_demo
from ris.actions.sites import ensure_default_site
from stepwise import data_directory, migrating
from training.accounts import ensure_demo_accounts


def _told(password: str | None) -> str:
    """Only a password that was made just now is written: logs of containers are kept, and a chosen one is known already."""
    if settings.DEMO_PASSWORD:
        return "the password is RIS_DEMO_PASSWORD" if password else "keeps the password that was set since"
    return password or "the password was shown at the first start"


class Command(BaseCommand):
    help = (
        "Migrate every database and make the hospital; with RIS_DEMO=1 also the demo hospital and its accounts. "
        "Can be run again at any time: what is there stays."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        data_directory.prepare(settings.DATA_DIR)
        for alias in settings.DATABASES:
            if migrating.is_waiting(alias):
                self.stdout.write(f"migrating the database ({alias}) …")
                migrating.migrate(alias)
        if settings.DEMO:
            call_command("demo_hospital")
            with shell.changing("prepare"):
                accounts = ensure_demo_accounts()
            for account, password in accounts.items():
                self.stdout.write(f"demo account {account}: {_told(password)}")
        shut = of_the_demo().count()
        if shut:
            self.stdout.write(f"Accounts with a password of the demo, shut: {shut}. `manage.py changepassword NAME` opens one.")
        site = ensure_default_site()
        self.stdout.write(f"{site.name} is ready, called {site.ae_title}.")
