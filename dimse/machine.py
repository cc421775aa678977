"""The upper layer's state machine as an acceptor lives it (PS3.8 9.2.3, Table 9-10): data, and one lookup.

States that only a requestor reaches (Sta4, Sta5, Sta9, Sta11) and what only it may ask for (Evt1, Evt2) are left out. In Sta13, where
all has been said and the transport connection is to be closed, incoming bytes are not looked at any more: AA-6 and AA-7 are one.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    STA1 = "idle"
    STA2 = "transport connection open, awaiting A-ASSOCIATE-RQ"
    STA3 = "awaiting the decision about the association request"
    STA6 = "association established, ready for data transfer"
    STA7 = "awaiting A-RELEASE-RP"
    STA8 = "awaiting our answer to an A-RELEASE-RQ"
    STA10 = "release collision, awaiting A-RELEASE-RP"
    STA12 = "release collision, awaiting our answer"
    STA13 = "awaiting the end of the transport connection"


class Event(StrEnum):
    EVT3 = "A-ASSOCIATE-AC received"
    EVT4 = "A-ASSOCIATE-RJ received"
    EVT5 = "transport connection opened"
    EVT6 = "A-ASSOCIATE-RQ received"
    EVT7 = "association accepted here"
    EVT8 = "association rejected here"
    EVT9 = "data to be sent"
    EVT10 = "P-DATA-TF received"
    EVT11 = "release asked for here"
    EVT12 = "A-RELEASE-RQ received"
    EVT13 = "A-RELEASE-RP received"
    EVT14 = "release answered here"
    EVT15 = "abort asked for here"
    EVT16 = "A-ABORT received"
    EVT17 = "transport connection closed"
    EVT18 = "ARTIM timer expired"
    EVT19 = "unrecognized or invalid PDU received"


class Action(StrEnum):
    """What is done, for an acceptor (PS3.8 Tables 9-6 to 9-9)."""

    AE5 = "start ARTIM"
    AE6 = "stop ARTIM, issue A-ASSOCIATE indication"
    AE7 = "send A-ASSOCIATE-AC"
    AE8 = "send A-ASSOCIATE-RJ, start ARTIM"
    DT1 = "send P-DATA-TF"
    DT2 = "issue P-DATA indication"
    AR1 = "send A-RELEASE-RQ"
    AR2 = "issue A-RELEASE indication"
    AR3 = "issue A-RELEASE confirmation, close the transport connection"
    AR4 = "send A-RELEASE-RP, start ARTIM"
    AR5 = "stop ARTIM: what was awaited has happened"
    AR6 = "issue P-DATA indication while a release is awaited"
    AR7 = "send P-DATA-TF before a release is answered"
    AR8 = "issue A-RELEASE indication of a collision"
    AR10 = "issue A-RELEASE confirmation of a collision"
    AA1 = "send A-ABORT of the service user, start ARTIM"
    AA2 = "stop ARTIM, close the transport connection"
    AA3 = "issue A-ABORT indication, close the transport connection"
    AA4 = "issue A-P-ABORT indication"
    AA5 = "stop ARTIM: closed before there was an association"
    AA6 = "ignore the PDU"
    AA8 = "send A-ABORT of the service provider, issue A-P-ABORT indication, start ARTIM"


_OPEN: Final = (State.STA3, State.STA6, State.STA7, State.STA8, State.STA10, State.STA12)
_ANY_PDU: Final = (Event.EVT3, Event.EVT4, Event.EVT6, Event.EVT10, Event.EVT12, Event.EVT13, Event.EVT19)

TRANSITIONS: Final[dict[tuple[Event, State], tuple[Action, State]]] = {
    # A PDU that is not expected ends the association; what is expected stands below and wins.
    **{(event, State.STA2): (Action.AA1, State.STA13) for event in _ANY_PDU},
    **{(event, state): (Action.AA8, State.STA13) for event in _ANY_PDU for state in _OPEN},
    **{(event, State.STA13): (Action.AA6, State.STA13) for event in _ANY_PDU},
    **{(Event.EVT15, state): (Action.AA1, State.STA13) for state in _OPEN},
    **{(Event.EVT16, state): (Action.AA3, State.STA1) for state in _OPEN},
    **{(Event.EVT17, state): (Action.AA4, State.STA1) for state in _OPEN},
    (Event.EVT5, State.STA1): (Action.AE5, State.STA2),
    (Event.EVT6, State.STA2): (Action.AE6, State.STA3),
    (Event.EVT7, State.STA3): (Action.AE7, State.STA6),
    (Event.EVT8, State.STA3): (Action.AE8, State.STA13),
    (Event.EVT9, State.STA6): (Action.DT1, State.STA6),
    (Event.EVT9, State.STA8): (Action.AR7, State.STA8),
    (Event.EVT10, State.STA6): (Action.DT2, State.STA6),
    (Event.EVT10, State.STA7): (Action.AR6, State.STA7),
    (Event.EVT11, State.STA6): (Action.AR1, State.STA7),
    (Event.EVT12, State.STA6): (Action.AR2, State.STA8),
    (Event.EVT12, State.STA7): (Action.AR8, State.STA10),
    (Event.EVT13, State.STA7): (Action.AR3, State.STA1),
    (Event.EVT13, State.STA10): (Action.AR10, State.STA12),
    (Event.EVT14, State.STA8): (Action.AR4, State.STA13),
    (Event.EVT14, State.STA12): (Action.AR4, State.STA13),
    (Event.EVT16, State.STA2): (Action.AA2, State.STA1),
    (Event.EVT16, State.STA13): (Action.AA2, State.STA1),
    (Event.EVT17, State.STA2): (Action.AA5, State.STA1),
    (Event.EVT17, State.STA13): (Action.AR5, State.STA1),
    (Event.EVT18, State.STA2): (Action.AA2, State.STA1),
    (Event.EVT18, State.STA13): (Action.AA2, State.STA1),
}


class ImpossibleEvent(Exception):
    """Something was asked for in a state that does not know it: an error of the caller."""

    def __init__(self, event: Event, state: State) -> None:
        super().__init__(f"{event.name} ({event}) in {state.name} ({state})")


class Machine:
    """The state of one connection."""

    def __init__(self) -> None:
        self.state = State.STA1

    def knows(self, event: Event) -> bool:
        return (event, self.state) in TRANSITIONS

    def step(self, event: Event) -> Action:
        """The action that `event` asks for; the next state is entered. Raises ImpossibleEvent."""
        if not self.knows(event):
            raise ImpossibleEvent(event, self.state)
        action, self.state = TRANSITIONS[event, self.state]
        return action
