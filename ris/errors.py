"""Errors of the domain, split by what the caller should do next."""

from collections.abc import Mapping


class RisError(Exception):
    """Base of every refusal: the text says what was refused, why, and what to do next."""


class InvalidInput(RisError):
    """The input itself is wrong; correct the named fields and send it again (REST: 422)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{field}: {message}" for field, message in self.errors.items()))


class NotFound(RisError):
    """What the input names does not exist on this site (REST: 404)."""


class Conflict(RisError):
    """The state of the world forbids it now; read it again and decide (REST: 409)."""


class SlotTaken(Conflict):
    """A station is not free; `clash` names the exam in the way."""

    def __init__(self, message: str, clash: str) -> None:
        self.clash = clash
        super().__init__(message)


class IllegalTransition(Conflict):
    """The status does not allow it (see `ris/transitions.py`)."""


class ChangedMeanwhile(Conflict):
    """Somebody else changed the record since it was read."""


class SeenUnsaid(ChangedMeanwhile):
    """What was sent does not say how the record looked when it was read, so that nobody knows what it would overwrite."""

    def __init__(self) -> None:
        super().__init__(
            "What was sent does not say what you saw when you opened the page, so that nothing was written. Look at the present values, "
            "then send it once more."
        )


class NotPermitted(RisError):
    """The actor's role does not allow it (REST: 403). `said` is the same for people, without the names that scripts know it by."""

    def __init__(self, message: str, said: str = "") -> None:
        self.said = said or message
        super().__init__(message)


class Throttled(RisError):
    """Too much was tried in vain; nothing is looked at for `seconds` (REST: 429)."""

    def __init__(self, message: str, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(message)


class Unavailable(RisError):
    """A part of the system that is needed does not answer now; nothing was done (REST: 503)."""
