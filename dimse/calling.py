"""The connection of a client to a peer, before it says a word of DICOM."""

import socket
import ssl

from dimse.outcomes import NotReachable, Obstacle
from dimse.scu import Timeouts
from dimse.tls import failure


def connect(host: str, port: int, peer: str, timeouts: Timeouts, tls: ssl.SSLContext | None = None) -> socket.socket:
    """A connection, encrypted if there is a context for TLS; `peer` is what it is called in errors. Raises NotReachable."""
    try:
        connection = socket.create_connection((host, port), timeouts.connect)
    except socket.gaierror as error:
        words = f"{peer} is not reachable: the host name cannot be resolved ({error.strerror})."
        raise NotReachable(words, Obstacle.UNRESOLVED) from error
    except (OSError, UnicodeError) as error:  # the second for a name that is none
        words = f"{peer} is not reachable: nothing answers there. Is it running, and are host and port right?"
        raise NotReachable(words, _obstacle(error)) from error
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return connection
        connection.settimeout(timeouts.association)
        return tls.wrap_socket(connection, server_hostname=host)
    except TimeoutError as error:
        connection.close()
        words = (
            f"{peer} did not answer in time. The connection was accepted (TCP), and TLS was not begun within {timeouts.association:g} s."
        )
        raise NotReachable(words, Obstacle.MUTE) from error
    except OSError as error:
        connection.close()
        raise NotReachable(_not_secured(peer, error), Obstacle.TLS) from error


def _not_secured(peer: str, error: OSError) -> str:
    """A peer that shows a certificate speaks TLS."""
    met = failure(error)
    why = met.words.rstrip(".") if met else "the connection was closed during the TLS handshake"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{peer} answers, and {why}."
    return f"{peer} answers, but not with TLS that fits: {why}. Does its port speak TLS?"


def _obstacle(error: Exception) -> Obstacle:
    if isinstance(error, ConnectionRefusedError):
        return Obstacle.REFUSED
    if isinstance(error, TimeoutError):
        return Obstacle.SILENT
    return Obstacle.UNRESOLVED if isinstance(error, UnicodeError) else Obstacle.UNREACHABLE
