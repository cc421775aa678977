"""Tables of the training room, one noun a module. `training/actions` is their only writer."""

from training.models.console import Console, ConsoleAct, ConsoleMessage
from training.models.fault import Fault, FaultChange

__all__ = ["Console", "ConsoleAct", "ConsoleMessage", "Fault", "FaultChange"]
