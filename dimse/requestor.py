"""pynetdicom's side of an association request: sockets that are closed whatever happens, and a watch over what its events tell.

Leans on `ApplicationEntity._create_socket` and on the attributes of its events; held by `tests/unit/dimse/test_engine_seams.py`.
"""

import socket
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation, AssociationSocket

from dimse.sockets import ENDING_EVENTS, RequestorSocket


@dataclass(slots=True)
class Watch:
    """What pynetdicom's events tell about how an association went wrong."""

    connected: bool = False
    nonsense: bool = False
    ended_by: str = ""  # the first of ENDING_EVENTS
    command: Dataset = field(default_factory=Dataset)  # the last command set received; pynetdicom hands on only part of it
    handlers: list[tuple[Any, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.handlers = [
            (evt.EVT_CONN_OPEN, self._on_open),
            (evt.EVT_FSM_TRANSITION, self._on_transition),
            (evt.EVT_DIMSE_RECV, self._on_message),
        ]

    def _on_open(self, event: Any) -> None:
        self.connected = True
        event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_transition(self, event: Any) -> None:
        if not self.ended_by and event.fsm_event in ENDING_EVENTS:
            self.ended_by = event.fsm_event
        self.nonsense = self.nonsense or event.action == "AA-8"  # an unexpected or invalid PDU (PS3.8 Table 9-9)

    def _on_message(self, event: Any) -> None:
        self.command = event.message.command_set


class Requestor(ApplicationEntity):
    """An application entity whose sockets are closed whatever happens."""

    def _create_socket(self, assoc: Association, address: AddressInformation, tls_args: Any) -> AssociationSocket:
        return RequestorSocket(assoc, address=address)
