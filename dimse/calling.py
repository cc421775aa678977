"""The connection of a client to a peer, before it says a word of DICOM."""

import socket
import ssl

from dimse.scu import NotReachable, Timeouts
from dimse.tls import in_words


def connect(host: str, port: int, peer: str, timeouts: Timeouts, tls: ssl.SSLContext | None = None) -> socket.socket:
    """A connection, encrypted if there is a context for TLS; `peer` is what it is called in errors. Raises NotReachable."""
    try:
        connection = socket.create_connection((host, port), timeouts.connect)
    except socket.gaierror as error:
        raise NotReachable(f"{peer} is not reachable: the host name cannot be resolved ({error.strerror}).") from error
    except OSError as error:
        raise NotReachable(f"{peer} is not reachable: nothing answers there. Is it running, and are host and port right?") from error
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return connection
        connection.settimeout(timeouts.association)
        return tls.wrap_socket(connection, server_hostname=host)
    except OSError as error:
        connection.close()
        why = in_words(error) or "the connection was closed during the TLS handshake"
        raise NotReachable(f"{peer} is not reachable: {why}. Does its port speak TLS?") from error
