"""Whether somebody answers a C-ECHO: one association of ours, bounded as a whole, and what it met as a value."""

import ssl
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from dimse.line import Line
from dimse.outcomes import Aborted, FailureStatus, NonsenseAnswer, NothingAccepted, NotReachable, Refused, ScuError, TimedOut
from dimse.scu import Timeouts

TIMEOUTS: Final = Timeouts(connect=4.0, association=5.0, response=5.0, whole=12.0)

_RESULTS: Final[tuple[tuple[type[ScuError], str], ...]] = (
    (Refused, "REJECTED"),
    (NothingAccepted, "NOT_OFFERED"),
    (Aborted, "ABORTED"),
    (NonsenseAnswer, "NOT_DICOM"),
    (FailureStatus, "FAILURE"),
)
ADVICE: Final[dict[str, str]] = {
    "UNRESOLVED": "Write its IP address, or have the name entered into the DNS that this server asks.",
    "REFUSED": "The host is there, and nothing listens on that port: switch its DICOM service on, or correct the port.",
    "SILENT": "Is it switched on and on this network? A firewall between us may drop what we send without a word.",
    "MUTE": (
        "The network and the firewall are right: something took the connection. Is that the port of its DICOM service, and not of "
        "something else; does that service hang (restart it); does the port want TLS, or does it want none?"
    ),
    "HUNG": "It let us in and then said nothing: its DICOM service hangs or is overloaded. Restart it, or look at its log.",
    "UNREACHABLE": "There is no way to that address from here: look at the address, the route and the firewall.",
    "TLS": "Does that port speak TLS, and is its certificate signed by an authority of RIS_DICOM_TLS_CA and made out to this host?",
    "REJECTED": "It is there and does not let us in: register our AE title at it, and check that its own AE title is what is written here.",
    "NOT_OFFERED": "It is there and offers no Verification to us: switch Verification (C-ECHO SCP) on.",
    "ABORTED": "It ended the association by itself: its log says why. A port that wants TLS does so, too.",
    "NOT_DICOM": "Something else than DICOM answers on that port; correct the port, or switch TLS on or off.",
    "FAILURE": "It answered with a failure: its log says why.",
}
"""What to do about each result, for whoever stands at the device."""


@dataclass(frozen=True, slots=True)
class Echo:
    """`result` is SUCCESS, one of `ADVICE`; `words` say what was met; `milliseconds` from the first packet to the response."""

    result: str
    words: str
    milliseconds: float | None = None

    @property
    def ok(self) -> bool:
        return self.result == "SUCCESS"


def echo(host: str, port: int, *, calling: str, called: str, tls: ssl.SSLContext | None = None, timeouts: Timeouts = TIMEOUTS) -> Echo:
    """C-ECHO in an association of its own. It raises nothing that a peer can bring about."""
    began, connected = perf_counter(), 0.0
    try:
        with Line(host, port, calling=calling, called=called, timeouts=timeouts, tls=tls) as line:
            connected = perf_counter()
            line.echo()
            ended = perf_counter()
    except NotReachable as error:
        return Echo(error.obstacle, str(error))
    except TimedOut as error:
        if connected:
            return Echo("HUNG", str(error))
        waited = f"The connection was accepted (TCP), and no A-ASSOCIATE-AC came within {timeouts.association:g} s."
        return Echo("MUTE", f"{error} {waited}")
    except ScuError as error:
        return Echo(next(result for kind, result in _RESULTS if isinstance(error, kind)), str(error))
    took, answer = (ended - began) * 1000, (ended - connected) * 1000
    return Echo("SUCCESS", f"0000 Success, {took:.0f} ms with the association, {answer:.0f} ms for the C-ECHO itself", took)
