"""A console's row as the memory of its modality."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from training.actions import console_acts
from training.memory import Memory
from training.models import Console, ConsoleAct


class ConsoleStore:
    """The memory in the row of the act's console (`training.store.Store`). The claimed act is what makes it one user's at a time."""

    def __init__(self, act: ConsoleAct) -> None:
        self._act = act

    @contextmanager
    def opened(self) -> Iterator[Memory]:
        """Saving raises `NotHeld` when the act was taken away meanwhile."""
        kept = Console.objects.values_list("memory", flat=True).get(pk=self._act.console_id)
        yield Memory.of(kept, partial(console_acts.keep, self._act))
