"""What was said over the network, put into the journal by its own writer."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from pydicom.dataset import Dataset

from dimse import journal
from dimse.encode import encode
from dimse.entries import AssociationEnded, AssociationStarted, Ending, MessageEntry, now
from dimse.models import Association, Message
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST, AssociationInfo
from dimse.strangers import NoDicom
from dimse.tls import Secured


def an_association(
    calling: str = "CT01",
    *,
    called: str = "STEPWISE",
    at: datetime | None = None,
    rejection: str = "",
    address: str = "10.0.0.7",
    note: str = "",
    secured: Secured | None = None,
    taken_for: NoDicom | None = None,
) -> UUID:
    """One that is over, or was rejected."""
    info = AssociationInfo(uuid4(), calling, called, address, 50000, secured=secured)
    began = at or now()
    started = AssociationStarted(info, began, "TESTS", rejection, note=note, taken_for=taken_for)
    ended = [] if rejection else [AssociationEnded(info.id, began + timedelta(milliseconds=20), Ending.RELEASED)]
    journal.write([started, *ended])
    return info.id


def a_query(
    identifier: Dataset | bytes,
    calling: str = "CT01",
    *,
    called: str = "STEPWISE",
    answers: int = 0,
    status: int | None = 0,
    comment: str = "",
    remark: str = "",
    at: datetime | None = None,
) -> Message:
    """The request, answered in an association of its own; without a status it is over before the answer."""
    asked = at or now()
    association = an_association(calling, called=called, at=asked)
    data = identifier if isinstance(identifier, bytes) else encode(identifier, EXPLICIT_VR_LITTLE_ENDIAN)
    common = {
        "association_id": association,
        "verb": "C-FIND",
        "message_id": 1,
        "sop_class_uid": MODALITY_WORKLIST,
        "transfer_syntax": EXPLICIT_VR_LITTLE_ENDIAN,
    }
    answered = {"time": asked + timedelta(milliseconds=5), "status": status, "comment": comment, "note": remark, "answer_count": answers}
    response = [] if status is None else [MessageEntry(**common, **answered, incoming=False, duration_ms=5.0)]
    journal.write([MessageEntry(**common, time=asked, incoming=True, data=data), *response])
    return Association.objects.get(pk=association).messages.get(direction=Message.Direction.IN)
