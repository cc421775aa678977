"""The explanation of `worklist.explanation` with the association policy of this server."""

from collections.abc import Mapping
from uuid import uuid4

from dimse.policy import Accept, Reject
from dimse.services import MODALITY_WORKLIST, AssociationInfo
from ris import titles
from ris.errors import InvalidInput, NotFound
from ris.models import ScheduledProcedureStep
from ris.peers import WHOLE, Journal
from stepwise.associations import decide_as_served
from training.faults.effects import Injection
from worklist import captured, explanation
from worklist.explanation import Asking, Explanation


def explain(step: ScheduledProcedureStep, asking: Asking) -> Explanation:
    return explanation.explain(step, asking, _decide)


def _decide(calling: str, called: str, address: str) -> Accept | Reject:
    """As the server decides, faults that are on included."""
    verdict = decide_as_served(calling, called, address)
    if isinstance(verdict, Reject):
        return verdict
    info = AssociationInfo(uuid4(), calling, called, address, 0)
    return Injection().association(info, frozenset({MODALITY_WORKLIST})) or verdict


def asking(step: ScheduledProcedureStep, station: str, message_id: int | None, keys: Mapping[str, str], journal: Journal = WHOLE) -> Asking:
    """The query to explain: typed keys, a message of the journal, else the last query of the station.

    Raises InvalidInput for keys that are none and for a message that another AE title sent; NotFound for a message that is not there.
    """
    if message_id is not None and keys:
        raise InvalidInput({"message": "is a query of its own; leave it out to ask with typed keys"})
    if keys:
        return explanation.of_keys(keys, station, journal)
    if message_id is None:
        return explanation.of_station(station, step, journal)
    found = captured.by_id(message_id, journal)
    if found is None:
        raise NotFound(f"There is no C-FIND with the number {message_id} in the journal; old ones are removed after a while.")
    if station and found.calling not in ("", *(claim.ae_title for claim in titles.of(step.site, station))):
        raise InvalidInput({"message": f"{message_id} was sent by {found.calling}, not by {station}"})
    return explanation.of_message(found, station, journal)
