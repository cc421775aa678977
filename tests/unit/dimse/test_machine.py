"""The acceptor's state table is the standard's, as pynetdicom wrote it down too."""

import pytest
from pynetdicom.fsm import TRANSITION_TABLE

from dimse.machine import TRANSITIONS, Action, Event, ImpossibleEvent, Machine, State

STATES = {f"Sta{state.name[3:]}": state for state in State}
EVENTS = {f"Evt{event.name[3:]}": event for event in Event}


def test_every_transition_of_an_acceptor_has_the_standards_action() -> None:
    theirs = {
        (EVENTS[event], STATES[state]): action.replace("-", "")
        for (event, state), action in TRANSITION_TABLE.items()
        if event in EVENTS and state in STATES
    }
    ours = {key: action.name for key, (action, _) in TRANSITIONS.items()}
    # In Sta13 nothing is sent any more, so that the A-ABORT of AA-7 becomes the silence of AA-6.
    assert ours == {key: "AA6" if action == "AA7" else action for key, action in theirs.items()}


def test_a_release_collision_ends_with_both_released() -> None:
    machine = Machine()
    machine.state = State.STA6
    actions = [machine.step(event) for event in (Event.EVT11, Event.EVT12, Event.EVT13, Event.EVT14)]
    assert actions == [Action.AR1, Action.AR8, Action.AR10, Action.AR4]
    assert machine.state is State.STA13


def test_what_a_state_does_not_know_is_an_error_of_ours() -> None:
    with pytest.raises(ImpossibleEvent, match=r"EVT9 .* in STA1"):
        Machine().step(Event.EVT9)
