"""Worklist queries that came by association, read back from the journal by the code that served them.

What cannot be read any more, or could not be read at the time, is told in words in the place of the query.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from pydicom import Dataset

from dimse.decode import UndecodableDataSet, decode
from dimse.models import Association, Message, unpacked
from dimse.services import MODALITY_WORKLIST, Verb
from dimse.statuses import CANCELED, StatusClass, class_of
from ris.peers import WHOLE, Journal
from ris.profiles import Profile
from worklist import agreement, keys, query, values
from worklist.agreement import Agreement
from worklist.keys import Key
from worklist.query import BadKey, Query

_STEP_ID, _STUDY = Key("ScheduledProcedureStepID").tag, Key("StudyInstanceUID").tag
LOOKED_THROUGH = 200
"""Associations of a station, the latest and the open ones, in which its queries are looked for."""

_AT_LIMIT = "more exams match than the"


def limit_remark(station: Profile) -> str:
    """What the journal says beside a response whose answers ended at the station's limit; `Captured.ending` knows it again."""
    return f"{_AT_LIMIT} {station.answer_limit} answers that {station.ae_title} is set to: the later ones were not sent"


def is_at_limit(remarks: Iterable[str]) -> bool:
    return any(remark.startswith(_AT_LIMIT) for remark in remarks)


class Ending(StrEnum):
    """How the answers to a query ended."""

    COMPLETE = "complete"  # every exam that matched was sent
    CANCELED = "canceled"  # the modality did not want the rest (FE00)
    LIMIT = "limit"  # the station is set to fewer answers than there were (0000 or A700)
    FAILURE = "failure"  # a failure, whatever was sent before
    LOST = "lost"  # the association ended before the final response


@dataclass(frozen=True)
class Read:
    """A query as its bytes say, or in `problem` why there is none; `notes` say what was tolerated on the way."""

    query: Query | None
    problem: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Captured:
    """A C-FIND request of the journal with its final response, None while there is none. `association` is None when its row was lost."""

    message: Message
    response: Message | None
    association: Association | None
    read: Read

    @property
    def calling(self) -> str:
        return self.association.calling if self.association else ""

    @property
    def agreed(self) -> Agreement:
        """What its association agreed on for worklist queries."""
        contexts = self.association.contexts if self.association else []
        found = (one["extended"] for one in contexts if one.get("abstract_syntax") == MODALITY_WORKLIST and "extended" in one)
        extended = next(found, None)
        return agreement.read(None if extended is None else bytes.fromhex(extended))

    @property
    def ending(self) -> Ending | None:
        """None while the answers go on, as far as the journal knows."""
        answer = self.response
        if answer is None or answer.status is None:
            return Ending.LOST if self.association is not None and self.association.ended is not None else None
        if is_at_limit(str(answer.remark).split("; ")):
            return Ending.LIMIT
        if answer.status == CANCELED:
            return Ending.CANCELED
        return Ending.FAILURE if class_of(answer.status) is StatusClass.FAILURE else Ending.COMPLETE

    @property
    def sent(self) -> int:
        """The answers that went out before the final response, or have as far as the journal knows."""
        return self.response.answer_count or 0 if self.response else 0

    @property
    def stopped(self) -> str:
        """Why later answers were not sent, for people; empty when all were, or it was a failure."""
        sent = f"{self.sent} answer{'' if self.sent == 1 else 's'}"
        match self.ending:
            case Ending.CANCELED:
                return f"canceled by the modality after {sent}"
            case Ending.LIMIT:
                return f"ended by the station's answer limit after {sent}"
            case Ending.LOST:
                return "its association ended before the final response"
        return ""

    @property
    def failure(self) -> str:
        """How it was answered when that was a failure: `A900 Identifier does not match SOP class: ScheduledProcedureStepStartDate …`."""
        answer = self.response
        if answer is None or answer.status is None or class_of(answer.status) is not StatusClass.FAILURE:
            return ""
        said = self.read.problem if answer.comment and self.read.problem.startswith(answer.comment) else answer.comment  # 64 characters
        return f"{answer.status:04X} {answer.status_name}{f': {said}' if said else ''}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd when it came, what was tolerated, and what the answer left out."""
        remarks = str(self.message.remark), str(self.response.remark) if self.response else ""
        said = [part for remark in remarks for part in remark.split("; ") if part]
        return tuple(dict.fromkeys((*self.read.notes, *said)))

    def place_of(self, step_id: str, study_instance_uid: str) -> int | None:
        """Which of the first answers, counted from 1, was the exam of this scheduled procedure step ID and study; None when none was.

        The journal keeps the first ten. An answer tells only what was asked for: without a step ID it is not known whose it is.
        """
        response = Message.objects.filter(pk=self.response.pk).first() if self.response else None
        for place, answer in enumerate(unpacked(bytes(response.first_answers)) if response else [], start=1):
            dataset = decode(answer, self.message.transfer_syntax).dataset
            item = values.items(dataset, keys.STEP_SEQUENCE.tag)
            told = values.texts(item[0].get(_STEP_ID)) if item else ()
            if told == (step_id,) and values.texts(dataset.get(_STUDY)) in ((), (study_instance_uid,)):
                return place
        return None


