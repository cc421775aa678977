"""What a station sent in a span of time: its associations, its queries and its MPPS messages, each with its answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from pydicom import Dataset

from dimse.decode import UndecodableDataSet, decode
from dimse.models import Association, Message
from dimse.services import Verb
from mpps import datasets
from mpps.datasets import Json
from mpps.models import MppsMessage, PerformedProcedureStep, StepLink
from ris import titles
from ris.models import Site
from ris.peers import Journal
from ris.titles import Claim
from stepwise.inspector import larger
from worklist import captured
from worklist.captured import Read

MOST: Final = 20_000
"""Messages, and associations, of one report; the latest."""


@dataclass(frozen=True)
class Asked:
    """A C-FIND; `dataset` is None when it cannot be read."""

    message: Message
    response: Message | None
    read: Read
    dataset: Dataset | None


@dataclass(frozen=True)
class Told:
    """An N-CREATE or N-SET; `data` is None when it cannot be read, for which `problem` gives the reason."""

    message: Message
    response: Message | None
    data: Json | None
    notes: tuple[str, ...]
    problem: str = ""

    @property
    def is_create(self) -> bool:
        return self.message.service == Verb.N_CREATE.value

    @property
    def status(self) -> int | None:
        return self.response.status if self.response else None


@dataclass
class Instance:
    """A performed step by its SOP Instance UID: what was told of it, which steps it was taken for, what was known before the span.

    `links` are the items of Scheduled Step Attributes that were found to be about a scheduled step, `strays` those that no one
    scheduled step is known for. What a person linked is in neither: it says nothing about what the modality sent.
    `status` is the performed step's own, now; empty when none was kept. `callers` are the AE titles that its messages came under, and
    `devices` who that was: all titles that were the station's when it used them are one.
    """

    uid: str
    told: list[Told] = field(default_factory=list)
    links: list[StepLink] = field(default_factory=list)
    strays: list[StepLink] = field(default_factory=list)
    created: Json | None = None
    status: str = ""
    callers: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Heard:
    site: Site
    ae_title: str
    start: datetime
    end: datetime
    associations: tuple[Association, ...]
    asked: tuple[Asked, ...]
    instances: tuple[Instance, ...]
    is_cut: bool
    known: tuple[Claim, ...] = ()
    """Under which titles it is known here, and when; none where there is no such station."""


def from_station(site: Site, ae_title: str, start: datetime, end: datetime) -> Heard:
    """Everything that came under the AE title at or after `start` and before `end` (wall time)."""
    journal = Journal(site)
    associations = list(journal.calling(ae_title).between(start, end).order_by("-started")[:MOST])
    said = journal.messages_of(ae_title).between(start, end).defer("first_answers")
    messages = list(said.order_by("-time", "-pk")[:MOST])[::-1]
    pairs = _pairs(messages)
    asked = list(_questions(pair for pair in pairs if pair[0].service == Verb.C_FIND.value))
    told = [_told(larger.completed(one, site), answer) for one, answer in pairs if one.service in (Verb.N_CREATE.value, Verb.N_SET.value)]
    is_cut = len(messages) == MOST or len(associations) == MOST
    return Heard(
        site,
        ae_title,
        start,
        end,
        tuple(associations[::-1]),
        tuple(asked),
        tuple(_instances(site, ae_title, told)),
        is_cut,
        titles.had(site, ae_title),
    )


def _pairs(messages: Iterable[Message]) -> list[tuple[Message, Message | None]]:
    """Requests with the next response of their Message ID in their association."""
    waiting: dict[tuple[UUID, int], int] = {}
    found: list[tuple[Message, Message | None]] = []
    for message in messages:
        key = (message.association_id, message.message_id)
        if message.direction == Message.Direction.IN:
            waiting[key] = len(found)
            found.append((message, None))
        elif key in waiting:
            place = waiting.pop(key)
            found[place] = (found[place][0], message)
    return found


def _questions(pairs: Iterable[tuple[Message, Message | None]]) -> Iterator[Asked]:
    """Each decoded once for all that came alike: stations ask the same all day."""
    decoded: dict[tuple[bytes, str], tuple[Read, Dataset | None]] = {}
    for message, response in pairs:
        sent = (bytes(message.data), str(message.transfer_syntax))
        if sent not in decoded:
            decoded[sent] = captured.read(*sent), _dataset(*sent)
        yield Asked(message, response, *decoded[sent])


def _dataset(raw: bytes, transfer_syntax: str) -> Dataset | None:
    try:
        return decode(raw, transfer_syntax).dataset if raw else None
    except UndecodableDataSet:
        return None


def _told(message: Message, response: Message | None) -> Told:
    try:
        decoded = decode(bytes(message.data), message.transfer_syntax)
    except UndecodableDataSet as error:
        return Told(message, response, None, (), str(error))
    return Told(message, response, datasets.from_dataset(decoded.dataset), decoded.notes)


def _instances(site: Site, ae_title: str, told: Iterable[Told]) -> list[Instance]:
    found: dict[str, Instance] = {}
    for one in told:
        uid = one.message.sop_instance_uid or (one.response.sop_instance_uid if one.response else "")
        found.setdefault(uid, Instance(uid)).told.append(one)
    for performed in PerformedProcedureStep.objects.filter(site=site, sop_instance_uid__in=found).only("sop_instance_uid", "status"):
        found[performed.sop_instance_uid].status = performed.status
    links = StepLink.objects.filter(performed_step__site=site, performed_step__sop_instance_uid__in=found)
    for link in links.select_related("performed_step", "step__requested_procedure__order__patient"):
        instance = found[link.performed_step.sop_instance_uid]
        if link.step is None:
            instance.strays.append(link)
        elif link.how != StepLink.How.HAND:
            instance.links.append(link)
    own = titles.on_its_clock(site, ae_title)
    for message in MppsMessage.objects.filter(site=site, sop_instance_uid__in=found, performed_step__isnull=False).order_by("pk"):
        instance, caller = found[message.sop_instance_uid], message.calling_ae_title
        is_own = any(claim.ae_title == caller and claim.holds(message.received_at) for claim in own)
        instance.callers |= {caller}
        instance.devices |= {ae_title if is_own else caller}
        if message.verb == Verb.N_CREATE.value and instance.created is None:
            instance.created = message.dataset
    return list(found.values())
