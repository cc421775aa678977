"""Who did it: every change of state names an actor."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

USER, MODALITY, SYSTEM = "user", "modality", "system"
SYSTEM_NAMES = frozenset(
    (
        *("api", "charge capture", "charge delivery", "command line", "demo hospital", "housekeeping", "import worklist"),
        *("settings", "system", "the machine"),
    )
)
"""As what parts of the system are known in histories and audit trail, which nobody else may be called; lower case, spaces for signs."""


@dataclass(frozen=True)
class Actor:
    """A user, a modality (by its calling AE title) or a part of the system. An actor without a name is refused."""

    kind: str
    name: str
    user_id: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in (USER, MODALITY, SYSTEM):
            raise ValueError(f"unknown kind of actor {self.kind!r}")
        if not self.name.strip():
            raise ValueError("a change needs an actor with a name")

    @classmethod
    def user(cls, user: "AbstractBaseUser | AnonymousUser") -> Self:
        """Raise ValueError for an anonymous user."""
        if not user.is_authenticated or user.pk is None:
            raise ValueError("a change needs a signed-in user")
        return cls(USER, user.get_username(), user.pk)

    @classmethod
    def modality(cls, ae_title: str) -> Self:
        return cls(MODALITY, ae_title)

    @classmethod
    def system(cls, name: str) -> Self:
        return cls(SYSTEM, name)


HOUSEKEEPING = Actor.system("housekeeping")
"""What closes exams by rule (`ris.expiry`)."""
