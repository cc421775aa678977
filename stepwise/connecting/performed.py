"""The N-CREATEs and N-SETs of a check with what became of them: of each verb the latest, and the latest that proves its line.

What a message proves is what it carried itself: an exam that a person linked, or a performed step that somebody else ended, proves nothing
of the modality.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import F, Q, QuerySet

from dimse.models import Message
from dimse.services import Verb
from dimse.statuses import DONE
from mpps import finding_rules
from mpps.models import Finding, PerformedProcedureStep, PerformedStepChange, StepLink
from mpps.transitions import FINAL, IN_PROGRESS
from ris import actor, clock, titles
from ris.models import ConnectionCheck
from stepwise.connecting.facts import MppsSeen
from stepwise.connecting.heard import Heard

MOST: Final = 1000
"""Messages of a verb that were taken, the latest, among which one is looked for that proves its line."""
_COLUMNS: Final = ("association_id", "time", "service", "status", "comment", "sop_instance_uid")
_WRONG: Final = [rule.code for rule in finding_rules.RULES if rule.look == finding_rules.ERROR]
_OF: Final = {
    Verb.N_CREATE: Q(at=F("performed_step__received_at")),
    Verb.N_SET: Q(at__gt=F("performed_step__received_at")),
}
"""Findings have the time of the message that they are about."""


@dataclass(frozen=True)
class Performed:
    """`ended` are the performed steps that the station ended itself, the latest first."""

    creates: tuple[MppsSeen, ...]
    sets: tuple[MppsSeen, ...]
    ended: tuple[int, ...]


def seen(heard: Heard) -> Performed:
    """Each with the latest first."""
    created, changed = (list(heard.responses(verb, DONE).only(*_COLUMNS)[:MOST]) for verb in (Verb.N_CREATE, Verb.N_SET))
    its = Q(performed_step__site=heard.check.site)
    carried = _links(its & Q(performed_step__sop_instance_uid__in=_uids(created)))
    named = set(carried.values_list("performed_step__sop_instance_uid", flat=True))
    ends = _ends(heard.check, its & Q(performed_step__sop_instance_uid__in=_uids(changed)))
    creates = _shown(heard, Verb.N_CREATE, created, named)
    sets = _shown(heard, Verb.N_SET, changed, ends.keys())
    steps = _steps(heard.check, _uids((*creates, *sets)))
    return Performed(
        tuple(_mpps(one, steps.get(one.sop_instance_uid), IN_PROGRESS) for one in creates),
        tuple(_mpps(one, steps.get(one.sop_instance_uid), ends.get(one.sop_instance_uid, (0, IN_PROGRESS))[1]) for one in sets),
        tuple(ends[uid][0] for uid in _uids(changed) if uid in ends),
    )


def _shown(heard: Heard, verb: Verb, taken: Sequence[Message], proving: Iterable[str]) -> list[Message]:
    """The latest of all, of those that were taken, of those that prove, and of those that prove and had nothing wrong."""
    proofs = [one for one in taken if one.sop_instance_uid in set(proving)]
    about = Q(performed_step__site=heard.check.site, performed_step__sop_instance_uid__in=_uids(proofs))
    wrong = set(Finding.objects.filter(about, _OF[verb], code__in=_WRONG).values_list("performed_step__sop_instance_uid", flat=True))
    clean = [one for one in proofs if one.sop_instance_uid not in wrong]
    shown = [*heard.responses(verb).only(*_COLUMNS)[:1], *taken[:1], *proofs[:1], *clean[:1]]
    return sorted({one.pk: one for one in shown}.values(), key=lambda one: (one.time, one.pk), reverse=True)


def _uids(messages: Iterable[Message]) -> list[str]:
    return list(dict.fromkeys(one.sop_instance_uid for one in messages))


def _links(about: Q) -> QuerySet[StepLink]:
    """Items whose exam was found by what the modality sent."""
    return StepLink.objects.filter(about, step__isnull=False).exclude(how=StepLink.How.HAND)


def carried(performed: Iterable[int]) -> QuerySet[StepLink]:
    """Of these performed steps the items whose exam was found by what the modality sent."""
    return _links(Q(performed_step__in=list(performed)))


def _ends(check: ConnectionCheck, about: Q) -> dict[str, tuple[int, str]]:
    """By SOP Instance UID the performed steps that an N-SET of this station ended, and in which state."""
    until = Q() if check.ended_at is None else Q(at__lte=clock.shown_at(check.ended_at, check.site))
    its = titles.any_of(titles.on_its_clock(check.site, check.ae_title), "actor", "at")
    changes = PerformedStepChange.objects.filter(about, until, its, verb=Verb.N_SET.value, to_status__in=FINAL, actor_kind=actor.MODALITY)
    return {uid: (pk, status) for uid, pk, status in changes.values_list("performed_step__sop_instance_uid", "performed_step", "to_status")}


def _steps(check: ConnectionCheck, uids: Iterable[str]) -> Mapping[str, PerformedProcedureStep]:
    found = PerformedProcedureStep.objects.filter(site=check.site, sop_instance_uid__in=list(uids)).defer("attributes")
    return {one.sop_instance_uid: one for one in found.prefetch_related("links", "findings")}


def _mpps(one: Message, performed: PerformedProcedureStep | None, state: str) -> MppsSeen:
    status, is_taken = one.status or 0, one.status in DONE
    if performed is None or not is_taken:
        return MppsSeen(one.time, one.association_id, status, one.comment, performed=performed.pk if performed else None)
    links = list(performed.links.all())
    known = [link for link in links if link.step_id is not None and link.how != StepLink.How.HAND]
    unknown = () if known else tuple(map(_identifiers, links)) or ("no Scheduled Step Attributes",)
    is_create = one.service == Verb.N_CREATE.value
    findings = [found for found in performed.findings.all() if (found.at <= performed.received_at) is is_create]
    wrong = next((found.code for found in findings if found.code in _WRONG), "")
    return MppsSeen(
        at=one.time,
        call=one.association_id,
        status=status,
        comment=one.comment,
        state=state,
        performed=performed.pk,
        unknown=unknown,
        notes=tuple(dict.fromkeys(found.text for found in findings))[:3],
        wrong=finding_rules.BY_CODE[wrong].tell if wrong else "",
        by_hand=not known and any(link.step_id is not None for link in links),
        lost=tuple(word for name, word in _NAMES.items() if any(not getattr(link, name) for link in known)),
    )


_NAMES: Final = {
    "scheduled_procedure_step_id": "step ID",
    "accession_number": "accession number",
    "requested_procedure_id": "procedure ID",
    "study_instance_uid": "study UID",
}
"""What the items of Scheduled Step Attributes bring back, in words."""


def _identifiers(link: StepLink) -> str:
    """`accession number A1, step SPS-2`; what was empty is said to be."""
    said = [f"{word} {value}" for name, word in _NAMES.items() if (value := getattr(link, name))]
    return ", ".join(said) or "one item with everything empty"
