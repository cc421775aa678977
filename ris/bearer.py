"""What a bearer token stands for: who makes a REST call."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from ris import permissions
from ris.actor import Actor
from ris.errors import NotPermitted


@dataclass(frozen=True)
class Caller:
    """`user` is None for the installation's own token (`RIS_API_TOKEN`), which may do everything and acts as the system."""

    actor: Actor
    user: User | None = None
    scope: frozenset[str] | None = None
    """The permissions that the token is limited to; None for all that its user has."""
    token: int | None = None
    """Which token of the user it is: its row's number."""

    def check(self, permission: str) -> None:
        """Raise NotPermitted unless the caller has the permission, now: what the user lost, the token has lost."""
        if self.user is not None:
            permissions.check(self.user, permission)
        if self.scope is not None and permission not in self.scope:
            raise NotPermitted(f"This needs the permission {permission!r}; the token is limited to {', '.join(sorted(self.scope))}.")
