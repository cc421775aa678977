"""Why is this exam not on that scanner? A step against a query, rule by rule and key by key.

What decides is `worklist.matching`, which decides for the SCP too; before it come the rules without which no key is looked at: the
association, the query as a whole, the hospital, the schedule. A query of the past is compared with the exam and the settings of the
station as they are now.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from dimse.interference import injected
from dimse.policy import Policy, Reject
from ris import clock, peers, titles
from ris.models import ScheduledProcedureStep, Site
from ris.peers import WHOLE, Journal
from ris.web import given_up, times
from worklist import askers, captured, matching, typed, verdicts
from worklist.captured import Captured, Ending
from worklist.find import find
from worklist.models import WorklistEntry
from worklist.query import Query
from worklist.verdicts import Verdict

INJECTED_FAULT = "injected_fault"
SUPPOSED = "The keys are those with which it would ask for its own list of the day of the exam"


@dataclass(frozen=True)
class Asking:
    """Who asks what. `query` is None when none could be read, for which `problem` gives the reason.

    `captured` is the journal's message; it is None for keys that were typed, and for `supposed` ones: those that a station which
    has not asked yet would ask for its own list. `journal` is what may be told of other associations of who asks.
    """

    calling: str
    called: str
    site: Site
    query: Query | None
    problem: str = ""
    notes: tuple[str, ...] = ()
    captured: Captured | None = None
    supposed: bool = False
    journal: Journal = WHOLE

    @property
    def who(self) -> str:
        return self.calling or "A modality"


@dataclass(frozen=True)
class Explanation:
    """Each verdict on one step, in the order in which they are reached. The step is shown when none is against it."""

    step: ScheduledProcedureStep
    asking: Asking
    verdicts: tuple[Verdict, ...]

    @property
    def is_shown(self) -> bool:
        return all(verdict.matches for verdict in self.verdicts)

    @property
    def excluding(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if not verdict.matches)

    @property
    def returned(self) -> tuple[Verdict, ...]:
        """Keys that only ask for an attribute."""
        return tuple(verdict for verdict in self.verdicts if not verdict.filters)

    @property
    def summary(self) -> str:
        """The whole in a sentence."""
        asking, reasons = self.asking, "; ".join(verdict.in_short for verdict in self.excluding)
        on_purpose = "".join(f" {verdict.why}." for verdict in self.verdicts if verdict.key == INJECTED_FAULT)
        if asking.supposed and not self.is_shown:
            return f"{self.excluding[0].why}."
        if asking.captured is None:
            return f"{asking.who} asking so would {f'not be shown this exam. {reasons}' if reasons else 'be shown this exam'}."
        when = said_at(asking.captured.message.time, asking.site)
        return f"{asking.who} asked at {when}: this exam is {f'no answer. {reasons}' if reasons else 'an answer'}.{on_purpose}"


def of_message(message: Captured, calling: str = "", journal: Journal = WHOLE) -> Asking:
    """A query of the journal. `calling` is who sent it when the row of its association was lost."""
    calling, called = message.calling or calling, message.association.called if message.association else ""
    began = message.association.started if message.association else message.message.time
    read, site = message.read, peers.site_then(called, calling, began)
    query = read.query and askers.as_asked(site, calling, read.query, message.agreed)
    return Asking(calling, called, site, query, read.problem, message.notes, message, journal=journal)


def of_keys(keys: Mapping[str, str], calling: str, journal: Journal = WHOLE) -> Asking:
    """A query out of typed keys, put to the hospital of the journal, else to that of the station. Raises InvalidInput."""
    read = typed.read(keys)
    site = journal.site or _site_of_station(calling)
    query = read.query and askers.as_asked(site, calling, read.query)
    return Asking(calling, site.ae_title, site, query, notes=read.notes, journal=journal)


def of_station(calling: str, step: ScheduledProcedureStep, journal: Journal = WHOLE) -> Asking:
    """The last query of a station; of one that has not asked, what it would ask for its own list of the step's day."""
    last = next(iter(captured.latest(calling, journal=journal)), None)
    if last is not None:
        return of_message(last, journal=journal)
    keys = {"ScheduledStationAETitle": calling}
    if step.start is not None:
        keys["ScheduledProcedureStepStartDate"] = f"{clock.local(step.start, step.site):%Y%m%d}"
    return replace(of_keys(keys, calling, journal), notes=(SUPPOSED,), supposed=True)


def explain(step: ScheduledProcedureStep, asking: Asking, policy: Policy) -> Explanation:
    """`policy` decides whether associations are accepted. The step is one of `ris.queries.steps`."""
    entry = WorklistEntry.objects.filter(pk=step.pk).first()
    rules = [*_association(asking, policy), *_asked(asking, step), _hospital(step, asking), _schedule(step, entry)]
    keys = matching.explain(asking.query, entry) if asking.query is not None and entry is not None else []
    known = verdicts.titles_for(asking.site, keys)
    found = (*rules, *(verdicts.of_key(one, known) for one in keys))
    return Explanation(step, asking, (*found, *(_ends(step, asking) if all(verdict.matches for verdict in found) else ())))


