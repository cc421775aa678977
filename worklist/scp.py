"""Modality Worklist SCP: the C-FIND of PS3.4 Annex K."""

from collections.abc import Iterator

from dimse import services, statuses
from dimse.errors import DimseFailure
from dimse.services import EncodedAnswers, FindAnswer, FindRequest, Service, Verb
from ris import queries
from ris.models import Station
from ris.peers import site_of
from worklist import find, item, query
from worklist.plans import Plan
from worklist.query import BadKey, Query

BATCH = 50  # answers between two looks whether the request was canceled


def character_set_for(station: Station | None, asked: Query) -> tuple[str, ...]:
    """The set that answers are written in when they fit: the station's; for an unknown caller that of its query, else UTF-8."""
    if station is not None and station.character_set:
        return tuple(station.character_set.split("\\"))
    return asked.character_set or (item.UTF_8,)


def c_find(request: FindRequest) -> Iterator[FindAnswer]:
    """Pending answers in order of start; FE00 when canceled; A900 with the offending element for a key that is no date or time."""
    try:
        asked = query.parse(request.identifier)
    except BadKey as error:
        raise DimseFailure(statuses.IDENTIFIER_DOES_NOT_MATCH, str(error), offending=[error.tag]) from error
    peer = request.association
    site = site_of(peer.called_ae_title, peer.calling_ae_title)
    preferred = character_set_for(queries.station(site, peer.calling_ae_title), asked)
    status = statuses.PENDING_OPTIONAL_KEYS_NOT_SUPPORTED if asked.unsupported else statuses.PENDING
    plan = Plan(asked, request.transfer_syntax, preferred)
    for page in find.find(site, asked):
        for at in range(0, len(page), BATCH):
            if request.is_cancelled():
                yield statuses.CANCELED, None
                return
            yield EncodedAnswers(status, [plan.compose(one.item) for one in page[at : at + BATCH]])


WORKLIST = Service(services.MODALITY_WORKLIST, "Modality Worklist", {Verb.C_FIND: c_find})
