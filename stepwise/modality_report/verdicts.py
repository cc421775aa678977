"""What one message is told about one check."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dimse.models import Message


@dataclass(frozen=True)
class Verdict:
    """`text` says what was wrong, values in quotation marks; empty when the check was passed."""

    code: str
    text: str
    at: datetime
    association: UUID | None
    message: int | None = None


def said(code: str, message: Message, text: str | Iterable[str]) -> Verdict:
    words = text if isinstance(text, str) else "; ".join(text)
    return Verdict(code, words, message.time, message.association_id, message.pk)
