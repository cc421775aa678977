"""The two verbs of a modality: begin a performed procedure step (N-CREATE), and change or end it (N-SET).

One transaction holds the message as received, the performed step, what happens to its scheduled steps and what the rooms above
make of it. Rows are locked in one order everywhere: requested procedures by id, the performed step, scheduled steps by id. Two
steps of one procedure that end at once therefore end one after the other, and the second sees the first as ended.
"""

import logging
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from django.db import IntegrityError
from django.db.models import F

from dimse import statuses, uids
from dimse.dispatch import without_values
from dimse.services import Verb, Warned
from mpps import checking, events, matching, oddities, outcomes, performers, queueing, reading, transitions
from mpps.checking import Notice
from mpps.datasets import Json, items, merged, tag, text
from mpps.errors import Refused, duplicate_instance, invalid_instance, no_longer_updatable
from mpps.models import Finding, MppsMessage, PerformedProcedureStep, PerformedStepChange, StepLink
from mpps.received import Received, keep
from mpps.retrieval import not_there
from mpps.transitions import COMPLETED, IN_PROGRESS
from ris import profiles, titles
from ris.actions import steps
from ris.db import action, locking, shortage
from ris.events import publish
from ris.insertion import insert_few, insert_one
from ris.models import RequestedProcedure, Station
from ris.prepared import Prepared, PreparedUpdate
from ris.profiles import Profile
from ris.statements import run

logger = logging.getLogger(__name__)


_named_locked = Prepared(
    lambda site, uid: PerformedProcedureStep.objects.select_for_update(of=("self",)).filter(site=site, sop_instance_uid=uid), "site", "uid"
)
_links = Prepared(lambda performed: StepLink.objects.only("step").filter(performed_step=performed), "performed")
_lock_procedure = locking(lambda pk: RequestedProcedure.objects.filter(pk=pk), "pk")
_lock_procedures_of = locking(
    lambda site, uid: RequestedProcedure.objects.filter(
        steps__performed_links__performed_step__in=PerformedProcedureStep.objects.filter(site=site, sop_instance_uid=uid)
    ),
    "site",
    "uid",
)
_STANDING: Final = (
    f'SELECT (SELECT ae_title FROM "{Station._meta.db_table}" WHERE id = %s), '
    f'EXISTS(SELECT 1 FROM "{PerformedProcedureStep._meta.db_table}" WHERE site_id = %s AND sop_instance_uid = %s)'
)
"""What a station is called, and whether there is a performed step."""
_WRITTEN = (*reading.COLUMNS, "status", "final_at", "updated_at")
_open = PreparedUpdate(
    lambda pk: PerformedProcedureStep.objects.filter(pk=pk, status=IN_PROGRESS), "pk", columns=_WRITTEN, version=F("version") + 1
)


@cache
def _others(status: str) -> Prepared[StepLink]:
    """Links of other performed steps in a status to a scheduled step."""
    return Prepared(
        lambda step, performed: (
            StepLink.objects.only("pk").filter(step=step, performed_step__status=status).exclude(performed_step=performed)
        ),
        "step",
        "performed",
    )


def n_create(message: Received) -> PerformedProcedureStep:
    """Begin a performed step and start its scheduled steps (PS3.4 F.7.2.1). Refused: nothing but the message itself is kept."""
    return _serve(_create, message)


def n_set(message: Received) -> PerformedProcedureStep:
    """Change a performed step, or end it with its scheduled steps (PS3.4 F.7.2.2). Refused: nothing but the message itself is kept."""
    return _serve(_set, message)


def _serve(verb: Callable[[Received], PerformedProcedureStep], message: Received) -> PerformedProcedureStep:
    """Do it in one transaction; what that rolls back leaves the message, with the status that answers it."""
    try:
        if "\0" in message.sop_instance_uid:  # no query can name it
            raise invalid_instance(uids.problem_with(message.sop_instance_uid) or "it holds a NUL")
        return verb(message)
    except Refused as refusal:
        _keep_refused(message, refusal.status, refusal.comment)
        raise
    except Exception as error:
        if shortage(error):
            raise  # there is nothing that could keep the message
        try:
            _keep_refused(message, statuses.PROCESSING_FAILURE, f"Internal error ({type(error).__name__})")
        except Exception as lost:  # noqa: BLE001  (the database may be what failed; the first error is the one to raise)
            logger.error("%s is not kept: %s", message.verb, without_values(lost))
        raise


