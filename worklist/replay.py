"""A query of the journal asked again, of today's list: by the code of the SCP, as the same station, and nothing is kept of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pydicom import Dataset

from dimse import statuses
from dimse.decode import UndecodableDataSet, decode
from dimse.errors import DimseFailure
from dimse.models import unpacked
from dimse.services import AssociationInfo, EncodedAnswers, FindRequest
from dimse.statuses import CANCELED, StatusClass, class_of
from worklist import keys, scp, values
from worklist.captured import Captured, Ending, is_at_limit
from worklist.keys import Key

MOST: Final = 2000
"""Answers that are composed and compared."""
_IDENTITY: Final = ("StudyInstanceUID", "RequestedProcedureID", "AccessionNumber", "PatientID")
_STEP_ID: Final = Key("ScheduledProcedureStepID").tag


@dataclass(frozen=True)
class Replayed:
    """The answers then, as far as the journal has them (the first ten), and now; `status` and `comment` are the final ones of now.

    `is_complete`: every exam that matched then was sent. `is_cut`: there are more now than were composed, or than the station is set to.
    """

    then: tuple[Dataset, ...]
    then_count: int
    now: tuple[Dataset, ...]
    status: int
    comment: str = ""
    remarks: tuple[str, ...] = ()
    is_cut: bool = False
    is_complete: bool = True

    @property
    def is_more(self) -> bool:
        """Than `MOST`."""
        return self.is_cut and len(self.now) == MOST

    @property
    def then_is_whole(self) -> bool:
        """Whether the journal has an answer of then for every exam that matched."""
        return self.is_complete and len(self.then) >= self.then_count

    @property
    def added(self) -> list[Dataset]:
        """Answers of now that were none then; empty where the journal does not have all of then."""
        known = _by_identity(self.then)
        return [one for key, one in _by_identity(self.now).items() if key not in known] if self.then_is_whole else []

    @property
    def gone(self) -> list[Dataset]:
        known = _by_identity(self.now)
        return [] if self.is_cut else [one for key, one in _by_identity(self.then).items() if key not in known]

    @property
    def stayed(self) -> list[tuple[Dataset, Dataset]]:
        """Answers of then beside those of now about the same exam."""
        known = _by_identity(self.now)
        return [(one, known[key]) for key, one in _by_identity(self.then).items() if key in known]


def again(captured: Captured) -> Replayed:
    """The query, answered now. Faults that are switched on are not played: they are the network's, not the list's.

    Raises UndecodableDataSet for an identifier that cannot be read, ValueError when it is not known who asked.
    """
    message = captured.message
    then = _then(captured)
    decoded = decode(bytes(message.data), message.transfer_syntax)
    remarks: list[str] = []
    request = FindRequest(
        association=_association(captured),
        message_id=message.message_id,
        sop_class_uid=message.sop_class_uid,
        transfer_syntax=message.transfer_syntax,
        raw=bytes(message.data),
        notes=decoded.notes,
        identifier=decoded.dataset,
        is_cancelled=lambda: False,
        remark=remarks.append,
    )
    answers, status, comment = _answered(request)
    now = tuple(decode(one, message.transfer_syntax).dataset for one in answers[:MOST])
    is_cut = len(answers) > MOST or is_at_limit(remarks)
    return Replayed(then, captured.sent, now, status, comment, tuple(remarks), is_cut, captured.ending is Ending.COMPLETE)


def why_not(captured: Captured) -> str:
    """Why it cannot be asked again, in words; empty when it can."""
    if captured.association is None:
        return "the journal has lost its association: which station asked, and gets its list, is not known"
    return captured.read.problem


def _association(captured: Captured) -> AssociationInfo:
    found = captured.association
    if found is None:
        raise ValueError(why_not(captured))
    extended = {one["abstract_syntax"]: bytes.fromhex(one["extended"]) for one in found.contexts if "extended" in one}
    return AssociationInfo(found.pk, found.calling, found.called, found.address, found.port, extended)


def _answered(request: FindRequest) -> tuple[list[bytes], int, str]:
    """Encoded answers, one more than `MOST` where there are more, the final status and its comment."""
    encoded: list[bytes] = []
    try:
        for answer in scp.c_find_again(request):
            if isinstance(answer, EncodedAnswers):
                encoded.extend(islice(answer.identifiers, MOST + 1 - len(encoded)))
            elif class_of(answer[0]) is StatusClass.FAILURE or answer[0] == CANCELED:
                return encoded, answer[0], ""
            if len(encoded) > MOST:
                break
    except DimseFailure as failure:
        return encoded, failure.status, failure.comment
    return encoded, statuses.SUCCESS, ""


def _then(captured: Captured) -> tuple[Dataset, ...]:
    """What the journal has of the answers; one that cannot be read any more is left out."""
    packed = bytes(captured.response.first_answers) if captured.response else b""
    found = []
    for answer in unpacked(packed):
        try:
            found.append(decode(answer, captured.message.transfer_syntax).dataset)
        except UndecodableDataSet:
            continue
    return tuple(found)


def _by_identity(answers: Iterable[Dataset]) -> Mapping[tuple[str, ...], Dataset]:
    """By what tells one exam from another in what was asked for; those that it does not tell apart are numbered as they came."""
    found: dict[tuple[str, ...], Dataset] = {}
    seen: Counter[tuple[str, ...]] = Counter()
    for one in answers:
        identity = identity_of(one)
        found[*identity, str(seen[identity])] = one
        seen[identity] += 1
    return found


def identity_of(answer: Dataset) -> tuple[str, ...]:
    """The step of its study, whatever was corrected in the rest of it; what else it has where the study was not asked for.

    Without any of it, all that was answered.
    """
    item = values.items(answer, keys.STEP_SEQUENCE.tag)
    step = "\\".join(values.texts(item[0].get(_STEP_ID))) if item else ""
    study, *others = ("\\".join(values.texts(answer.get(Key(keyword).tag))) for keyword in _IDENTITY)
    if study:
        return (step, study)
    return (step, *others) if step or any(others) else (answer.to_json(),)
