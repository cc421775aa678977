"""Listening sockets, bound once by the supervisor and inherited by the processes that serve them."""

import contextlib
import errno
import socket
from pathlib import Path

from stepwise.supervisor.errors import StartError

BACKLOG = 512


def listen(host: str, port: int, *, variable: str, bind_variable: str, purpose: str) -> socket.socket:
    """Return a socket that listens on `host:port` (0: any free port).

    Raises StartError that names the environment variable to change and, where it can be known, who holds the port.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise StartError(
            f"{host!r} is no address of this machine for {purpose} ({getattr(error, 'strerror', error)}); set {bind_variable}."
        ) from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(_why(error, host, port, variable, bind_variable, purpose)) from error
    return listener


def is_free(host: str, port: int) -> bool:
    """Whether a process of ours could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _why(error: OSError, host: str, port: int, variable: str, bind_variable: str, purpose: str) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = holder_of(port)
        by = f" by {holder}" if holder else ""
        return f"Port {port} for {purpose} is taken{by}; stop that, or set {variable} to another port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} for {purpose} may not be opened by this user; set {variable} to a port above 1023."
    return f"{purpose} cannot listen on {host}:{port} ({error.strerror}); set {bind_variable} to an address of this machine."


def holder_of(port: int) -> str | None:
    """Name and process id of who listens on a TCP port, such as `python3 (process 4711)`; None where /proc does not tell."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended meanwhile, or another user's
            if any(_target(link) in inodes for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # closed meanwhile
        return ""


def _listening_inodes(port: int) -> set[str]:
    """Sockets in state LISTEN (0A) on the port, as /proc/PID/fd names them."""
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for row in table.read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    return inodes
