"""`manage.py demo_accounts`: one account for each role."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from training.accounts import ensure_demo_accounts


class Command(BaseCommand):
    help = "Make the demo accounts (one for each role) that do not exist yet, and print their passwords this one time."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for name, password in ensure_demo_accounts().items():
            known = "the password is RIS_DEMO_PASSWORD" if settings.DEMO_PASSWORD and password else password
            self.stdout.write(f"{name:<14}{known or 'exists already; its password was shown when it was made, or set since'}")
