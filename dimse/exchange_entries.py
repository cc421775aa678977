"""What the journal keeps of a request and of its final response."""

from uuid import UUID

from dimse.commands import Response
from dimse.dispatch import Message
from dimse.entries import MessageEntry, now


def request_entry(association_id: UUID, message: Message, note: str) -> MessageEntry:
    return MessageEntry(
        association_id=association_id,
        time=now(),
        incoming=True,
        verb=message.verb,
        message_id=message.message_id,
        sop_class_uid=message.sop_class_uid or "",
        sop_instance_uid=message.sop_instance_uid or "",
        transfer_syntax=message.transfer_syntax,
        data=message.data or b"",
        note=note,
    )


def response_entry(
    association_id: UUID,
    response: Response,
    transfer_syntax: str,
    *,
    data: bytes,
    note: str,
    answers: tuple[bytes, ...],
    answer_count: int | None,
    duration_ms: float,
) -> MessageEntry:
    """`answers` are the identifiers of a C-FIND that are kept, `answer_count` how many there were; None for every other verb."""
    return MessageEntry(
        association_id=association_id,
        time=now(),
        incoming=False,
        verb=response.verb,
        message_id=response.message_id,
        sop_class_uid=response.sop_class_uid,
        sop_instance_uid=response.sop_instance_uid,
        status=response.status,
        comment=response.comment,
        transfer_syntax=transfer_syntax,
        data=data,
        note=note,
        answers=answers,
        answer_count=answer_count,
        duration_ms=duration_ms,
    )
