"""Who runs a command, and what it shows or takes of patients, for the audit trail.

A command asks nobody to sign in: whoever may run it has the database itself. Who that is says the operating system.
"""

import os
import pwd
from collections.abc import Iterable
from typing import Any, Final

from ris import audit
from ris.actions import auditing
from ris.actions.auditing import Place
from ris.actor import Actor
from ris.audit import Subject
from ris.models import Site

_LONGEST: Final = 64
"""Characters of a name of an account that are kept."""


def who() -> Actor:
    """The account of the operating system that the command runs as, with the one that used sudo to."""
    name, through = _account(os.getuid()), os.environ.get("SUDO_USER", "")[:_LONGEST]
    return Actor.system(f"{name} at the shell" if through in ("", name) else f"{through} as {name} at the shell")


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
    site: Site,
    about: Iterable[Subject] = (),
    *,
    action: str = audit.READ,
    total: int | None = None,
    asked: dict[str, Any] | None = None,
) -> None:
    """Enter what the command is about to show or do. Raises DatabaseError: what cannot be entered is not shown and not done."""
    detail = {"asked": asked} if asked else {}
    auditing.record(who(), event, action, site=site, place=place(command), about=about, total=total, detail=detail)
