"""Modality Worklist SCP: the C-FIND of PS3.4 Annex K."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dimse import services, statuses
from dimse.errors import DimseFailure
from dimse.services import AssociationInfo, EncodedAnswers, FindAnswer, FindRequest, Service, Verb
from ris import clock, profiles
from ris.models import Site
from ris.peers import site_of
from ris.profiles import Profile
from worklist import agreement, askers, captured, item, keys, linting, query, values
from worklist.agreement import Agreement
from worklist.find import Found, Search
from worklist.oddities import Oddities
from worklist.plans import Plan
from worklist.query import BadKey, Query
from worklist.recent import Recent
from worklist.scope import Scope
from worklist.zones import View

BATCH = 100  # answers between two looks whether the request was canceled
_KEPT = 64  # a modality asks the same all day: what is kept of a generation, by transfer syntax and bytes of the identifier
_queries: Recent[tuple[str, bytes], Query] = Recent(_KEPT)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A query made ready for who asks it."""

    search: Search
    plan: Plan
    remarks: tuple[str, ...]


_ready: Recent[tuple[str, bytes, int, Scope, tuple[str, ...], Agreement, View | None], _Ready] = Recent(_KEPT)


@dataclass(frozen=True, slots=True)
class _Watching:
    """What is kept of a query about the station that asks it: findings, and answers to be linted."""

    odd: Oddities

    def began(self, notes: Sequence[str]) -> None:
        self.odd.report_tolerated(notes)

    def found(self, page: Sequence[Found]) -> None:
        linting.looking.offer(self.odd.site.pk, self.odd.calling_ae_title, page, clock.now(self.odd.site))

    def sent(self, plan: Plan, batch: Sequence[Found]) -> None:
        self.odd.report_misfits(plan, batch)

    def cut(self, told: str) -> None:
        self.odd.report_cut(told[:1].upper() + told[1:])


class _LookingAway(_Watching):
    """Of a query that somebody here asks again."""

    def began(self, notes: Sequence[str]) -> None: ...

    def found(self, page: Sequence[Found]) -> None: ...

    def sent(self, plan: Plan, batch: Sequence[Found]) -> None: ...

    def cut(self, told: str) -> None: ...


def c_find(request: FindRequest) -> Iterator[FindAnswer]:
    """Pending answers in order of start; FE00 when canceled; A900 with the offending element for a key that is no date or time.

    What the station is set to decides which exams it is shown, and how many.
    """
    return _answers(request, _Watching)


def c_find_again(request: FindRequest) -> Iterator[FindAnswer]:
    """As `c_find` would answer now, and nothing is kept of it."""
    return _answers(request, _LookingAway)


def _answers(request: FindRequest, watching: type[_Watching]) -> Iterator[FindAnswer]:
    asked, peer = _query(request), request.association
    site = site_of(peer.called_ae_title, peer.calling_ae_title)
    profile = askers.profile_of(site, peer.calling_ae_title, asked)
    if profile.refuses_several_items:
        _refuse_several_items(request)
    ready = _made_ready(request, asked, site, profile)
    watch = watching(Oddities(site, profiles.present_title(site, peer.calling_ae_title)))
    watch.began((*request.notes, *asked.notes))
    for remark in ready.remarks:
        request.remark(remark)
    status = statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED if asked.unsupported else statuses.PENDING
    if asked.unsupported and profile.only_ff00:
        status = statuses.PENDING
        request.remark("FF00 in the place of FF01, as the station is set")
    room = profile.answer_limit
    for page in ready.search.pages():
        watch.found(page[:room])
        for at in range(0, len(page), BATCH):
            if request.is_cancelled():
                yield statuses.CANCELED, None
                return
            batch = page[at : at + BATCH]
            if room is not None and len(batch) > room:
                yield _encoded(status, ready.plan, batch[:room])
                watch.sent(ready.plan, batch[:room])
                _cut(request, profile, watch)
                return
            yield _encoded(status, ready.plan, batch)
            watch.sent(ready.plan, batch)
            room = None if room is None else room - len(batch)


def _encoded(status: int, plan: Plan, found: Sequence[Found]) -> EncodedAnswers:
    return EncodedAnswers(status, [plan.compose(one.item) for one in found])


def _cut(request: FindRequest, profile: Profile, watch: _Watching) -> None:
    """The answers end at the station's limit; DimseFailure (A700) when it is set so."""
    told = captured.limit_remark(profile)
    request.remark(told)
    if profile.refuses_at_limit:  # which is the finding
        raise DimseFailure(statuses.OUT_OF_RESOURCES, f"More than {profile.answer_limit} exams match; ask for fewer, e.g. for one day")
    watch.cut(told)


def _refuse_several_items(request: FindRequest) -> None:
    count = len(values.items(request.identifier, keys.STEP_SEQUENCE.tag))
    if count > 1:
        comment = f"{count} items in ScheduledProcedureStepSequence; one is allowed"
        raise DimseFailure(statuses.IDENTIFIER_DOES_NOT_MATCH, comment, offending=[keys.STEP_SEQUENCE.tag])


def _query(request: FindRequest) -> Query:
    found = _queries.get((request.transfer_syntax, request.raw))
    if found is None:
        try:
            found = query.parse(request.identifier)
        except BadKey as error:
            raise DimseFailure(statuses.IDENTIFIER_DOES_NOT_MATCH, str(error), offending=[error.tag]) from error
        _queries.put((request.transfer_syntax, request.raw), found)
    return found


def _made_ready(request: FindRequest, asked: Query, site: Site, profile: Profile) -> _Ready:
    agreed = agreement.of(request.association)
    view = askers.view_of(profile, site, asked, agreed)
    shown = askers.scope_of(profile, site, view)
    preferred = profile.character_set or asked.character_set or (item.UTF_8,)
    key = request.transfer_syntax, request.raw, site.pk, shown, preferred, agreed, view
    found = _ready.get(key)
    if found is None:
        ours = askers.as_answered(asked, shown, agreed, view)
        remarks = [*asked.notes, *ours.narrowings]
        if asked.offset is not None and not agreed.time_zone:
            remarks.append("TimezoneOffsetFromUTC was not negotiated: the keys were read in the station's time zone")
        if agreed.fuzzy_names and ours != asked.under(shown).seen_from(view):
            remarks.append("names are matched by sound, as negotiated")
        found = _Ready(Search(site, ours), Plan(ours, request.transfer_syntax, preferred), tuple(remarks))
        _ready.put(key, found)
    return found


def _note_refusal(peer: AssociationInfo, failure: DimseFailure) -> None:
    """A query that was refused is a finding about who asked, in the same place as one that was tolerated."""
    site = site_of(peer.called_ae_title, peer.calling_ae_title)
    Oddities(site, profiles.present_title(site, peer.calling_ae_title)).report_refused(failure)


WORKLIST = Service(
    services.MODALITY_WORKLIST, "Modality Worklist", {Verb.C_FIND: c_find}, negotiate=agreement.answer, on_failure=_note_refusal
)
