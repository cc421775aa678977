"""`manage.py demo_accounts`: one account for each role."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ris import shell
from training.accounts import demo_of, ensure_demo_accounts


class Command(BaseCommand):
    help = "With RIS_DEMO=1: make the demo accounts (one for each role) that do not exist yet, and print their passwords this one time."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "Demo accounts are named like their roles, and one of them administers all hospitals; they are made where RIS_DEMO=1 says "
                "that this is a demo. Nothing was made. `manage.py createsuperuser` makes an administrator."
            )
        with shell.changing("demo_accounts"):
            accounts = ensure_demo_accounts(demo_of(shell.who()))
        for name, password in accounts.items():
            known = "the password is RIS_DEMO_PASSWORD" if settings.DEMO_PASSWORD and password else password
            self.stdout.write(f"{name:<14}{known or 'exists already; its password was shown when it was made, or set since'}")
