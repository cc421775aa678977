"""What a message changed: the performed step, the exams, the charges, and what was found odd, each with the page about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.urls import reverse

from billing.models import Charge
from mpps.models import Finding, PerformedProcedureStep, PerformedStepChange
from ris import clock
from ris.models import Site, StepChange
from ris.web.status import shown_status
from stepwise.inspector.said import Said

_LEEWAY: Final = timedelta(seconds=1)
"""What follows a message is written with it; charges carry the moment at which they were made."""


@dataclass(frozen=True)
class Effect:
    """`kind` of what changed, which one it is, what became of it, and its page."""

    kind: str
    name: str
    what: str
    url: str


def performed_step(said: Said, site: Site) -> PerformedProcedureStep | None:
    """The one that the message is about: an N-SET names its patient by it alone."""
    uid = said.first.sop_instance_uid or (said.response.sop_instance_uid if said.response else "")
    return PerformedProcedureStep.objects.filter(site=site, sop_instance_uid=uid).first() if uid else None


def effects(said: Said, site: Site) -> list[Effect]:
    """Everything that was written while the message was answered and is about its performed step; nothing of a query or a refusal."""
    performed = None if said.is_query or said.is_refused else performed_step(said, site)
    return list(_all(said, site, performed)) if performed else []


def _all(said: Said, site: Site, performed: PerformedProcedureStep) -> Iterator[Effect]:
    first, last = _during(said, site)
    here = reverse("performed-step", args=[performed.pk])
    name = performed.performed_procedure_step_id or performed.sop_instance_uid
    for change in PerformedStepChange.objects.filter(performed_step=performed, at__range=(first, last)):
        yield Effect("Performed step", name, _moved(change), here)
    steps = {link.step_id: link.step for link in performed.links.select_related("step") if link.step is not None}
    for step_change in StepChange.objects.filter(step__in=steps, at__range=(first, last)):
        step = steps[step_change.step_id]
        yield Effect("Exam", step.scheduled_procedure_step_id, _moved(step_change), reverse("step", args=[step.pk]))
    about = Q(performed_step=performed) | Q(requested_procedure__steps__in=steps)
    for charge in Charge.objects.filter(about, site=site, created_at__range=(first, last)).distinct():
        yield Effect("Charge", charge.control_id or "", f"captured, {charge.get_transaction_type_display().lower()}", _charge(charge))
    for finding in Finding.objects.filter(performed_step=performed, at__range=(first, last)):
        yield Effect("Finding", finding.code, finding.text, here)


def _moved(change: PerformedStepChange | StepChange) -> str:
    if not change.is_move:
        return f"{change.verb.replace('_', ' ').lower()}, still {shown_status(change.to_status).word.lower()}"
    before = f"{shown_status(change.from_status).word} → " if change.from_status else ""
    return f"{before}{shown_status(change.to_status).word}"


def _charge(charge: Charge) -> str:
    return reverse("charge", args=[charge.pk])


def _during(said: Said, site: Site) -> tuple[datetime, datetime]:
    """On the site's clock, which may be a simulated one."""
    last = said.response or said.first
    return clock.shown_at(said.first.time, site) - _LEEWAY, clock.shown_at(last.time, site) + _LEEWAY
