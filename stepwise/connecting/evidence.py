"""Gathering what was seen of a station since its check was begun: the journal, performed steps, charges, our own C-ECHO."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from billing import capture
from billing.models import Charge
from dimse.models import Association, Message
from dimse.services import Verb
from dimse.statuses import PENDING
from mpps.models import PerformedProcedureStep
from ris.models import CalledAlias, ConnectionCheck, Order, RequestedProcedure, Site, Station
from ris.peers import Journal
from ris.transitions import FINAL
from ris.web import echoes
from stepwise.connecting import card
from stepwise.connecting.facts import Call, ChargeSeen, Evidence, MppsSeen, QuerySeen
from worklist import captured, explanation, outcome
from worklist.keys import Kind
from worklist.query import STATION, Query

MOST: Final = 200
"""Associations, and messages in them, that are looked at: the latest."""
SHOWN_QUERIES: Final = 5


def gather(check: ConnectionCheck, station: Station) -> Evidence:
    """Everything about the station since the check was begun, until it was ended."""
    site, journal = check.site, Journal(check.site)
    within = journal.associations().order_by("-started")
    if check.ended_at is not None:
        within = within.filter(started__lte=check.ended_at)
    own = list(within.calling(check.ae_title).filter(Q(started__gte=check.begun_at) | Q(ended=None) | Q(ended__gte=check.begun_at))[:MOST])
    messages = _messages(journal, own, check)
    sent = _sent(messages, site)
    test = check.order
    charges, uncharged = _charged(sent)
    return Evidence(
        ae_title=check.ae_title,
        titles=titles_of(site),
        host=station.host,
        port=station.port,
        addresses=tuple(station.addresses),
        strict=station.strict,
        reports=station.reports_performed_steps,
        only_local=card.is_local(settings.DICOM_BIND),
        listens=card.listens(),
        tls_port=settings.DICOM_TLS_PORT,
        plain_port=settings.DICOM_PORT,
        journal=settings.JOURNAL,
        calls=tuple(
            _call(one, messages) for one in own if one.started >= check.begun_at or any(m.association_id == one.pk for m in messages)
        ),
        strangers=strangers(site, check.begun_at, check.ended_at),
        echo=echoes.latest(site, check.ae_title, check.begun_at, check.ended_at),
        queries=_queries(check, journal, test),
        creates=tuple(one for verb, one in sent if verb == Verb.N_CREATE),
        sets=tuple(one for verb, one in sent if verb == Verb.N_SET),
        charges=charges,
        uncharged=uncharged,
        test=test.accession_number if test else "",
    )


def disclosed(seen: Evidence) -> list[PerformedProcedureStep]:
    """The performed steps that the lines may tell of, for the audit trail."""
    return list(PerformedProcedureStep.objects.filter(pk__in={one.performed for one in (*seen.creates, *seen.sets) if one.performed}))


def titles_of(site: Site) -> tuple[str, ...]:
    """The AE titles that the site lets itself be called by, its own first."""
    return (site.ae_title, *CalledAlias.objects.filter(site=site, forgotten_at=None).values_list("ae_title", flat=True))


def strangers(site: Site, since: datetime, until: datetime | None = None) -> tuple[Call, ...]:
    """Who called under an AE title that no station here has, or spoke no DICOM; the latest first."""
    known = Station.objects.filter(site=site).values_list("ae_title", flat=True)
    found = Journal(site).associations().between(since, until).exclude(calling__in=list(known)).filter(~Q(calling="") | ~Q(note=""))
    return tuple(_call(one, ()) for one in found.order_by("-started")[:MOST])


def _messages(journal: Journal, own: Iterable[Association], check: ConnectionCheck) -> list[Message]:
    """The final responses in these associations since then, the latest first."""
    found = journal.messages().filter(association__in=[one.pk for one in own], direction=Message.Direction.OUT, time__gte=check.begun_at)
    if check.ended_at is not None:
        found = found.filter(time__lte=check.ended_at)
    return list(found.defer("data", "first_answers").order_by("-time", "-pk")[:MOST])


def _call(one: Association, messages: Iterable[Message]) -> Call:
    return Call(
        id=one.pk,
        at=one.started,
        calling=one.calling,
        called=one.called,
        address=one.address,
        rejection=one.rejection,
        note=one.note,
        proposed={context["abstract_syntax"]: context["result"] for context in reversed(one.contexts)},
        said=frozenset(message.service for message in messages if message.association_id == one.pk),
    )


def _queries(check: ConnectionCheck, journal: Journal, test: Order | None) -> tuple[QuerySeen, ...]:
    asked = [one for one in captured.latest(check.ae_title, SHOWN_QUERIES, journal) if _is_within(one.message.time, check)]
    outcomes = outcome.of_each([explanation.of_message(one, check.ae_title, journal) for one in asked])
    steps = _test_steps(test)
    return tuple(_query(check.ae_title, one, found, steps) for one, found in zip(asked, outcomes, strict=True))


def _is_within(moment: datetime, check: ConnectionCheck) -> bool:
    return check.begun_at <= moment and (check.ended_at is None or moment <= check.ended_at)


def _test_steps(test: Order | None) -> list[tuple[str, str]]:
    if test is None:
        return []
    procedures = RequestedProcedure.objects.filter(order=test)
    return list(procedures.values_list("steps__scheduled_procedure_step_id", "study_instance_uid"))


def _query(ae_title: str, one: captured.Captured, found: outcome.Outcome, steps: Sequence[tuple[str, str]]) -> QuerySeen:
    return QuerySeen(
        at=one.message.time,
        call=one.message.association_id,
        got=found.got,
        of=found.of,
        said=found.summary,
        failure=one.failure or found.asking.problem,
        advice=found.main.verdict.advice if found.is_empty and found.main else "",
        explain=f"{reverse('station-queries', args=[ae_title])}?message={one.message.pk}",
        has_test=any(one.place_of(*step) for step in steps),
        others=_others(found.asking.query),
    )


def _others(asked: Query | None) -> tuple[str, ...]:
    """The stations that it named, when no list of its own is among theirs; a pattern may be of any."""
    station = asked.asked(STATION) if asked is not None else None
    if asked is None or station is None or station.kind is Kind.WILDCARD or {*station.values} & {*asked.scope.lists}:
        return ()
    return station.values


def _sent(messages: Iterable[Message], site: Site) -> list[tuple[str, MppsSeen]]:
    """N-CREATEs and N-SETs with their answers."""
    asked = [one for one in messages if one.service in (Verb.N_CREATE, Verb.N_SET)]
    uids = {one.sop_instance_uid for one in asked}
    steps = PerformedProcedureStep.objects.filter(site=site, sop_instance_uid__in=uids).prefetch_related("links", "findings")
    by_uid = {one.sop_instance_uid: one for one in steps}
    return [(one.service, _mpps(one, by_uid.get(one.sop_instance_uid))) for one in asked if one.status != PENDING]


def _mpps(one: Message, performed: PerformedProcedureStep | None) -> MppsSeen:
    status = one.status or 0
    is_taken = status in (0x0000, 0x0107, 0x0116)
    if performed is None or not is_taken:
        return MppsSeen(one.time, one.association_id, status, one.comment, performed=performed.pk if performed else None)
    links = list(performed.links.all())
    is_known = any(link.step_id for link in links)
    unknown = () if is_known else tuple(_identifiers(link) for link in links) or ("no Scheduled Step Attributes",)
    notes = tuple(dict.fromkeys(finding.text for finding in performed.findings.all()))
    lost = tuple(word for name, word in _NAMES.items() if any(link.step_id and not getattr(link, name) for link in links))
    return MppsSeen(one.time, one.association_id, status, one.comment, performed.status, performed.pk, unknown, notes[:3], lost)


_NAMES: Final = {
    "scheduled_procedure_step_id": "step ID",
    "accession_number": "accession number",
    "requested_procedure_id": "procedure ID",
    "study_instance_uid": "study UID",
}
"""What the items of Scheduled Step Attributes bring back, in words."""


def _identifiers(link: object) -> str:
    """`accession number A1, step SPS-2`; what was empty is said to be."""
    said = [f"{word} {value}" for name, word in _NAMES.items() if (value := getattr(link, name))]
    return ", ".join(said) or "one item with everything empty"


def _charged(sent: Iterable[tuple[str, MppsSeen]]) -> tuple[tuple[ChargeSeen, ...], str]:
    """The charges of what ended, and why there is none."""
    ended = [one.performed for verb, one in sent if verb == Verb.N_SET and one.is_done and one.state in ("COMPLETED", "DISCONTINUED")]
    ids = [pk for pk in dict.fromkeys(ended) if pk is not None]
    procedures = list(RequestedProcedure.objects.filter(steps__performed_links__performed_step__in=ids).distinct())
    charges = Charge.objects.filter(requested_procedure__in=procedures).select_related("requested_procedure").order_by("-pk")
    if charges:
        return tuple(map(_charge, charges)), ""
    return (), next(filter(None, map(_why_not, procedures)), "")


def _charge(one: Charge) -> ChargeSeen:
    is_test = one.requested_procedure is not None and one.requested_procedure.is_test
    held = one.on_hold
    if is_test and one.requested_procedure is not None:
        drafted = capture.draft(one.requested_procedure)
        held = drafted.decision.hold if drafted else ""
    amount = f"{one.amount} {one.currency}"
    return ChargeSeen(one.pk, one.control_id or "", one.status, amount, is_test, held, one.error, one.created_at)


def _why_not(procedure: RequestedProcedure) -> str:
    open_steps = [step.scheduled_procedure_step_id for step in procedure.steps.all() if step.status not in FINAL]
    if open_steps:
        return f"It is charged when all its steps are done; {', '.join(open_steps)} {'is' if len(open_steps) == 1 else 'are'} not."
    drafted = capture.draft(procedure)
    return f"Worth no charge: {drafted.decision.reason}." if drafted and drafted.is_nothing else ""
