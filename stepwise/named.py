"""Whom queries of the journal name that an exam is held against: their keys are shown beside it, and may be of somebody else."""

from collections.abc import Iterable

from django.http import HttpRequest

from ris import audit, whom
from ris.audit import Subject
from ris.models import Site
from ris.web.disclosure import disclose
from worklist.explanation import Asking


def named_by(site: Site, askings: Iterable[Asking]) -> list[Subject]:
    """Keys that were typed here, or are only supposed, name nobody who was not known before."""
    return whom.of_messages(site, (one.captured.message for one in askings if one.captured), with_answers=False)


def disclose_queries(request: HttpRequest, site: Site, askings: Iterable[Asking], step_id: int) -> None:
    """Say whom the queries name that the page or call of an exam shows, if anybody."""
    found = named_by(site, askings)
    if found:
        disclose(request, audit.LIST, *found, asked={"queries beside exam": step_id})
