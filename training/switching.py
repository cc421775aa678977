"""Faults that are switched on and off while a script is played. None outlives the script."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from django.db import DatabaseError

from ris import clock
from ris.actor import Actor
from ris.errors import Conflict, RisError
from ris.models import Site
from training import queries
from training.actions import faults
from training.faults import active
from training.models import Fault
from training.script import Problem, Script, ScriptError
from training.script_faults import Switch, SwitchOff, SwitchOn, check
from training.script_words import WrongWord

SETTLING: Final = active.KEPT + 0.1
"""Real seconds after which every process knows of a change, so that the next line meets it."""


class Switchboard:
    """What one script of one station switches. `pause` waits for real seconds."""

    def __init__(
        self, site: Site, station: str, played: Script, tell: Callable[[str], None], pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._site, self._station, self._name = site, station, played.name
        self._tell = tell
        self._pause = pause
        self._actor = Actor.system("command line")
        self._on: list[Fault] = []

    def check(self, played: Script) -> None:
        """Whether the stations that are named are there. Raises ScriptError with every line that cannot be played here."""
        problems = []
        for line in played.lines:
            if isinstance(line.switch, SwitchOn):
                try:
                    check(line.switch, self._station, self._site)
                except WrongWord as wrong:
                    problems.append(Problem(line.number, wrong.column, str(wrong)))
        if problems:
            raise ScriptError(played.name, problems)

    def do(self, switch: Switch, number: int) -> None:
        """The switch of line `number`. Raises RisError, Conflict for a fault that is on already."""
        if isinstance(switch, SwitchOff):
            self._switch_off([one for one in self._on if switch.kind in ("", one.kind)])
        else:
            data = replace(switch.at(self._station), reason=f"script {self._name}, line {number}")
            fault = faults.switch_on(self._site, data, self._actor)
            self._on.append(fault)
            self._tell(f"Fault {fault.pk} is on until {clock.local(fault.until, self._site):%H:%M:%S}: {active.in_words(fault)}")
        self._pause(SETTLING)

    def close(self) -> None:
        """Switch off what the script left on, the latest first. What cannot be is told, and ends at its time."""
        for fault in reversed(self._on[:]):
            try:
                self._switch_off([fault])
            except (RisError, DatabaseError) as error:
                self._tell(f"Fault {fault.pk} could not be switched off and ends at its time: {error}")

    def _switch_off(self, chosen: list[Fault]) -> None:
        for fault in chosen:
            self._on.remove(fault)
            try:
                faults.switch_off(self._site, fault.pk, self._actor, f"script {self._name}")
            except Conflict:
                if active.is_on(queries.fault(self._site, fault.pk)):
                    self._on.append(fault)
                    raise
                self._tell(f"Fault {fault.pk} was over already: {active.in_words(fault)}")
            else:
                self._tell(f"Fault {fault.pk} is off: {active.in_words(fault)}")
