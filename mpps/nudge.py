"""The nudge of a destination for which a message was committed."""

from ris.nudge import EXPIRES, Nudger, is_left_to_the_sweep


def _send(destination_id: int) -> None:
    # Imported here: tasks import the delivery, which imports the outbox, which imports this.
    from mpps.tasks import deliver

    deliver.apply_async((destination_id,), expires=EXPIRES)


def _sweep() -> None:
    from mpps.tasks import sweep

    sweep.apply_async(expires=EXPIRES)


_nudger = Nudger(_send, _sweep, what="performed step")


def nudge(destination_id: int) -> None:
    """Have a worker send what waits for the destination soon, if that can be arranged; never waits, never fails."""
    if not is_left_to_the_sweep():
        _nudger.nudge(destination_id)
