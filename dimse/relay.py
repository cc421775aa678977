"""A line that sends messages on as they were received, to the byte, and events to subscribers."""

from dimse.line import Line
from dimse.outcomes import ScuAnswer
from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP as MPPS
from dimse.services import MPPS_NOTIFICATION


class Relay(Line):
    """Open it with one of `syntaxes` for each transfer syntax, so that the peer can take several; for events `as_scp`."""

    def syntaxes(self, sop_class_uid: str) -> list[str]:
        """Transfer syntaxes in which the peer takes the SOP class, in the order proposed."""
        return [one.transfer_syntax for one in self._contexts if one.abstract_syntax == sop_class_uid]

    def send_on(self, verb: str, sop_instance_uid: str, data: bytes | None, syntax: str, sop_class_uid: str = MPPS) -> ScuAnswer:
        """N-CREATE or N-SET with a data set that is encoded in `syntax`, one of `syntaxes`. Failure statuses are answers, not errors."""
        context = next((one for one in self._contexts if (one.abstract_syntax, one.transfer_syntax) == (sop_class_uid, syntax)), None)
        return self._request(verb, context, data, sop_instance_uid)[0]

    def n_event_report(self, event_type: int, sop_instance_uid: str, sop_class_uid: str = MPPS_NOTIFICATION) -> ScuAnswer:
        """N-EVENT-REPORT without event information. Failure statuses are answers, not errors."""
        return self._request("N-EVENT-REPORT", self._accepted.get(sop_class_uid), None, sop_instance_uid, event_type)[0]
