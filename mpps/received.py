"""A received N-CREATE or N-SET, as the actions take it, and the row that keeps it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from dimse import statuses
from dimse.services import Verb, Warned
from mpps.datasets import Json
from mpps.models import MppsMessage, PerformedProcedureStep
from ris.actor import Actor
from ris.insertion import insert_one
from ris.models import Site


def _unheard(warned: Warned) -> None:
    """Where nobody answers."""


@dataclass(frozen=True)
class Received:
    """`dataset` is the Attribute List or Modification List as DICOM JSON, `raw` its bytes in `transfer_syntax`.

    `notes` are oddities that were tolerated when it was decoded, in words. `received_at` is the site's time.
    """

    site: Site
    verb: Verb
    sop_instance_uid: str
    dataset: Json
    received_at: datetime
    calling_ae_title: str
    called_ae_title: str = ""
    address: str = ""
    message_id: int = 0
    transfer_syntax: str = ""
    raw: bytes = b""
    notes: tuple[str, ...] = field(default=())
    warn: Callable[[Warned], None] = field(default=_unheard, compare=False)
    """Told when the message is accepted with a warning."""

    @property
    def actor(self) -> Actor:
        return Actor.modality(self.calling_ae_title.strip() or "(no AE title)")


def keep(
    message: Received, performed_step: PerformedProcedureStep | None, status: int = statuses.SUCCESS, error_comment: str = ""
) -> MppsMessage:
    """Store the message with the status that answers it; its UID without what a column cannot hold (NUL)."""
    row = MppsMessage(
        site=message.site,
        performed_step=performed_step,
        sop_instance_uid=message.sop_instance_uid.replace("\0", "")[:64],
        verb=message.verb,
        received_at=message.received_at,
        calling_ae_title=message.calling_ae_title[:16],
        called_ae_title=message.called_ae_title[:16],
        address=message.address[:64],
        message_id=message.message_id,
        status=status,
        error_comment=error_comment[:250],
        transfer_syntax=message.transfer_syntax,
        raw=message.raw,
        dataset=message.dataset,
    )
    return insert_one(row)
