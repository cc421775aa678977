"""The data set of an N-CREATE or N-SET that is too large for the journal: out of the record that each of them is kept in to the byte."""

from django.db.models.functions import Length

from dimse.models import Message
from mpps.models import MppsMessage
from ris import clock
from ris.models import Site


def completed(message: Message, site: Site | None) -> Message:
    """The message, with the data set that the journal left out where the performed step's record has it."""
    if not message.left_out or not message.sop_instance_uid or site is None:
        return message
    alike = MppsMessage.objects.filter(site=site, sop_instance_uid=message.sop_instance_uid, verb=message.service)
    same = alike.filter(message_id=message.message_id).annotate(bytes=Length("raw")).filter(bytes=message.left_out)
    when = clock.shown_at(message.time, site)
    received = dict(same.values_list("pk", "received_at"))
    if received:
        nearest = min(received, key=lambda pk: abs(received[pk] - when))
        message.data = bytes(MppsMessage.objects.values_list("raw", flat=True).get(pk=nearest))
        message.size = len(message.data)
        message.remark = message.remark.replace("not kept", "not kept in the journal; this is the performed step's record of it")
    return message
