"""The listening socket: makes a ServedAssociation of each connection. Built on `AE.make_server(server_class=…, request_handler=…)`.

Beyond pynetdicom's documented API it overrides `AssociationServer.server_bind`, `.server_close`, `.get_request` and
`RequestHandler._create_association`; an association needs `_server` and a thread name with "AcceptorThread" in it.
"""

import logging
import os
import socket
import sys
from copy import deepcopy
from dataclasses import replace
from typing import Any, cast

from pynetdicom.ae import ApplicationEntity
from pynetdicom.transport import AssociationServer, RequestHandler

from dimse.dispatch import without_values
from dimse.engine import Host, ServedAssociation
from dimse.sockets import BoundedSocket

logger = logging.getLogger(__name__)


class ConnectionHandler(RequestHandler):
    """Turns one accepted connection into an association with its own thread."""

    def _create_association(self) -> ServedAssociation:
        listener = cast(Listener, self.server)
        association = ServedAssociation(self.ae, listener.host)
        association.name = f"AcceptorThread@{self.client_address[0]}:{self.client_address[1]}"
        association._server = listener
        association.transport = BoundedSocket(association, self.request)
        association.set_socket(association.transport)
        association.acceptor.maximum_length = self.ae.maximum_pdu_size
        association.acceptor.ae_title = listener.ae_title
        association.acceptor.address_info = self.local
        association.acceptor.implementation_class_uid = self.ae.implementation_class_uid
        association.acceptor.implementation_version_name = self.ae.implementation_version_name
        association.acceptor.supported_contexts = deepcopy(listener.contexts)
        association.requestor.address_info = self.remote
        association.info = replace(association.info, address=association.requestor.address, port=association.requestor.port)
        listener.host.connected(association)
        return association


class Listener(AssociationServer):
    """Listens on an address, or on a socket that another process bound and others may share (`inherited_fd`)."""

    request_queue_size = 512

    def __init__(self, *args: Any, host: Host, inherited_fd: int | None, io_timeout: float, **kwargs: Any) -> None:
        self.host = host
        self._inherited_fd = inherited_fd
        self._io_timeout = io_timeout
        super().__init__(*args, **kwargs)

    @property
    def listening(self) -> socket.socket:
        return cast(socket.socket, self.socket)  # made by TCPServer's constructor, before anything here runs

    def server_bind(self) -> None:
        if self._inherited_fd is not None:
            self.listening.close()
            self.socket = socket.socket(fileno=os.dup(self._inherited_fd))
        else:
            self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listening.bind(self.server_address)
        # Another process that shares the socket may be the one to accept what select() saw here.
        self.listening.setblocking(False)
        self.server_address = self.listening.getsockname()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = self.listening.accept()
        connection.settimeout(self._io_timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def server_close(self) -> None:
        self.listening.close()  # not shutdown(): that would close it for the processes that share it

    def service_actions(self) -> None:
        """Leave garbage to Python's collector: pynetdicom would run a whole collection every sixty turns."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        logger.error("Connection from %s failed: %s", client_address[0], without_values(error) if error else "unknown")


def listen(ae: ApplicationEntity, address: tuple[str, int], host: Host, inherited_fd: int | None, io_timeout: float) -> Listener:
    """A listener on `address`, or on the inherited socket. Raises OSError when the address cannot be had."""
    listener = ae.make_server(
        address,
        server_class=Listener,
        request_handler=ConnectionHandler,
        host=host,
        inherited_fd=inherited_fd,
        io_timeout=io_timeout,
    )
    return cast(Listener, listener)
