"""The message that was chosen to be compared: kept in addresses of the association log (`compare`), until the other one is chosen there."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from django.http import HttpRequest
from django.urls import reverse

from dimse.models import Message
from ris.peers import Journal
from ris.validation import whole_number
from stepwise.inspector import said
from stepwise.inspector.said import Said

PARAMETER: Final = "compare"


@dataclass(frozen=True)
class Chosen:
    """`number` as the address has it; `exchange` is None for a message that the journal does not have, or not any more."""

    number: str
    exchange: Said | None

    @property
    def message(self) -> Message | None:
        return self.exchange.first if self.exchange else None

    @cached_property
    def its(self) -> set[int]:
        """The numbers of its exchange, which is not offered to be compared with itself."""
        both = (self.exchange.request, self.exchange.response) if self.exchange else ()
        return {one.pk for one in both if one is not None}

    @property
    def url(self) -> str:
        """Where it is compared, with the exchange whose number follows."""
        message = self.message
        return f"{reverse('exchange-beside', args=[message.association_id, message.pk])}?exchange=" if message else ""

    @property
    def query(self) -> str:
        """For the address of a page where the other one may be chosen too."""
        return f"{PARAMETER}={self.number}"


def chosen(request: HttpRequest, journal: Journal) -> Chosen | None:
    """That of the address; None when it names none."""
    key = whole_number(request.GET.get(PARAMETER, ""))
    if key is None:
        return None
    message = journal.messages().filter(pk=key).defer("data", "first_answers").first()
    return Chosen(str(key), said.beside(message, journal) if message else None)
