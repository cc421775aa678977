"""Somebody presses a key of a console: what needs the network is left to a worker, the rest is done at once."""

from collections.abc import Mapping
from typing import Any

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from dimse.interference import INJECTED
from ris.actor import Actor
from ris.errors import Conflict, Unavailable
from training.actions import console_acts
from training.actions.console_acts import WAIT
from training.consoles import arguments, keys, performing, starting
from training.faults import active
from training.faults.kinds import BROKER
from training.models import Console, ConsoleAct
from training.tasks import perform

_NO_BROKER = (
    "The message broker (Redis) does not answer, so nothing was sent. `make run` starts it again by itself; else start the one that "
    "REDIS_URL names. Then press the key again."
)


def press(console: Console, key_name: str, given: Mapping[str, Any], actor: Actor) -> ConsoleAct:
    """The act, over already when it needs no network. Raises InvalidInput, Conflict, NotFound, and Unavailable without a broker."""
    key = keys.named(key_name)
    checked = arguments.checked(key, console, given)
    try:
        act = console_acts.begin(console.pk, key, checked, actor)
    except Conflict as error:
        said = starting.overtaken(console.pk, checked.get("pick", ""))
        raise Conflict(f"{said} {error}".strip()) from error
    if key.is_local:
        performing.perform(act.pk)
    else:
        _hand_over(act)
    act.refresh_from_db()
    return act


def _hand_over(act: ConsoleAct) -> None:
    """Ask a worker to do it. When the broker is away the act is taken back: nobody will be surprised by it later."""
    try:
        perform.apply_async((act.pk,), expires=WAIT.total_seconds(), retry=False)
    except (OperationalError, RedisError, OSError) as error:
        reason = _no_broker()
        if console_acts.withdraw(act.pk, reason):
            raise Unavailable(reason) from error
        # else it went through all the same, and a worker does it


def _no_broker() -> str:
    """Why nothing was sent: the broker is down on purpose, or by itself."""
    active.forget()
    fault = active.of_kind(BROKER)
    if fault is None:
        return _NO_BROKER
    return (
        f"The message broker (Redis) is down on purpose, so nothing was sent: {INJECTED} {fault.set_by} until {active.ends(fault)}. "
        "Press the key again after that, or end the fault under Faults."
    )
