"""The exchanges of an association in pages: one that is open all day has thousands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet, Window
from django.db.models.functions import RowNumber

from dimse.models import Association, Message
from ris.validation import whole_number

EXCHANGES: Final = 50


@dataclass(frozen=True)
class Part:
    """The messages of some exchanges, in their order. `first` is the number of the first exchange of `count`, both from 1."""

    messages: list[Message]
    number: int
    first: int
    count: int

    @property
    def last(self) -> int:
        return min(self.first + EXCHANGES - 1, self.count)

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // EXCHANGES))


def of_association(association: Association, page: str) -> Part:
    """The part that an address asks for; the first for what is no number, the last for one that is too high.

    Requests are answered in turn: what was said between a request and the request that begins the next part belongs to this one.
    """
    asked = association.messages.filter(direction=Message.Direction.IN).order_by("time", "id")
    count = asked.count()
    nth = min(whole_number(page) or 1, max(1, -(-count // EXCHANGES)))
    before = (nth - 1) * EXCHANGES
    bounds = list(asked.values_list("time", "pk")[before : before + EXCHANGES + 1])
    messages = association.messages.order_by("time", "id")
    if nth > 1:
        messages = messages.filter(_from(*bounds[0]))
    if len(bounds) > EXCHANGES:
        messages = messages.exclude(_from(*bounds[EXCHANGES]))
    return Part(list(messages), nth, before + 1, count)


def first_of_each(associations: Iterable[UUID], most: int) -> QuerySet[Message]:
    """So many messages of each association, without their data sets, in their order."""
    nth = Window(RowNumber(), partition_by="association", order_by=["time", "id"])
    found = Message.objects.filter(association__in=list(associations)).annotate(nth=nth).filter(nth__lte=most)
    return found.defer("data", "first_answers").order_by("time", "id")


def _from(time: datetime, pk: int) -> Q:
    """This message and what is behind it."""
    return Q(time__gt=time) | Q(time=time, pk__gte=pk)
