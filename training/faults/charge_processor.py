"""What the faults of the demo charge processor make of it, as `billing.charge_processor.behaviour` asks."""

from billing.charge_processor.behaviour import Behaviour, Refusal
from training.faults import active
from training.faults.kinds import CHARGE_PROCESSOR, DROPPED_ACK, LATE_ACK, REFUSED_CHARGE


def behaviour() -> Behaviour:
    """At this moment; of two faults of one kind the later one counts."""
    refused, late = active.of_kind(REFUSED_CHARGE), active.of_kind(LATE_ACK)
    return Behaviour(
        is_down=active.of_kind(CHARGE_PROCESSOR) is not None,
        refusal=Refusal(refused.parameters["code"], refused.parameters["text"]) if refused else None,
        delay=float(late.parameters["seconds"]) if late else 0.0,
        drops=active.of_kind(DROPPED_ACK) is not None,
    )
