"""Requests beside their responses, as pages show them."""

from dataclasses import dataclass

from dimse.models import Message
from dimse.statuses import StatusClass, class_of
from ris.web import datasets

NO_FAILURE = (StatusClass.SUCCESS, StatusClass.PENDING, StatusClass.CANCEL)


@dataclass(frozen=True)
class Said:
    """An answered request in a few words: `C-FIND, 5 answers`, with its status."""

    message: Message
    text: str
    code: str
    meaning: str
    look: str

    @classmethod
    def of(cls, message: Message) -> "Said":
        """Of a response; a C-FIND that found nothing is a warning."""
        status = message.status or 0
        kind = class_of(status)
        nothing = message.answer_count == 0 and kind is StatusClass.SUCCESS
        text = message.service
        if message.answer_count is not None:
            text = f"{text}, {message.answer_count} answer{'' if message.answer_count == 1 else 's'}"
        look = "WARNING" if nothing or kind is StatusClass.WARNING else "PASS" if kind in NO_FAILURE else "ERROR"
        meaning = "Success, nothing matched" if nothing else message.status_name
        return cls(message, text, f"{status:04X}", meaning, look)


@dataclass(frozen=True)
class Exchange:
    """A request beside its response; either may be missing."""

    number: int
    title: str
    request: Message | None
    request_data: datasets.Shown | None
    response: Message | None
    said: Said | None
    response_data: datasets.Shown | None


Pair = tuple[Message | None, Message | None]


def exchange(number: int, pair: Pair, form: str) -> Exchange:
    """The pair with its data sets in a form of `ris.web.datasets`."""
    asked, answer = pair
    first = asked or answer
    answered = answer.answers[0] if answer and answer.answers else answer.dataset if answer else None
    return Exchange(
        number=number,
        title=first.service if first else "",
        request=asked,
        request_data=datasets.shown_json(asked.dataset, f"request-{number}", form) if asked and asked.dataset else None,
        response=answer,
        said=Said.of(answer) if answer else None,
        response_data=datasets.shown_json(answered, f"response-{number}", form) if answered else None,
    )
