"""`manage.py charge_processor`: the demo hospital's MLLP listener."""

import asyncio
import signal
import socket
import sqlite3
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing.charge_processor.ledger import Book
from billing.charge_processor.server import ChargeProcessor, listening_socket, record_port, serve_but_for_outages
from billing.mllp import port_file, recorded_port
from billing.targets import ledger_file


class Command(BaseCommand):
    help = "Take charges (HL7 v2 DFT^P03 over MLLP), book each control ID once in a ledger file, and acknowledge what is booked."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument(
            "--port",
            type=_port,
            default=settings.MLLP_PORT,
            help="port to listen on; 0 takes the recorded one if still free, else any free one (default: RIS_MLLP_PORT, %(default)s)",
        )
        parser.add_argument("--ledger", type=Path, default=ledger_file(), help="the ledger file (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        book = _open_book(options["ledger"])
        try:
            listener = _listen(options["host"], options["port"])
            port = listener.getsockname()[1]
            record_port(port_file(), port)
            self.stdout.write(f"Charge processor listens on {options['host']}:{port} (MLLP), ledger {options['ledger']}")
            self.stdout.flush()
            asyncio.run(_run(listener, ChargeProcessor(book)))
        finally:
            book.close()
        self.stdout.write("Charge processor stopped")


async def _run(listener: socket.socket, processor: ChargeProcessor) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve_but_for_outages(listener, processor.answer, stop)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listening_socket(host, port, preferred=recorded_port())
    except OSError as error:
        raise CommandError(
            f"The charge processor cannot listen on {host}:{port}: {error.strerror}. Choose another port with --port or RIS_MLLP_PORT."
        ) from error


def _open_book(path: Path) -> Book:
    try:
        return Book(path)
    except (OSError, sqlite3.Error) as error:
        raise CommandError(f"The ledger {path} cannot be opened: {error}. Choose another file with --ledger.") from error


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port