@action
def _keep_refused(message: Received, status: int, comment: str) -> None:
    same = PerformedProcedureStep.objects.filter(site=message.site, sop_instance_uid=message.sop_instance_uid)
    keep(message, same.first() if "\0" not in message.sop_instance_uid else None, status, comment)


@action
def _create(message: Received) -> PerformedProcedureStep:
    named = text(message.dataset, "PerformedStationAETitle", reading.IDENTIFIER_LENGTH)
    profile = profiles.whose(message.site, message.calling_ae_title, [named.strip()])
    strict = profile.strict
    oddities.admit(profile)
    notices = _check_uid(message, strict)
    station = performers.station(message, named)
    titles.hold(message.site.pk)  # the message's site was read before: the station may have another title by now
    ((ae_title, is_there),) = run(_STANDING, [station.station_id, message.site.pk, message.sop_instance_uid]).rows
    if is_there:
        raise duplicate_instance()
    notices += checking.settle(Verb.N_CREATE, checking.problems_of_create(message.dataset), strict)
    warned = oddities.choose(message, profile)
    matches, odd = matching.follow(message.site, matching.items_of(message.dataset), performers.performer(message))
    linked = [match.step for match in matches if match.step is not None]
    _lock_procedures({step.requested_procedure_id for step in linked})

    said = named or message.calling_ae_title.strip()
    is_its = profiles.present_title(message.site, said) == station.ae_title  # a data set may name somebody else than who calls
    performed = _insert(message, station.station_id, ae_title if is_its and ae_title else said, unscheduled=not linked)
    kept = _keep(message, performed, warned)
    insert_few([_link(performed, match) for match in matches])
    insert_few(reading.series(performed, message.dataset))
    notices += odd
    notices += matching.patient_differences(message.dataset, linked)
    notices += reading.odd_start(reading.times(message.dataset, message.site), message.received_at, message.site)
    _record(performed, message, "", IN_PROGRESS, notices)
    for step in sorted(linked, key=lambda step: step.pk):
        steps.start(step.pk, message.actor, at=message.received_at)
    publish(events.PerformedStepCreated(performed.pk))
    queueing.enqueue(performed, message, kept)
    return performed


@action
def _set(message: Received) -> PerformedProcedureStep:
    performed = _locked(message)
    named = [performed.station_ae_title.strip()] if performed else []
    profile = profiles.whose(message.site, message.calling_ae_title, named)
    strict = profile.strict
    oddities.admit(profile)
    notices = _check_uid(message, strict)
    if performed is None:
        raise not_there(message.site, message.sop_instance_uid)
    if performed.is_final:
        raise no_longer_updatable()
    notices += checking.settle(Verb.N_SET, checking.problems_of_set(message.dataset, performed.attributes), strict)
    received = checking.understood_status(message.dataset)
    target = transitions.target(Verb.N_SET, performed.status, received)
    if target is None:
        raise no_longer_updatable()
    before = performed.attributes
    data = merged(before, checking.settable(message.dataset))
    if target in transitions.FINAL:
        notices += checking.settle(Verb.N_SET, checking.problems_of_final(data), strict)
        notices += reading.odd_end(reading.times(data, message.site), message.received_at, message.site)
        notices += reading.odd_reason(data) if target == transitions.DISCONTINUED else []
    kept = _keep(message, performed, oddities.choose(message, profile))

    _update(performed, data, target, message)
    if tag("PerformedSeriesSequence") in message.dataset:
        if items(before, "PerformedSeriesSequence"):
            performed.series.all().delete()
        insert_few(reading.series(performed, data))
    _record(performed, message, IN_PROGRESS, target, notices)
    if target == IN_PROGRESS:
        publish(events.PerformedStepUpdated(performed.pk))
    else:
        _end_scheduled_steps(performed, message, profile)
        publish(events.PerformedStepEnded(performed, target))
    queueing.enqueue(performed, message, kept)
    return performed


def _keep(message: Received, performed: PerformedProcedureStep, warned: Warned | None) -> MppsMessage:
    """Keep a message that is accepted, with the status that answers it."""
    if warned is None:
        return keep(message, performed)
    message.warn(warned)
    return keep(message, performed, warned.status, warned.comment)


