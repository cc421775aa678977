"""`manage.py createsuperuser`: the first administrator, who has to do with all hospitals. Instead of Django's, which leaves no history."""

import os
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError

from ris import shell
from ris.accounts import new_password
from ris.actions import passwords, users
from ris.actions.users import UserData
from ris.console import say
from ris.permissions import ADMIN


class Command(BaseCommand):
    help = "Make an administrator who has to do with all hospitals. The password keeps the rules of every password."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        given = os.environ.get
        parser.add_argument("--username", default=given("DJANGO_SUPERUSER_USERNAME", ""), help="default: DJANGO_SUPERUSER_USERNAME")
        parser.add_argument("--email", default=given("DJANGO_SUPERUSER_EMAIL", ""), help="default: DJANGO_SUPERUSER_EMAIL, or none")
        parser.add_argument(
            *("--noinput", "--no-input"),
            action="store_false",
            dest="interactive",
            help="ask nothing: the password is DJANGO_SUPERUSER_PASSWORD, else one is made and printed this one time",
        )

    def handle(self, *args: Any, username: str, email: str, interactive: bool, **options: Any) -> None:
        typed = os.environ.get("DJANGO_SUPERUSER_PASSWORD", "")
        if interactive:
            username = username or shell.ask("User name: ")
        if not username.strip():
            raise CommandError("Say the user name: --username, or DJANGO_SUPERUSER_USERNAME.")
        data = UserData(username, email=email or "", roles=(ADMIN,))
        with shell.changing("createsuperuser"):
            users.check_new(data, shell.who())
            password = shell.ask_password(data) if interactive else passwords.checked(typed, data) if typed else new_password()
            user = users.create_user(data, make_password(password), shell.who(), must_change=False, superuser=True)
        say(self.stderr, f"The account {user.username} is made; it administers all hospitals.")
        if not interactive and not typed:
            say(self.stderr, "Keep its password now, it is not shown again:")
            say(self.stdout, password)
