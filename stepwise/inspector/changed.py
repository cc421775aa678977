"""What a message changed: the performed step, the exams, the charges, and what was found odd, each with the page about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.urls import reverse

from billing.models import Charge
from mpps.models import Finding, MppsMessage, PerformedProcedureStep, PerformedStepChange
from ris import clock
from ris.models import Site, StepChange
from ris.web.status import shown_status
from stepwise.inspector.said import Said

_LEEWAY: Final = timedelta(seconds=1)
"""Between the moment at which the journal and the performed step's own record have the same message; and until its charges are made."""


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
    return PerformedProcedureStep.objects.filter(site=site, sop_instance_uid=uid).defer("attributes").first() if uid else None


def effects(said: Said, site: Site) -> list[Effect]:
    """Everything that was written for the message and is about its performed step; nothing of a query or a refusal."""
    performed = None if said.is_query or said.is_refused else performed_step(said, site)
    kept = _kept(said, site, performed) if performed else None
    return list(_all(said, site, performed, kept)) if performed and kept else []


def _kept(said: Said, site: Site, performed: PerformedProcedureStep) -> MppsMessage | None:
    """The message as the performed step has it: what was written for it carries the same moment, to the microsecond."""
    start, end = _during(said, site)
    alike = performed.messages.filter(verb=said.first.service, received_at__range=(start, end)).defer("raw", "dataset")
    middle = start + _LEEWAY
    return min(alike, key=lambda one: (one.message_id != said.first.message_id, abs(one.received_at - middle)), default=None)


def _all(said: Said, site: Site, performed: PerformedProcedureStep, kept: MppsMessage) -> Iterator[Effect]:
    here = reverse("performed-step", args=[performed.pk])
    name = performed.performed_procedure_step_id or performed.sop_instance_uid
    for change in PerformedStepChange.objects.filter(performed_step=performed, at=kept.received_at):
        yield Effect("Performed step", name, _moved(change), here)
    steps = {link.step_id: link.step for link in performed.links.select_related("step") if link.step is not None}
    for step_change in StepChange.objects.filter(step__in=steps, at=kept.received_at):
        step = steps[step_change.step_id]
        yield Effect("Exam", step.scheduled_procedure_step_id, _moved(step_change), reverse("step", args=[step.pk]))
    about = Q(performed_step=performed) | Q(requested_procedure__steps__in=steps)
    for charge in Charge.objects.filter(about, _made_for(kept, said, site), site=site).distinct():
        yield Effect("Charge", charge.control_id or "", f"captured, {charge.get_transaction_type_display().lower()}", _charge(charge))
    for finding in Finding.objects.filter(performed_step=performed, at=kept.received_at):
        yield Effect("Finding", finding.code, finding.text, here)


def _made_for(kept: MppsMessage, said: Said, site: Site) -> Q:
    """Charges carry the moment at which they were made: behind the message, and before the next one about the performed step."""
    later = MppsMessage.objects.filter(performed_step=kept.performed_step_id, received_at__gt=kept.received_at)
    following = later.order_by("received_at").values_list("received_at", flat=True).first()
    made = Q(created_at__range=(kept.received_at, _during(said, site)[1]))
    return made & Q(created_at__lt=following) if following else made


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
