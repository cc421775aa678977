"""The nudge of a charge that was committed."""

from ris.nudge import EXPIRES, Nudger, is_left_to_the_sweep, left_to_the_sweep

__all__ = ["left_to_the_sweep", "nudge"]


def _send(charge_id: int) -> None:
    # Imported here: tasks import the delivery, which imports the actions, which import this.
    from billing.tasks import deliver

    deliver.apply_async((charge_id,), expires=EXPIRES)


def _sweep() -> None:
    from billing.tasks import sweep

    sweep.apply_async(expires=EXPIRES)


_nudger = Nudger(_send, _sweep, what="charge")


def nudge(charge_id: int) -> None:
    """Have a worker deliver the charge soon, if that can be arranged; never waits, never fails."""
    if not is_left_to_the_sweep():
        _nudger.nudge(charge_id)