def _site_of_station(calling: str) -> Site:
    return peers.site_of("", calling)


def _association(asking: Asking, policy: Policy) -> list[Verdict]:
    """Whether its associations are let in: whether the last one was, and whether the next one would be."""
    if not asking.calling:
        return []
    since = asking.captured.message.time if asking.captured else None
    rejected = captured.last_rejected(asking.calling, since, asking.journal)
    address = captured.address_of(asking.calling, asking.journal)
    station = titles.calling(asking.site, asking.calling)
    is_station = station is not None
    verdict = policy(asking.calling, asking.called or asking.site.ae_title, address) if address or not is_station else None
    former = None if is_station else given_up.of(asking.site, [asking.calling]).get(asking.calling)
    known = f"station of {asking.site}" if is_station else former.text if former else "no station here"
    if isinstance(verdict, Reject):
        why = f"Its associations are rejected: {verdict.why}"
    elif rejected is not None:
        why = f"Its last association, at {said_at(rejected.started, asking.site)}, was rejected: {rejected.rejection}"
    else:
        switched_off = station is not None and not station.enabled
        why = f"Its associations are accepted{'; it is disabled, which only keeps new exams from it' if switched_off else ''}"
        return [Verdict("association", "Association", asking.calling, known, True, why)]
    return [Verdict("association", "Association", asking.calling, known, False, why, given_up=former)]


def _asked(asking: Asking, step: ScheduledProcedureStep) -> list[Verdict]:
    """Whether there is a query at all, and one that was answered without a failure."""
    if asking.supposed:
        since = captured.kept_since(asking.journal)
        when = f"since {said_at(since, asking.site)}, when the journal begins" if since else "yet: the journal is empty"
        return [Verdict("query", "Query", "", "", False, f"{asking.who} has not asked for a worklist {when}")]
    if asking.captured is None:
        return []
    changed = injected(*asking.notes)
    told = f"What was said was changed on purpose, {'; '.join(changed)}"
    return [_answered(asking, asking.captured, step), *([Verdict(INJECTED_FAULT, "Injected fault", "", "", True, told)] if changed else [])]


def _answered(asking: Asking, query: Captured, step: ScheduledProcedureStep) -> Verdict:
    failure = query.failure
    if asking.problem or query.ending is Ending.FAILURE:
        told = f"It was answered {failure}" if failure else asking.problem[:1].upper() + asking.problem[1:]
        more = f" ({asking.problem})" if failure and asking.problem and asking.problem not in failure else ""
        return Verdict("query", "Query", "", "", False, f"{told}{more}. No exam is an answer to it")
    place = query.place_of(step.scheduled_procedure_step_id, step.requested_procedure.study_instance_uid)
    then = f"; this exam was answer {place} of {query.response.answer_count} then" if place and query.response else ""
    stopped = f"; {query.stopped}" if query.stopped else ""
    why = f"It came at {said_at(query.message.time, asking.site)} and was understood{then}{stopped}"
    return Verdict("query", "Query", "", "", True, why)


def _hospital(step: ScheduledProcedureStep, asking: Asking) -> Verdict:
    matches = step.site_id == asking.site.pk
    why = "The exam belongs to the hospital that is asked" if matches else "The exam belongs to another hospital than the one that is asked"
    return Verdict("hospital", "Hospital", str(asking.site), str(step.site), matches, why)


def _schedule(step: ScheduledProcedureStep, entry: WorklistEntry | None) -> Verdict:
    if entry is not None:
        booked = f"{entry.local_date} {entry.local_time}".strip().replace(".000000", "")
        return Verdict("schedule", "Schedule", "", booked, True, "It has a start, so that it can be on a worklist")
    why = (
        "It waits for a station and a time, and is on no worklist before it has them"
        if step.start is None
        else "It has no entry in the worklist: run manage.py rebuild_worklist"
    )
    return Verdict("schedule", "Schedule", "", "", False, why)


def _ends(step: ScheduledProcedureStep, asking: Asking) -> Iterator[Verdict]:
    """Whether an exam that matches is among the answers that are sent: before the modality canceled, and within the limit that the
    station is set to. Nothing where all are sent."""
    if asking.query is None:
        return
    limit = askers.profile_of(asking.site, asking.calling, asking.query).answer_limit
    canceled = asking.captured.sent if asking.captured and asking.captured.ending is Ending.CANCELED else None
    for key, name, most, who in (
        ("canceled", "Canceled", canceled, "that were sent before the modality canceled its query"),
        ("answer_limit", "Answer limit", limit, "that are sent"),
    ):
        if most is not None:
            matches = step.pk in islice((one.step_id for page in find(asking.site, asking.query) for one in page), most)
            why = f"It is {'among' if matches else 'behind'} the first {most}, in order of start, {who}"
            yield Verdict(key, name, str(most), "", matches, why)


def said_at(moment: datetime, site: Site) -> str:
    """`10:41:12`, with the date when that is not today."""
    local = clock.local(moment, site)
    return f"{local:%H:%M:%S}" if local.date() == clock.today(site) else f"{times.day(local.date())} {local:%H:%M:%S}"