@lru_cache(maxsize=256)
def read(data: bytes, transfer_syntax: str) -> Read:
    """The query of an identifier as it travelled, read as the SCP reads it."""
    try:
        decoded = decode(data, transfer_syntax)
        asked = query.parse(decoded.dataset)
    except UndecodableDataSet as error:
        return Read(None, f"the identifier cannot be decoded: {error}")
    except BadKey as error:
        return Read(None, str(error))
    unsupported = tuple(f"{name} is not supported: it filters nothing" for name in asked.unsupported)
    return Read(asked, notes=(*decoded.notes, *asked.notes, *unsupported))


def by_id(message_id: int, journal: Journal = WHOLE) -> Captured | None:
    """The C-FIND request of that number, or the one that the response of that number answers."""
    message = _finds(journal).filter(pk=message_id).first()
    if message is None:
        return None
    if message.direction == Message.Direction.OUT:
        asked = _finds(journal).filter(association_id=message.association_id, message_id=message.message_id, direction=Message.Direction.IN)
        message = asked.filter(time__lte=message.time).first()
    return _captured([message])[0] if message is not None else None


def these(ids: Iterable[int], journal: Journal = WHOLE) -> list[Captured]:
    """The C-FIND requests of these numbers, the latest first."""
    return _captured(_finds(journal).filter(pk__in=list(ids)))


def latest(calling: str, most: int = 1, journal: Journal = WHOLE) -> list[Captured]:
    """The last queries of a calling AE title, the latest first."""
    return page(calling, 0, most, journal)[0]


def last_like(calling: str, identifier: Dataset, journal: Journal = WHOLE) -> Captured | None:
    """The last query of a calling AE title that asked the same; None when the journal has none. Raises BadKey."""
    asked = query.parse(identifier)
    return next((one for one in latest(calling, LOOKED_THROUGH, journal) if one.read.query == asked), None)


def page(calling: str, offset: int, limit: int, journal: Journal = WHOLE) -> tuple[list[Captured], int]:
    """Its queries in pages, the latest first, and the number of all that `LOOKED_THROUGH` lets see."""
    asked = _asked_by(calling, journal)
    found = _finds(journal).filter(pk__in=asked[offset : offset + limit]) if offset < len(asked) else []
    return _captured(found), len(asked)


def _asked_by(calling: str, journal: Journal) -> list[int]:
    """Its queries by number, from its latest associations and those that are still open: a modality may keep one for the day.

    Which messages are queries is looked at here: asked of SQLite, it would read every query of every station.
    """
    own = journal.calling(calling)
    recent = own.order_by("-started").values_list("pk", flat=True)[:LOOKED_THROUGH]
    still_open = own.filter(ended=None).order_by("-started").values_list("pk", flat=True)[:LOOKED_THROUGH]
    said = Message.objects.filter(association__in={*recent, *still_open}).order_by()
    asked = [
        (time, pk)
        for time, pk, service, direction in said.values_list("time", "pk", "service", "direction")
        if service == Verb.C_FIND.value and direction == Message.Direction.IN
    ]
    return [pk for _, pk in sorted(asked, reverse=True)]


def last_rejected(calling: str, since: datetime | None, journal: Journal = WHOLE) -> Association | None:
    """The last association of a calling AE title when that was rejected, and after `since`."""
    last = journal.calling(calling).between(since).order_by("-started").first()
    return last if last is not None and last.end == Association.End.REJECTED else None


def address_of(calling: str, journal: Journal = WHOLE) -> str:
    """Where a calling AE title called from last; empty when it never did."""
    last = journal.calling(calling).order_by("-started").first()
    return last.address if last is not None else ""


def kept_since(journal: Journal = WHOLE) -> datetime | None:
    """When the oldest association began that the journal still has; None when it has none."""
    return journal.associations().order_by("started").values_list("started", flat=True).first()


def _finds(journal: Journal) -> QuerySet[Message]:
    found = journal.messages().filter(service=Verb.C_FIND.value).defer("first_answers")
    return found.order_by("-time", "-pk").prefetch_related("association")


def _captured(messages: Iterable[Message]) -> list[Captured]:
    asked = list(messages)
    responses = _responses(asked)
    return [Captured(one, responses.get(one.pk), _association(one), _read(one)) for one in asked]


def _read(message: Message) -> Read:
    if not message.data:
        why = str(message.remark) or "it came without a data set"
        return Read(None, f"there is no identifier to read: {why}")
    return read(bytes(message.data), message.transfer_syntax)


def _association(message: Message) -> Association | None:
    try:
        return message.association
    except ObjectDoesNotExist:
        return None


def _responses(asked: Sequence[Message]) -> dict[int, Message]:
    """The final response to each request, by the request's number: the first of its message ID that came after it."""
    answers = Message.objects.filter(association__in={one.association_id for one in asked}, direction=Message.Direction.OUT)
    ordered = [one for one in answers.defer("data", "first_answers").order_by("time", "pk") if one.service == Verb.C_FIND.value]
    found: dict[int, Message] = {}
    for one in asked:
        later = (a for a in ordered if (a.association_id, a.message_id) == (one.association_id, one.message_id) and a.time >= one.time)
        response = next(later, None)
        if response is not None:
            found[one.pk] = response
    return found
