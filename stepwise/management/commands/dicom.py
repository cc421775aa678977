"""`manage.py dicom [--services worklist,mpps]`: the DICOM server of one process."""

import argparse
import os
import signal
import threading
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from dimse.journal import DatabaseJournal
from dimse.server import CannotListen, DicomServer, ServerSettings
from dimse.services import Service
from mpps.scp import MPPS
from ris.actions.sites import ensure_default_site
from stepwise.associations import decide
from worklist.scp import WORKLIST

SERVICES: dict[str, tuple[Service, ...]] = {"worklist": (WORKLIST,), "mpps": (MPPS,)}


def services_named(text: str) -> list[Service]:
    """The services of a comma-separated list of names."""
    chosen: list[Service] = []
    for name in dict.fromkeys(part.strip() for part in text.split(",")):
        if name not in SERVICES:
            raise argparse.ArgumentTypeError(f"there is no service {name!r}; choose from {', '.join(SERVICES)}")
        chosen.extend(SERVICES[name])
    return chosen


class Command(BaseCommand):
    help = (
        "Serve Modality Worklist, MPPS and Verification over DICOM until SIGTERM or Ctrl-C. Listens on RIS_DICOM_BIND and "
        "RIS_DICOM_PORT, or on the listening socket whose file descriptor RIS_DICOM_FD names."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--services",
            type=services_named,
            default=",".join(SERVICES),
            metavar="NAME[,NAME]",
            help=f"what to serve besides Verification: {', '.join(SERVICES)} (default: all)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            site = ensure_default_site()
        except DatabaseError as error:
            raise CommandError(
                f"The database is not ready ({error}); run `manage.py migrate`, or start all by `manage.py simulate`."
            ) from error
        stop = threading.Event()
        _stop_on_signals(stop)
        journal = DatabaseJournal()
        server = DicomServer(options["services"], server_settings(site.ae_title), journal)
        try:
            server.start()
        except CannotListen as error:
            raise CommandError(f"{error} End what uses it, or choose another port with RIS_DICOM_PORT.") from error
        journal.start()
        offered = ", ".join(["Verification", *(service.name for service in options["services"])])
        self.stdout.write(f"listening on port {server.port} as {site.ae_title}: {offered}")
        self.stdout.flush()
        stop.wait()
        server.stop(grace=2.0)
        journal.stop(timeout=0.8)


def server_settings(ae_title: str) -> ServerSettings:
    """From the environment: an inherited listening socket, or an address of our own."""
    inherited = os.environ.get("RIS_DICOM_FD")
    return ServerSettings(
        ae_title=ae_title,
        bind=settings.DICOM_BIND,
        port=settings.DICOM_PORT,
        inherited_fd=int(inherited) if inherited else None,
        policy=decide,
    )


def _stop_on_signals(stop: threading.Event) -> None:
    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
