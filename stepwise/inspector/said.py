"""One request with its response, out of the journal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final
from uuid import UUID

from django.db.models import Q
from pydicom import Dataset
from pydicom.uid import UID

from dimse import statuses, values
from dimse.decode import UndecodableDataSet, decode
from dimse.errors import error_comment
from dimse.lengths import Lengths, lengths
from dimse.models import Association, Message, unpacked
from dimse.services import Verb
from dimse.statuses import StatusClass, class_of
from ris import whom
from ris.errors import NotFound
from ris.peers import Journal
from stepwise.inspector import larger

_FIELDS: Final = {"C-ECHO": 0x0030, "C-FIND": 0x0020, "N-CREATE": 0x0140, "N-SET": 0x0120, "N-GET": 0x0110}
"""Command Field (0000,0100) of the request, PS3.7 E.1; the response has bit 8000H."""
_ACCESSION: Final = 0x00080050
_REQUEST: Final = "request"
_REQUESTED = (Verb.N_SET.value, Verb.N_GET.value)
NOT_KEPT: Final = "The journal keeps of a command set what is shown; Priority, Error ID and lists of attributes it does not."


@dataclass(frozen=True)
class Data:
    """A data set as it travelled. `dataset` is None where there is none, or it cannot be read, for which `problem` gives the reason."""

    name: str
    raw: bytes
    transfer_syntax: str
    dataset: Dataset | None
    problem: str = ""

    @classmethod
    def of(cls, name: str, raw: bytes, transfer_syntax: str) -> "Data":
        if not raw:
            return cls(name, raw, transfer_syntax, None)
        try:
            return cls(name, raw, transfer_syntax, decode(raw, transfer_syntax).dataset)
        except UndecodableDataSet as error:
            return cls(name, raw, transfer_syntax, None, str(error))

    def lengths(self) -> Lengths:
        """Of the data set, which can be read."""
        return lengths(self.raw, self.transfer_syntax)


@dataclass(frozen=True)
class CommandElement:
    tag: str
    keyword: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Said:
    """A request beside its response, either of which may be missing. `association` is None when its row was lost."""

    association: Association | None
    request: Message | None
    response: Message | None

    @property
    def first(self) -> Message:
        found = self.request or self.response
        assert found is not None  # made of one or both
        return found

    @property
    def is_query(self) -> bool:
        return self.first.service == Verb.C_FIND.value

    @property
    def is_refused(self) -> bool:
        status = self.response.status if self.response else None
        return status is not None and class_of(status) is StatusClass.FAILURE

    @property
    def calling(self) -> str:
        return self.association.calling if self.association else ""

    @cached_property
    def data(self) -> list[Data]:
        """The data sets in the order in which they went: of the request, of the first answers, of the response."""
        syntax = self.first.transfer_syntax
        found = [Data.of(_REQUEST, bytes(self.request.data), syntax)] if self.request else []
        if self.response:
            answers = unpacked(bytes(self.response.first_answers))
            found += [Data.of(f"answer-{number:02}", one, syntax) for number, one in enumerate(answers, start=1)]
            found.append(Data.of("response", bytes(self.response.data), syntax))
        return [one for one in found if one.raw]

    @cached_property
    def numbers(self) -> list[tuple[str, str]]:
        """(patient ID, accession number) of whom the data sets are about, for the audit trail."""
        each = (_numbers(one.dataset, self.is_query and one.name == _REQUEST) for one in self.data if one.dataset is not None)
        return list(dict.fromkeys(chain.from_iterable(each)))


def _numbers(dataset: Dataset, is_query: bool) -> Iterator[tuple[str, str]]:
    patient, name = ("".join(values.of(dataset.get(keyword))).strip() for keyword in ("PatientID", "PatientName"))
    return whom.named_in(patient, _accession_numbers(dataset), has_name=bool(name), is_query=is_query)


def _accession_numbers(dataset: Dataset) -> Iterator[str]:
    """At every depth; nothing else is converted, for there may be references to thousands of images."""
    for tag in list(dataset.keys()):
        if tag == _ACCESSION:
            yield "".join(values.of(dataset[tag].value)).strip()
        elif dataset.get_item(tag).VR == "SQ":
            for item in dataset[tag].value or ():
                yield from _accession_numbers(item)


def exchange(journal: Journal, association: UUID, number: int) -> Said:
    """That of the message with this number. Raises NotFound."""
    message = journal.messages().filter(association_id=association, pk=number).first()
    if message is None:
        raise NotFound("There is no such message in the journal; old ones are removed after a while.")
    return beside(message, journal)


def beside(message: Message, journal: Journal) -> Said:
    """The message with the one that it answers, or that answers it: the next of the same Message ID."""
    association = journal.associations().filter(pk=message.association_id).first()
    request, response = _pair(message)
    return Said(association, larger.completed(request, journal.site) if request else None, response)


def _pair(message: Message) -> tuple[Message | None, Message | None]:
    alike = Message.objects.filter(association_id=message.association_id, message_id=message.message_id, service=message.service)
    before, after = Q(time__lt=message.time) | Q(time=message.time, pk__lt=message.pk), Q(time__gt=message.time)
    after |= Q(time=message.time, pk__gt=message.pk)
    if message.direction == Message.Direction.IN:
        answer = alike.filter(after).order_by("time", "pk").first()
        return message, answer if answer and answer.direction == Message.Direction.OUT else None
    asked = alike.filter(before).order_by("-time", "-pk").first()
    return asked if asked and asked.direction == Message.Direction.IN else None, message


def command(message: Message) -> Sequence[CommandElement]:
    """What the journal has of the command set of a message (PS3.7 Annex E)."""
    is_request = message.direction == Message.Direction.IN
    field = _FIELDS.get(message.service)
    asks_for = "Requested" if is_request and message.service in _REQUESTED else "Affected"
    names = (0x0003, 0x1001) if asks_for == "Requested" else (0x0002, 0x1000)
    found = [(names[0], f"{asks_for}SOPClassUID", message.sop_class_uid, _name(message.sop_class_uid))]
    if field is not None:
        value = field if is_request else field | 0x8000
        found.append((0x0100, "CommandField", f"{value:04X}H", f"{message.service}-{'RQ' if is_request else 'RSP'}"))
    found.append(
        (0x0110 if is_request else 0x0120, "MessageID" if is_request else "MessageIDBeingRespondedTo", str(message.message_id), "")
    )
    has_data = bool(message.size or message.left_out)
    follows = ("not 0101H", "a data set follows; the journal does not keep the value") if has_data else ("0101H", "no data set")
    found.append((0x0800, "CommandDataSetType", *follows))
    if message.status is not None:
        found.append((0x0900, "Status", f"{message.status:04X}H", statuses.name_of(message.status)))
    if message.comment:
        found.append((0x0902, "ErrorComment", error_comment(message.comment), ""))
    if message.sop_instance_uid:
        found.append((names[1], f"{asks_for}SOPInstanceUID", message.sop_instance_uid, ""))
    return [CommandElement(f"(0000,{tag:04X})", keyword, value, note) for tag, keyword, value, note in sorted(found)]


def _name(uid: str) -> str:
    name = UID(uid).name if uid else ""
    return name if name != uid else ""
