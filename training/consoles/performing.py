"""A key that was pressed is done: claimed, sent, and what came of it written down. Any number of workers may do this at the same time."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from random import Random

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from pydicom.dataset import Dataset

from dimse.dispatch import without_values
from dimse.outcomes import ScuError
from dimse.scu import Timeouts
from ris import clock
from ris.errors import RisError
from training.actions import console_acts
from training.actions.console_acts import NotHeld
from training.consoles import imitated, keys, words
from training.consoles.deeds import DEEDS, Desk
from training.consoles.neighbours import refuse_neighbours
from training.consoles.plain import plain
from training.consoles.store import ConsoleStore
from training.consoles.summary import summary
from training.faults.active import skewed
from training.modality import Modality, ModalityError, NoAnswer
from training.models import Console, ConsoleAct
from training.sent import Sent
from training.target import Target

ANSWERS_KEPT = 20
"""Of the answers to one query."""
MOST_LISTED = 500
"""Answers after which a console cancels a query, unless its device does so earlier: all of a large worklist would fill the worker."""
PATIENCE = Timeouts(query=40.0)
"""Even a target that never ends its answer to a query, nor heeds a cancel, is given up before the lease of `console_acts` runs out."""
Status = ConsoleAct.Status

log = structlog.get_logger(__name__)


def perform(act_id: int) -> None:
    """Do the act if nobody else does, and nobody withdrew it. A database that is away is raised."""
    act = console_acts.claim(act_id)
    if act is None:
        return
    try:
        status, text = _done(act)
    except NotHeld:
        log.warning(
            "a console's exchange was given up: its lease ran out, or the plug was pulled", console=act.console.ae_title, key=act.key
        )
        return
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001  (the console must be usable afterwards)
        log.error("a console's key failed", console=act.console.ae_title, key=act.key, error=without_values(error))
        status = Status.FAILED
        text = f"It failed by a fault of this program ({type(error).__name__}); the log of the worker says where. Try another key."
    console_acts.finish(act, status, text)


def _done(act: ConsoleAct) -> tuple[ConsoleAct.Status, str]:
    modality = modality_of(act)
    try:
        with closing(modality):
            if act.console.is_elsewhere and act.key != keys.PLUG:  # titles may have been handed out since it was pointed there
                refuse_neighbours(act.console.site, modality.ae_title, modality.target)
            return Status.DONE, DEEDS[act.key](Desk(act, modality, modality.chance))
    except NoAnswer as error:
        cause = error.__cause__
        key = keys.named(act.key)
        said = words.no_answer(cause, key, modality.target, modality.ae_title) if isinstance(cause, ScuError) else str(error)
        return Status.FAILED, said
    except (ModalityError, RisError) as error:
        return Status.FAILED, str(error)


def modality_of(act: ConsoleAct) -> Modality:
    """The console of a claimed act as a virtual modality."""
    console = act.console
    device = imitated.named(console.profile)
    return Modality(
        console.ae_title,
        target_of(console),
        ConsoleStore(act),
        operator=console.operator,
        profile=replace(device, kind=console.kind, cancels_after=device.cancels_after or MOST_LISTED),
        listener=partial(_tell, act),
        now=skewed(console.ae_title, partial(clock.now, console.site), console.site),
        zone=clock.zone(console.site),
        chance=Random(),
    )


def target_of(console: Console) -> Target:
    """Whom it asks and tells: this Stepwise unless it was pointed elsewhere."""
    if console.is_elsewhere:
        return Target(console.host, console.port or 0, console.called, PATIENCE)
    return Target(settings.DICOM_HOST, settings.DICOM_PORT, console.site.ae_title, PATIENCE)


def _tell(act: ConsoleAct, sent: Sent) -> None:
    answer = sent.answer
    console_acts.tell(
        act,
        at=sent.begun,
        verb=sent.verb,
        calling=sent.calling,
        target=str(sent.target),
        summary=summary(sent)[:255],
        sop_instance_uid=sent.sop_instance_uid[:128],
        request=plain(sent.request),
        answers=[plain(one) for one in _answers(sent)],
        answer_count=len(sent.answers) if sent.verb == "C-FIND" and answer else None,
        status=answer.status if answer else None,
        comment=answer.comment.replace("\0", "") if answer else "",
        error_id=answer.error_id if answer else None,
        offending=list(answer.offending) if answer else [],
        failure=sent.failure,
        duration_ms=sent.seconds * 1000,
    )


def _answers(sent: Sent) -> list[Dataset]:
    """The first answers to a C-FIND, or the attributes that came back with another answer."""
    if sent.answers:
        return list(sent.answers[:ANSWERS_KEPT])
    return [sent.answer.dataset] if sent.answer and sent.answer.dataset else []
