"""Reads of the training room."""

from django.db.models import QuerySet

from ris.errors import NotFound
from ris.models import Site
from training.models import Console


def consoles(site: Site) -> QuerySet[Console]:
    """The consoles of a hospital, by AE title."""
    return Console.objects.filter(site=site).select_related("site").order_by("ae_title")


def console(site: Site, ae_title: str) -> Console:
    """The console of an AE title; NotFound otherwise."""
    found = consoles(site).filter(ae_title=ae_title).first()
    if found is None:
        raise NotFound(f"There is no console {ae_title!r}; set one up under Consoles.")
    return found
