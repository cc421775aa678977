"""Why a virtual modality could not do what it was asked, split by what to do next."""

from dimse.outcomes import ScuAnswer


class ModalityError(Exception):
    """What was asked cannot be done; nothing was changed here beyond what the text says."""


class NoAnswer(ModalityError):
    """The other side could not be reached, refused the association, or answered nonsense."""


class Refused(ModalityError):
    """The other side answered with a failure status."""

    def __init__(self, message: str, answer: ScuAnswer) -> None:
        self.answer = answer
        super().__init__(message)
