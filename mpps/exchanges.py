"""The messages of a performed step beside their responses: what was received is kept here, what was answered is in the journal."""

from collections.abc import Hashable, Iterable
from dataclasses import replace

from dimse.models import Message
from mpps.models import MppsMessage, PerformedProcedureStep
from ris.web import datasets
from ris.web.exchanges import Exchange, exchange

FORGOTTEN = "The association log no longer has the response; this is its status as it was kept."


def of(performed: PerformedProcedureStep, messages: Iterable[MppsMessage], chosen: int, form: str) -> Exchange | None:
    """The exchange of the message with id `chosen`, the latest one when there is no such; None without messages."""
    known = list(messages)
    if not known:
        return None
    number, message = next(((n, one) for n, one in enumerate(known, 1) if one.pk == chosen), (len(known), known[-1]))
    shown = exchange(number, (_request(message), _response(performed, known, message)), form)
    return replace(shown, request_data=datasets.shown_json(message.dataset, f"request-{number}", form) if message.dataset else None)


def _request(message: MppsMessage) -> Message:
    """As the journal has it, which forgets it earlier."""
    return Message(
        time=message.received_at,
        direction=Message.Direction.IN,
        service=message.verb,
        message_id=message.message_id,
        sop_instance_uid=message.sop_instance_uid,
        transfer_syntax=message.transfer_syntax,
        size=len(message.raw),
    )


def _response(performed: PerformedProcedureStep, known: list[MppsMessage], message: MppsMessage) -> Message:
    """The one in the journal; of several that answer equal requests in the same way the last is the last one's, and so on."""
    answers = Message.objects.filter(
        direction=Message.Direction.OUT, sop_instance_uid=performed.sop_instance_uid, service=message.verb,
        message_id=message.message_id, status=message.status, association__calling=message.calling_ae_title,
    ).order_by("-time", "-pk")  # fmt: skip
    after = sum(_key(one) == _key(message) and one.pk > message.pk for one in known)
    found = answers[after : after + 1].first()
    return found or Message(
        time=message.received_at,
        direction=Message.Direction.OUT,
        service=message.verb,
        message_id=message.message_id,
        status=message.status,
        comment=message.error_comment,
        sop_instance_uid=message.sop_instance_uid,
        remark=FORGOTTEN,
    )


def _key(message: MppsMessage) -> Hashable:
    return message.verb, message.message_id, message.status, message.calling_ae_title
