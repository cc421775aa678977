"""The foreign side: a PACS, a dose server or a subscriber as pynetdicom makes one, which takes down what it is told."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MPPS_NOTIFICATION, TRANSFER_SYNTAXES
from tests.support.ports import free_port


@dataclass(frozen=True)
class Told:
    """One message: verb, SOP Instance UID, the bytes of its data set, its transfer syntax; of an event its type."""

    verb: str
    uid: str
    raw: bytes = b""
    syntax: str = ""
    calling: str = ""
    event_type: int | None = None


Answer = Callable[[Told], int | Dataset]


def accept(told: Told) -> int:
    return 0x0000


def failure(status: int, error_id: int | None = None) -> Dataset:
    answer = Dataset()
    answer.Status = status
    if error_id is not None:
        answer.ErrorID = error_id
    return answer


@dataclass
class Pacs:
    """An SCP on a port of its own that can be shut and opened again; `answer` says what each message gets, `told` is what came.

    A message about `chokes_on` ends the association without an answer.
    """

    syntaxes: tuple[str, ...] = TRANSFER_SYNTAXES
    agrees_to_roles: bool = True
    answer: Answer = accept
    port: int = field(default_factory=free_port)
    told: list[Told] = field(default_factory=list)
    associations: int = 0
    chokes_on: str = ""
    tls: ssl.SSLContext | None = None

    def open(self) -> None:
        ae = AE("PACS")
        ae.require_called_aet = True
        ae.add_supported_context(MODALITY_PERFORMED_PROCEDURE_STEP, list(self.syntaxes))
        role = self.agrees_to_roles or None
        ae.add_supported_context(MPPS_NOTIFICATION, list(self.syntaxes), scu_role=role and False, scp_role=role)
        handlers: list[Any] = [
            (evt.EVT_ACCEPTED, self._on_accepted),
            (evt.EVT_N_CREATE, self._on_create),
            (evt.EVT_N_SET, self._on_set),
            (evt.EVT_N_EVENT_REPORT, self._on_event),
        ]
        self._server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers, ssl_context=self.tls)

    def shut(self) -> None:
        self._server.shutdown()

    def _on_accepted(self, event: Any) -> None:
        self.associations += 1

    def _on_create(self, event: Any) -> tuple[int | Dataset, Dataset | None]:
        return self._take(event, "N-CREATE", event.request.AffectedSOPInstanceUID, event.request.AttributeList)

    def _on_set(self, event: Any) -> tuple[int | Dataset, Dataset | None]:
        return self._take(event, "N-SET", event.request.RequestedSOPInstanceUID, event.request.ModificationList)

    def _on_event(self, event: Any) -> tuple[int | Dataset, Dataset | None]:
        return self._take(event, "N-EVENT-REPORT", event.request.AffectedSOPInstanceUID, None, event.event_type)

    def _take(self, event: Any, verb: str, uid: Any, data: Any, event_type: int | None = None) -> tuple[int | Dataset, Dataset | None]:
        raw = data.getvalue() if data is not None else b""
        told = Told(verb, str(uid), raw, event.context.transfer_syntax, event.assoc.requestor.ae_title, event_type)
        self.told.append(told)
        if told.uid == self.chokes_on:
            event.assoc.abort()
        return self.answer(told), None
