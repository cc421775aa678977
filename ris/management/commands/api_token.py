"""`manage.py api_token USER --name N`: a bearer token for scripts."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from ris import shell
from ris.actions import tokens


class Command(BaseCommand):
    help = "Make a bearer token for the REST interface that acts with the roles of a user. It is printed once and kept as a digest."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="user name of the account the token acts for")
        parser.add_argument("--name", required=True, help="what the token is for, e.g. 'night import'")
        parser.add_argument("--revoke", action="store_true", help="end the token of that name instead of making one")

    def handle(self, *args: Any, user: str, name: str, revoke: bool, **options: Any) -> None:
        account = User.objects.filter(username=user).first()
        if account is None:
            raise CommandError(f"There is no user {user!r}.")
        with shell.changing("api_token"):
            self._change(account, name, revoke)

    def _change(self, account: User, name: str, revoke: bool) -> None:
        if revoke:
            tokens.revoke_token(account, name, shell.who())
            self.stderr.write(f"The token {name.strip()!r} of {account} is revoked.")
            return
        token = tokens.create_token(account, name, shell.who())
        self.stderr.write("Keep it now, it is not shown again. Use it as  Authorization: Bearer TOKEN")
        self.stdout.write(token)