def _check_uid(message: Received, strict: bool) -> list[Notice]:
    """PS3.5 9.1. Leading zeros and the like are a finding for a lenient station; what is too long to be kept never passes."""
    problem = uids.problem_with(message.sop_instance_uid)
    if problem is None:
        return []
    if strict or not 0 < len(message.sop_instance_uid) <= uids.MAXIMUM_LENGTH:
        raise invalid_instance(problem)
    return [Notice("UID_INVALID", f"The SOP Instance UID breaks PS3.5 9.1: {problem}.")]


def _lock_procedures(ids: Iterable[int]) -> None:
    """Lock requested procedures in order of id until the transaction ends."""
    for pk in sorted(set(ids)):
        _lock_procedure(pk)


def _locked(message: Received) -> PerformedProcedureStep | None:
    """The performed step that the message names, as it is now, its requested procedures and then its own row locked."""
    name = message.site.pk, message.sop_instance_uid
    _lock_procedures_of(*name)
    performed = _named_locked.first(*name)
    _lock_procedures_of(*name)  # of a link that was made while this waited
    return performed


def _insert(message: Received, station_id: int | None, ae_title: str, unscheduled: bool) -> PerformedProcedureStep:
    """The new row of who performs. Of two N-CREATEs with one UID at the same moment one is the duplicate."""
    row = PerformedProcedureStep(
        site=message.site,
        sop_instance_uid=message.sop_instance_uid,
        status=IN_PROGRESS,
        station_ae_title=ae_title,
        station_id=station_id,
        calling_ae_title=message.calling_ae_title.strip()[:16],
        received_at=message.received_at,
        updated_at=message.received_at,
        unscheduled=unscheduled,
        **reading.columns(message.dataset, message.site),
    )
    try:
        return insert_one(row)
    except IntegrityError as error:
        raise duplicate_instance() from error


def _update(performed: PerformedProcedureStep, data: Json, target: str, message: Received) -> None:
    """Write the merged data set and the state. The guard stands in the UPDATE: a final step is never written again."""
    values = reading.columns(data, message.site) | {
        "status": target,
        "final_at": message.received_at if target in transitions.FINAL else None,
        "updated_at": message.received_at,
    }
    if not _open(performed.pk, **values):
        raise no_longer_updatable()
    for name, value in values.items():
        setattr(performed, name, value)
    performed.version += 1


def _link(performed: PerformedProcedureStep, match: matching.Match) -> StepLink:
    limits = {name: getattr(match.item, name)[:250] for name in matching.COLUMNS if name != "patient_id"}
    return StepLink(performed_step=performed, position=match.position, step=match.step, how=match.how or "", **limits)


def _record(performed: PerformedProcedureStep, message: Received, before: str, after: str, notices: Iterable[Notice]) -> None:
    """The history row of a change of state, and what is odd about the message as findings; one that was made before is not repeated."""
    if before != after:
        PerformedStepChange.by(
            message.actor,
            performed_step=performed,
            at=message.received_at,
            verb=message.verb,
            from_status=before,
            to_status=after,
            reason=performed.discontinuation_reason_meaning if after == transitions.DISCONTINUED else "",
        )
    notes = [Notice("DECODED_WITH_NOTES", note) for note in message.notes]
    findings = [
        Finding(performed_step=performed, code=n.code, text=n.text[:500], attribute=n.attribute[:250], at=message.received_at)
        for n in [*notes, *notices]
    ]
    insert_few(findings, ignore_conflicts=True)


def _end_scheduled_steps(performed: PerformedProcedureStep, message: Received, profile: Profile) -> None:
    """End the linked steps. One that another performed step is still working on is not discontinued by this one.

    Where several performed steps make up a scheduled one, none completes it, and none takes back what another has completed.
    """
    effect = outcomes.outcome(
        performed.status,
        performed.discontinuation_reason_code,
        performed.discontinuation_reason_scheme,
        performed.discontinuation_reason_meaning,
    )
    for step_id in sorted(link.step_id for link in _links(performed.pk) if link.step_id is not None):
        if not _goes_on(step_id, performed, profile):
            steps.end(step_id, effect.verb, message.actor, effect.reason, at=message.received_at)


def _goes_on(step_id: int, performed: PerformedProcedureStep, profile: Profile) -> bool:
    """Whether a scheduled step is left as it is although this performed step ended."""
    if performed.status == COMPLETED:
        return profile.several_performed_steps
    if _others(IN_PROGRESS)(step_id, performed.pk):
        return True
    return profile.several_performed_steps and bool(_others(COMPLETED)(step_id, performed.pk))
