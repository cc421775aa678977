"""Who runs a command, and what it shows or takes of patients, for the audit trail.

A command asks nobody to sign in: whoever may run it has the database itself. Who that is says the operating system.
"""

import getpass
import os
import pwd
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ris import audit
from ris.actions import auditing, passwords
from ris.actions.auditing import NotRecorded, Place
from ris.actions.users import UserData
from ris.actor import Actor
from ris.audit import Subject
from ris.console import not_ready
from ris.errors import InvalidInput, RisError
from ris.models import Site

_LONGEST: Final = 48
"""Characters of a name of an account that are kept."""
_TRIES: Final = 3
_LOGIN: Final = Path("/proc/self/loginuid")
_UNSET: Final = 2**32 - 1
"""Of whom nobody signed in to: services, containers."""


def who() -> Actor:
    """The account of the operating system that the command runs as, with the one that signed in and became it (sudo, su).

    Linux keeps who signed in, through all that follows. Where it is not kept, within containers for one, SUDO_USER is no more than what the
    environment says, which anybody may set, and is told as that.
    """
    name, came = _account(os.getuid()), _signed_in()
    if came:
        return Actor.system(f"{name} at the shell" if came == name else f"{came} as {name} at the shell")
    said = os.environ.get("SUDO_USER", "")[:_LONGEST]
    return Actor.system(f"{name} at the shell" if said in ("", name) else f"{name} at the shell, says to be {said}")


def _signed_in() -> str:
    """Empty where the system does not know."""
    try:
        uid = int(_LOGIN.read_text())
    except (OSError, ValueError):
        return ""
    return "" if uid == _UNSET else _account(uid)


def _account(uid: int) -> str:
    """Within a container it may have no name."""
    try:
        return pwd.getpwuid(uid).pw_name[:_LONGEST]
    except KeyError:
        return f"uid {uid}"


def place(command: str) -> Place:
    return Place("", f"manage.py {command}")


def enter(
    command: str,
    event: str,
    site: Site | int | None,
    about: Iterable[Subject] = (),
    *,
    action: str = audit.READ,
    total: int | None = None,
    asked: dict[str, Any] | None = None,
) -> None:
    """Enter what the command is about to show or do. Raises DatabaseError: what cannot be entered is not shown and not done."""
    detail = {"asked": asked} if asked else {}
    auditing.record(who(), event, action, site=site, place=place(command), about=about, total=total, detail=detail)


@contextmanager
def changing(command: str) -> Iterator[None]:
    """What is changed within is changed by that command, at the shell; what is refused, or cannot be entered, is told in words."""
    try:
        with auditing.at(lambda: place(command)):
            yield
    except (RisError, NotRecorded) as error:
        raise CommandError(str(error)) from error
    except DatabaseError as error:
        raise not_ready(error) from error


class Entered(BaseCommand):
    """Before a command of Django's that reaches the database past this product: it is entered as (event, action), or not run."""

    entered_as: ClassVar[tuple[str, str]]
    requires_system_checks: list[str] = []

    def execute(self, *args: Any, **options: Any) -> str | None:
        event, action = self.entered_as
        asked = {"what": ", ".join(map(str, args))[:200]} if args else {}
        try:
            enter(self.__module__.rpartition(".")[2], event, auditing.site_id_of(who()), action=action, asked=asked)
        except DatabaseError as error:
            raise CommandError(f"This cannot be entered in the audit trail, so that it is not done: {error}") from error
        return super().execute(*args, **options)


def ask(prompt: str) -> str:
    """What is typed at the terminal; CommandError where there is none."""
    if not sys.stdin.isatty():
        raise CommandError("This asks for what it needs, at a terminal; there is none here. `--help` says what can be said beforehand.")
    try:
        return input(prompt).strip()
    except (EOFError, KeyboardInterrupt):
        raise CommandError("Nothing was changed.") from None


def ask_password(data: UserData) -> str:
    """A password for the account, typed twice, that keeps the rules. CommandError after three tries, and without a terminal."""
    if not sys.stdin.isatty():
        raise CommandError("A password is typed at a terminal, and there is none here.")
    for _ in range(_TRIES):
        try:
            typed = getpass.getpass("Password: ")
            if typed != getpass.getpass("Password (again): "):
                sys.stderr.write("The two differ; type the same one twice.\n")
                continue
            return passwords.checked(typed, data)
        except InvalidInput as error:
            sys.stderr.write(f"The password {error.errors['password']}.\n")
        except (EOFError, KeyboardInterrupt):
            break
    raise CommandError("No password was set, and nothing was changed.")
