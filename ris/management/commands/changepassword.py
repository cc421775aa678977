"""`manage.py changepassword USER`: another password for somebody. Instead of Django's, which ends no session and leaves no history."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from ris import shell
from ris.actions import passwords, users
from ris.console import say


class Command(BaseCommand):
    help = "Set another password for an account, typed twice. All its sessions end, and its API tokens are revoked, as in the pages."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", help="user name of the account")
        parser.add_argument("--keep-tokens", action="store_true", help="let the account's API tokens be")

    def handle(self, *args: Any, username: str, keep_tokens: bool, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        password = shell.ask_password(users.data_of(user))
        with shell.changing("changepassword"):
            passwords.reset(user.pk, password, shell.who(), must_change=False, tokens_too=not keep_tokens)
        kept = "its API tokens hold on" if keep_tokens else "its API tokens are revoked"
        say(self.stderr, f"The password of {username} is another one; its sessions are ended, {kept}.")
