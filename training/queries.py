"""Reads of the training room that pages and the REST interface share."""

from django.db.models import Q, QuerySet

from ris.errors import NotFound
from ris.models import Site
from training.faults import active
from training.models import Console, Fault


def consoles(site: Site) -> QuerySet[Console]:
    """The consoles of a hospital, by AE title."""
    return Console.objects.filter(site=site).select_related("site").order_by("ae_title")


def console(site: Site, ae_title: str) -> Console:
    """The console of an AE title; NotFound otherwise."""
    found = consoles(site).filter(ae_title=ae_title).first()
    if found is None:
        raise NotFound(f"There is no console {ae_title!r}; set one up under Consoles.")
    return found


def faults(site: Site, station_ae_title: str = "", is_on: bool | None = None) -> QuerySet[Fault]:
    """Faults, the latest first: those that hold for a station, if one is named, and those that are on, or over."""
    found = Fault.objects.filter(site=site).select_related("site").prefetch_related("changes")
    if station_ae_title:
        found = found.filter(station_ae_title__in=("", station_ae_title))
    on = Q(ended=None, until__gt=active.wall())
    return found if is_on is None else found.filter(on) if is_on else found.exclude(on)


def fault(site: Site, fault_id: int) -> Fault:
    """NotFound when there is none with that number."""
    found = faults(site).filter(pk=fault_id).first()
    if found is None:
        raise NotFound(f"There is no fault {fault_id}; those that are on are listed with their numbers.")
    return found
