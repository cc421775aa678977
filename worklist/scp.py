"""Modality Worklist SCP: the C-FIND of PS3.4 Annex K."""

from collections.abc import Iterator

from dimse import services, statuses
from dimse.errors import DimseFailure
from dimse.services import EncodedAnswers, FindAnswer, FindRequest, Service, Verb
from ris.models import Site, Station
from ris.peers import site_of
from worklist import item, query
from worklist.find import Search
from worklist.plans import Plan
from worklist.query import BadKey, Query
from worklist.recent import Recent

BATCH = 100  # answers between two looks whether the request was canceled
_KEPT = 64  # a modality asks the same all day: what is kept of a generation, by transfer syntax and bytes of the identifier
_queries: Recent[tuple[str, bytes], Query] = Recent(_KEPT)
_searches: Recent[tuple[str, bytes, int], Search] = Recent(_KEPT)
_plans: Recent[tuple[str, bytes, tuple[str, ...]], Plan] = Recent(_KEPT)


def c_find(request: FindRequest) -> Iterator[FindAnswer]:
    """Pending answers in order of start; FE00 when canceled; A900 with the offending element for a key that is no date or time."""
    asked = _query(request)
    peer = request.association
    site = site_of(peer.called_ae_title, peer.calling_ae_title)
    plan = _plan(request, asked, _preferred(site, peer.calling_ae_title, asked))
    status = statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED if asked.unsupported else statuses.PENDING
    for page in _search(request, asked, site).pages():
        for at in range(0, len(page), BATCH):
            if request.is_cancelled():
                yield statuses.CANCELED, None
                return
            yield EncodedAnswers(status, [plan.compose(one.item) for one in page[at : at + BATCH]])


def _query(request: FindRequest) -> Query:
    found = _queries.get((request.transfer_syntax, request.raw))
    if found is None:
        try:
            found = query.parse(request.identifier)
        except BadKey as error:
            raise DimseFailure(statuses.IDENTIFIER_DOES_NOT_MATCH, str(error), offending=[error.tag]) from error
        _queries.put((request.transfer_syntax, request.raw), found)
    return found


def _search(request: FindRequest, asked: Query, site: Site) -> Search:
    key = request.transfer_syntax, request.raw, site.pk
    found = _searches.get(key)
    if found is None:
        found = Search(site, asked)
        _searches.put(key, found)
    return found


def _plan(request: FindRequest, asked: Query, preferred: tuple[str, ...]) -> Plan:
    key = request.transfer_syntax, request.raw, preferred
    found = _plans.get(key)
    if found is None:
        found = Plan(asked, request.transfer_syntax, preferred)
        _plans.put(key, found)
    return found


def _preferred(site: Site, calling_ae_title: str, asked: Query) -> tuple[str, ...]:
    """The set that answers are written in when they fit: the station's; for an unknown caller that of its query, else UTF-8."""
    known = Station.objects.filter(site=site, ae_title=calling_ae_title.strip()).values_list("character_set", flat=True)[:1]
    declared = next(iter(known), "")
    return tuple(declared.split("\\")) if declared else asked.character_set or (item.UTF_8,)


WORKLIST = Service(services.MODALITY_WORKLIST, "Modality Worklist", {Verb.C_FIND: c_find})
