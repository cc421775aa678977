"""Charges on their way: claimed, sent, and the answer written down. Any number of workers may do this at the same time."""

import time
from datetime import timedelta

import structlog
from django.db import InterfaceError, OperationalError

from billing import queries, targets
from billing.actions import delivering
from billing.errors import DeliveryError, Garbled, NotReached, Refused
from billing.models import Charge, DeliveryAttempt
from dimse.dispatch import without_values
from ris import outbox

BACKOFF_FIRST = 1.0  # seconds
BACKOFF_CAP = 15.0  # seconds; with the sweep's 5 a receiver that returns has its charges well within a minute
SWEEP_BUDGET = 20.0  # seconds
SWEEP_BATCH = 100
Result = DeliveryAttempt.Result
_RESULTS = ((Refused, Result.REFUSED), (Garbled, Result.GARBLED), (NotReached, Result.NOT_REACHED), (DeliveryError, Result.NO_ANSWER))

log = structlog.get_logger(__name__)


def deliver(charge_id: int) -> DeliveryAttempt.Result | None:
    """Send the charge if it is due and return what came of it; None when it was not due or cannot be written as a message.

    A charge that meets a fault of ours has FAILED afterwards, with the others still to come; a database that is away is raised.
    """
    charge = None
    try:
        charge = delivering.claim(charge_id)
        if charge is None:
            return None
        attempt = _send(charge)
        delivering.record(charge, attempt, retry_in=backoff(charge.attempts))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001  (one bad charge must not hold up the others)
        log.error("charge cannot be sent", charge=charge_id, error=without_values(error))
        attempt = delivering.Attempt(Result.UNSENDABLE, f"It cannot be sent: {type(error).__name__}; the log of the worker says where.", 0)
        delivering.record(charge, attempt) if charge else delivering.give_up(charge_id, attempt)
        return attempt.result
    # Neither the message nor the receiver's text, which may repeat what it was sent.
    report = log.info if attempt.result == Result.ACCEPTED else log.warning
    report("charge sent", control_id=charge.control_id, attempt=charge.attempts, result=attempt.result.value, code=attempt.code)
    return attempt.result


def sweep(budget: float = SWEEP_BUDGET) -> int:
    """Send what is due, oldest first, for at most `budget` seconds; return how many were accepted.

    It ends with the first charge that gets no answer, or no connection: the receiver is away, and the others would wait for it in turn.
    """
    deadline = time.monotonic() + budget
    accepted = 0
    while due := _due():
        for charge_id in due:
            result = deliver(charge_id)
            accepted += result == Result.ACCEPTED
            if result in (Result.NOT_REACHED, Result.NO_ANSWER) or time.monotonic() > deadline:
                return accepted
    return accepted


def backoff(attempts: int) -> timedelta:
    """How long a charge waits after this many attempts."""
    return outbox.backoff(attempts, BACKOFF_FIRST, BACKOFF_CAP)


def _due() -> list[int]:
    return list(queries.due().filter(outbox.free()).order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:SWEEP_BATCH])


def _send(charge: Charge) -> delivering.Attempt:
    began = time.monotonic()
    receiver = code = ""
    try:
        target = targets.current()
        receiver = str(target)
        ack = target.send(charge.message, charge.control_id or "")
        result, text, code = Result.ACCEPTED, f"{ack.code} {ack.text}".strip(), ack.code
    except DeliveryError as error:
        result, text, code = _result_of(error), str(error), error.code if isinstance(error, Refused) else ""
    return delivering.Attempt(result, text, round((time.monotonic() - began) * 1000), receiver, code)


def _result_of(error: DeliveryError) -> DeliveryAttempt.Result:
    return next(result for kind, result in _RESULTS if isinstance(error, kind))
