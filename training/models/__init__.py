"""Tables of the training room, one noun a module. `training/actions` is their only writer."""

from training.models.fault import Fault, FaultChange

__all__ = ["Fault", "FaultChange"]
