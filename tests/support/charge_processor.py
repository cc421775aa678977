"""The demo charge processor within the test: its own thread, a free port, a ledger of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from billing.charge_processor import behaviour
from billing.charge_processor.behaviour import Behaviour
from billing.charge_processor.ledger import Book
from billing.charge_processor.server import ChargeProcessor, listening_socket, serve


@contextmanager
def charge_processor(ledger: Path, ask: Callable[[], Behaviour] = Behaviour) -> Iterator[int]:
    """Its port. It behaves as `ask` says at each message."""
    asked_before = behaviour._ask
    behaviour.follow(ask)
    listener = listening_socket("127.0.0.1", 0)
    port = int(listener.getsockname()[1])
    stop, loop = asyncio.Event(), asyncio.new_event_loop()

    def run() -> None:
        book = Book(ledger)
        try:
            loop.run_until_complete(serve(listener, ChargeProcessor(book).answer, stop))
        finally:
            book.close()
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        behaviour.follow(asked_before)
        assert not thread.is_alive()
