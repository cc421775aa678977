"""After the day: whether every exam is where its script said, and whether the charges add up."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from billing.charge_processor.ledger import Ledger
from billing.models import Charge
from billing.queries import standing
from billing.rules import REDUCED_SERVICE
from billing.transitions import FAILED, PENDING, POSTED, VOID
from mpps.models import Finding, PerformedProcedureStep
from ris import clock
from ris.models import ScheduledProcedureStep, Site
from training.day.fleet import Running
from training.day.story import Story, Worth


@dataclass
class Books:
    """What was found. `differences` are from what the scripts said, a sentence each; `waiting` are charges that are still to be sent."""

    exams: int = 0
    differences: list[str] = field(default_factory=list)
    charges: int = 0
    amount: Decimal = Decimal(0)
    posted: int = 0
    waiting: int = 0
    why_waiting: str = ""
    held: int = 0


def look(site: Site, stories: Sequence[Running], ledger: Path) -> Books:
    """Compare all stories that are over with the hospital's database, and what was posted with the charge processor's ledger."""
    books = Books(exams=len(stories))
    for found in (_exams(site, stories), _charges(site, stories, books), _postings(site, stories, ledger)):
        books.differences += found
    return books


def waiting(site: Site, stories: Sequence[Running]) -> int:
    """How many charges of these stories are still to be sent."""
    return Charge.objects.filter(site=site, requested_procedure__in=_procedures(stories), status=PENDING, on_hold="").count()


def _exams(site: Site, stories: Sequence[Running]) -> Iterator[str]:
    pks = [one.pk for running in stories for one in running.story.booked]
    status = dict(ScheduledProcedureStep.objects.filter(pk__in=pks).values_list("pk", "status"))
    uids = [exam.sop_instance_uid for running in stories for exam in running.exams.values()]
    performed = {one.sop_instance_uid: one for one in PerformedProcedureStep.objects.filter(site=site, sop_instance_uid__in=uids)}
    odd: dict[str, list[Finding]] = {}
    for finding in Finding.objects.filter(performed_step__in=[one.pk for one in performed.values()]).select_related("performed_step"):
        odd.setdefault(finding.performed_step.sop_instance_uid, []).append(finding)
    for running in stories:
        story = running.story
        name = f"{story.name} on {story.station} ({story.kind})"
        if running.failed:
            yield f"{name} did not go on: {running.failed}"
        for one in story.booked:
            if status.get(one.pk) != story.ends:
                yield f"{name}: {one.name} is {status.get(one.pk, 'gone')}, its script said {story.ends}"
        yield from _performed(name, running, performed)
        for exam in running.exams.values():
            for finding in odd.get(exam.sop_instance_uid, ()):
                if finding.code != "OVER_MIDNIGHT" or not _over_midnight(site, story):
                    yield f"{name}: unexpected finding {finding.code} ({finding.text})"


def _over_midnight(site: Site, story: Story) -> bool:
    """Whether its script begins on one day and ends on another."""
    own = [clock.local(deed.at, site).date() for deed in story.deeds if deed.who == story.station]
    return bool(own) and (own[0] != own[-1] or story.begun is not None)


def _performed(name: str, running: Running, stored: dict[str, PerformedProcedureStep]) -> Iterator[str]:
    """Each performed step is there once, in its final state, of its station, and with what its script is about."""
    said = running.story.performed
    for number, status in enumerate(said):
        exam = running.exams.get(number)
        row = stored.get(exam.sop_instance_uid) if exam else None
        if row is None:
            yield f"{name}: performed step {number + 1} of {len(said)} is not there"
        elif row.status != status:
            yield f"{name}: performed step {row.sop_instance_uid} is {row.status}, its script said {status}"
        elif row.calling_ae_title != running.story.station:
            yield f"{name}: performed step {row.sop_instance_uid} is of {row.calling_ae_title}"
        elif row.unscheduled is bool(running.story.booked):
            yield f"{name}: performed step {row.sop_instance_uid} is {'un' if row.unscheduled else ''}scheduled"


def _procedures(stories: Iterable[Running]) -> dict[int, list[Running]]:
    """By requested procedure, the stories about its steps."""
    found: dict[int, list[Running]] = {}
    for running in stories:
        for one in running.story.booked:
            found.setdefault(one.procedure, []).append(running)
    return found


def _charges(site: Site, stories: Sequence[Running], books: Books) -> Iterator[str]:
    """Each procedure is charged what its exams are worth, once, and each charge is the sum of its lines."""
    procedures = _procedures(stories)
    made: dict[int, list[Charge]] = {}
    counted = Charge.objects.filter(site=site, requested_procedure__in=procedures).exclude(status=VOID)
    for charge in counted.prefetch_related("lines").order_by("pk"):
        made.setdefault(charge.requested_procedure_id or 0, []).append(charge)
        books.charges += 1
        books.amount += -charge.amount if charge.is_credit else charge.amount
        books.posted += charge.status == POSTED
        books.held += charge.status == PENDING and bool(charge.on_hold)
        if charge.status == PENDING and not charge.on_hold:
            books.waiting += 1
            books.why_waiting = books.why_waiting or charge.error
    for procedure, about in procedures.items():
        charges, name = made.get(procedure, []), " and ".join(dict.fromkeys(running.story.name for running in about))
        stands = standing(charges)
        said = _worth(procedure, about)
        if said is not None and (_worth_of(stands) if stands else Worth.NOTHING) is not said:
            found = f"{stands} ({_worth_of(stands)})" if stands else "nothing"
            yield f"{name}: charged {found}, its script said {said}"
        for charge in charges:
            lines = sum((line.quantity * (line.unit_amount or 0) for line in charge.lines.all()), Decimal(0))
            if lines != charge.amount:
                yield f"{name}: charge {charge} is {charge.amount:.2f}, its lines add up to {lines:.2f}"
            if charge.status == FAILED:
                yield f"{name}: charge {charge} is {charge.status}: {charge.error or charge.reason}"


def _worth(procedure: int, about: Sequence[Running]) -> Worth | None:
    """What a procedure is charged; None when that depends on exams of another day or on several that are worth different things."""
    steps = {one.pk: running.story.worth for running in about for one in running.story.booked if one.procedure == procedure}
    of = max(one.of for running in about for one in running.story.booked if one.procedure == procedure)
    worth = set(steps.values())
    return worth.pop() if len(steps) == of and len(worth) == 1 else None


def _worth_of(charge: Charge) -> Worth:
    return Worth.REDUCED if any(line.modifier == REDUCED_SERVICE for line in charge.lines.all()) else Worth.FULL


def _postings(site: Site, stories: Sequence[Running], ledger: Path) -> Iterator[str]:
    """What was posted stands in the ledger once, with the same amount; a ledger that is not here says nothing."""
    if not ledger.exists():
        return
    booked: dict[str, list[Decimal]] = {}
    for entry in Ledger(ledger).entries():
        booked.setdefault(entry.control_id, []).append(entry.posting.amount or Decimal(0))
    for charge in Charge.objects.filter(site=site, requested_procedure__in=_procedures(stories), status=POSTED):
        if sum(booked.get(str(charge), ())) != charge.amount:
            found = f"{sum(booked[str(charge)]):.2f}" if str(charge) in booked else "nothing"
            yield f"charge {charge} of {charge.amount:.2f} was posted, the charge processor booked {found}"
