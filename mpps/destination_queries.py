"""Reads of destinations and of what is on its way to them, for pages and REST."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Prefetch, QuerySet

from mpps.models import Delivery, Destination, PerformedProcedureStep
from mpps.outbox import UNDONE
from ris.errors import NotFound
from ris.models import Site


@dataclass(frozen=True)
class Load:
    """What is still to bring: messages that go by themselves, those that wait for a person, and when the oldest of both came."""

    waiting: int = 0
    parked: int = 0
    oldest: datetime | None = None


def destinations(site: Site) -> QuerySet[Destination]:
    """All of a site, by name."""
    return Destination.objects.filter(site=site).order_by("name")


def loads(rows: Iterable[Destination]) -> Mapping[int, Load]:
    """What is still to bring, by id of the destination; those that have everything are left out."""
    undone = Delivery.objects.filter(destination__in=[row.pk for row in rows], state__in=UNDONE).order_by()
    counted = undone.values_list("destination", "state").annotate(Count("pk"), Min("message__received_at"))
    found: dict[int, Load] = {}
    for pk, state, count, oldest in counted:
        known = found.get(pk, Load())
        first = oldest if known.oldest is None else min(known.oldest, oldest)
        waiting, parked = (count, known.parked) if state == Delivery.State.WAITING else (known.waiting, count)
        found[pk] = Load(waiting, parked, first)
    return found


def undone(destination: Destination, state: str = "") -> QuerySet[Delivery]:
    """What is still to bring, in order; those in one state if it is given, sent ones too."""
    found = destination.deliveries.filter(state=state) if state else destination.deliveries.filter(state__in=UNDONE)
    return _shown(found).order_by("message_id")


def of_step(performed: PerformedProcedureStep) -> QuerySet[Delivery]:
    """Everything that went on, or is to go on, of a performed step: by destination, in order."""
    return _shown(performed.deliveries.all()).order_by("destination__name", "message_id")


def beside() -> "Prefetch[str, QuerySet[Delivery], str]":
    """The same, for many performed steps at once."""
    return Prefetch("deliveries", queryset=_shown(Delivery.objects.order_by("destination__name", "message_id")))


def delivery(site: Site, pk: int) -> Delivery:
    """NotFound for an id that none has."""
    found = Delivery.objects.filter(destination__site=site, pk=pk).select_related("destination__site", "message").first()
    if found is None:
        raise NotFound(f"There is no delivery with id {pk}; its destination may have been removed.")
    return found


def _shown(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Without the data sets, which are large."""
    related = rows.select_related("destination__site", "message", "performed_step")
    return related.defer("message__raw", "message__dataset", "performed_step__attributes")
