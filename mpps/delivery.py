"""Bringing messages and notifications to their destinations. Any number of workers may do this at the same time."""

import time
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError

from dimse import charsets, statuses
from dimse.dispatch import without_values
from dimse.encode import encode
from dimse.outcomes import ScuAnswer, ScuError
from dimse.relay import Relay
from dimse.scu import Timeouts
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MPPS_NOTIFICATION, TRANSFER_SYNTAXES, Verb
from mpps import checking, datasets, outbox, replies
from mpps.destinations import POSES
from mpps.models import Delivery, Destination, MppsMessage
from mpps.outbox import ClaimLost
from mpps.replies import Reply
from mpps.transitions import COMPLETED, DISCONTINUED, FINAL
from ris import outgoing, peers

BUDGET: Final = 20.0  # seconds of a worker for one destination; others have their turn
TIMEOUTS: Final = Timeouts(connect=5.0, association=10.0, response=20.0)

# Event Type IDs of MPPS Notification, PS3.4 Table F.9.2-1. 5 (deleted) never happens: no performed step is deleted here.
IN_PROGRESS_EVENT, COMPLETED_EVENT, DISCONTINUED_EVENT, UPDATED_EVENT = 1, 2, 3, 4
EVENT_OF: Final = {COMPLETED: COMPLETED_EVENT, DISCONTINUED: DISCONTINUED_EVENT}

log = structlog.get_logger(__name__)


def deliver(destination_id: int, budget: float = BUDGET) -> int:
    """Send what waits for the destination, in order, for some `budget` seconds; return how many messages were answered.

    One that cannot be reached is tried again after a while; a database that is away is raised.
    """
    deadline = time.monotonic() + budget
    answered = 0
    while time.monotonic() < deadline and outbox.is_due(destination_id):
        destination = outbox.claim(destination_id)
        if destination is None:
            break
        visit = _Visit(destination)
        try:
            visit.run(deadline)
        except ClaimLost:
            log.warning("the way to a destination was lost", destination=destination.name)
            break
        finally:
            answered += visit.answered
    return answered


class _Visit:
    """One association with a destination, as long as there is something for it."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.answered = 0

    def run(self, deadline: float) -> None:
        """Send, and give the way back with what was met."""
        to, error = self.destination, ""
        if to.calling_ae_title and peers.poses_as_another_s(to.site, to.calling_ae_title, to.called_ae_title):
            outbox.release(to, f"Nothing is sent: the calling AE title {to.calling_ae_title} {POSES}. Change it in the destination.")
            return
        try:
            with self._line() as line:
                while time.monotonic() < deadline and (heads := outbox.heads(self.destination)):
                    for delivery in heads:
                        if time.monotonic() < deadline:
                            self._send(line, delivery)
        except ScuError as met:
            error = str(met)
            log.warning("a destination cannot be told", destination=self.destination.name, error=type(met).__name__)
        except ClaimLost:
            outbox.release(self.destination)  # of one that was switched off; a way that somebody else has stays theirs
            raise
        except (OperationalError, InterfaceError):
            raise
        except Exception as fault:  # noqa: BLE001  (a fault of ours is said where people look, and it is tried again)
            error = f"It cannot be told: {type(fault).__name__}; the log of the worker says where."
            log.error("a destination cannot be told", destination=self.destination.name, error=without_values(fault))
        outbox.release(self.destination, error, answered=self.answered > 0)

    def _line(self) -> Relay:
        to = self.destination
        is_events = to.kind == Destination.Kind.EVENTS
        return Relay(
            to.host,
            to.port,
            calling=to.calling_ae_title or to.site.ae_title,
            called=to.called_ae_title,
            contexts=[MPPS_NOTIFICATION if is_events else MODALITY_PERFORMED_PROCEDURE_STEP],
            syntaxes=[TRANSFER_SYNTAXES] if is_events else [(syntax,) for syntax in TRANSFER_SYNTAXES],
            as_scp=is_events,
            timeouts=TIMEOUTS,
            tls=outgoing.context() if to.tls else None,
        )

    def _send(self, line: Relay, delivery: Delivery) -> None:
        """One message; what comes of it is written down. Raises ScuError when the association is over with it, and ClaimLost."""
        if not outbox.begin(self.destination, delivery):
            return
        message = delivery.message
        status = None
        try:
            answer = self._ask(line, message)
        except ScuError as error:
            outbox.record(self.destination, delivery, replies.unanswered(self._verb(message), error))
            raise
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001  (one bad message must not hold up the others)
            log.error("a message cannot be sent on", message=message.pk, error=without_values(error))
            reply = Reply(replies.AGAIN, f"It cannot be sent: {type(error).__name__}; the log of the worker says where.")
        else:
            status = answer.status
            final = checking.understood_status(message.dataset) in FINAL
            repeated = delivery.attempts > 1 or delivery.may_have_arrived
            known = not answer.ok and outbox.is_told_by_others(delivery)
            reply = replies.judge(self._verb(message), answer, repeated=repeated, final=final, known=known)
            self.answered += 1
        outbox.record(self.destination, delivery, reply, status)
        report = log.info if reply.outcome == Delivery.State.SENT else log.warning
        code = "" if status is None else f"{status:04X}H {statuses.name_of(status)}"
        report("a performed step was sent on", to=self.destination.name, message=message.pk, outcome=reply.outcome, answer=code)

    def _verb(self, message: MppsMessage) -> str:
        return replies.EVENT if self.destination.kind == Destination.Kind.EVENTS else message.verb

    def _ask(self, line: Relay, message: MppsMessage) -> ScuAnswer:
        if self.destination.kind == Destination.Kind.EVENTS:
            return line.n_event_report(event_type(message), message.sop_instance_uid)
        takes = line.syntaxes(MODALITY_PERFORMED_PROCEDURE_STEP)
        syntax = message.transfer_syntax if message.transfer_syntax in takes else takes[0]
        return line.send_on(message.verb, message.sop_instance_uid, in_syntax(message, syntax), syntax)


def event_type(message: MppsMessage) -> int:
    """What an accepted message did to the performed step."""
    if message.verb == Verb.N_CREATE:
        return IN_PROGRESS_EVENT
    return EVENT_OF.get(checking.understood_status(message.dataset) or "", UPDATED_EVENT)


def in_syntax(message: MppsMessage, syntax: str) -> bytes | None:
    """The data set of a message: its bytes as received, or the same in another transfer syntax, in its own character set if it fits."""
    raw = bytes(message.raw)
    if message.transfer_syntax == syntax or not message.dataset:
        return raw or None
    dataset = datasets.whole(message.dataset)
    declared = tuple(datasets.text(message.dataset, "SpecificCharacterSet").split("\\"))
    terms = charsets.choose(datasets.texts(message.dataset), declared) or charsets.read("\\".join(declared)).terms
    if terms:
        dataset.SpecificCharacterSet = list(terms) if len(terms) > 1 else terms[0]
    return encode(dataset, syntax)
