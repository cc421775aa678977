"""Destinations, and what a modality reports for them, in a few words."""

from pydicom.dataset import Dataset

from dimse.services import Verb
from dimse.uids import new_uid
from mpps import actions
from mpps.destinations import DestinationData, save_destination
from mpps.models import Delivery, Destination
from tests.support.hospital import ACTOR, a_site
from tests.support.mpps import a_create, an_end, received
from tests.support.pacs import Pacs


def a_destination(pacs: Pacs, name: str = "PACS", **changes: object) -> Destination:
    data = DestinationData(**{"name": name, "host": "127.0.0.1", "port": pacs.port, "called_ae_title": "PACS"} | changes)  # type: ignore[arg-type]
    return save_destination(a_site(), data, ACTOR)


def send(verb: Verb, uid: str, dataset: Dataset, calling: str = "CT01") -> None:
    """A message that is accepted."""
    (actions.n_create if verb is Verb.N_CREATE else actions.n_set)(received(verb, uid, dataset, calling))


def an_exam(**changes: object) -> str:
    uid = new_uid()
    send(Verb.N_CREATE, uid, a_create(**{"PatientName": "MÜLLER^Jürgen"} | changes))
    return uid


def complete(uid: str) -> None:
    send(Verb.N_SET, uid, an_end())


def a_heartbeat(uid: str, calling: str = "CT01") -> None:
    heartbeat = Dataset()
    heartbeat.PerformedProcedureStepStatus = "IN PROGRESS"
    send(Verb.N_SET, uid, heartbeat, calling)


def states(destination: Destination) -> list[str]:
    return list(destination.deliveries.order_by("message_id").values_list("state", flat=True))


def let_time_pass() -> None:
    """Every wait is over."""
    Destination.objects.update(next_attempt_at=None)
    Delivery.objects.update(next_attempt_at=None)


def verbs(pacs: Pacs, uid: str = "") -> list[str]:
    return [told.verb for told in pacs.told if uid in ("", told.uid)]
