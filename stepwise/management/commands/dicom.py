"""`manage.py dicom [--services worklist,mpps]`: the DICOM server of one process."""

import argparse
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from dimse.journal import DatabaseJournal
from dimse.policy import UserIdentities
from dimse.server import CannotListen, DicomServer, ServerSettings
from dimse.services import Service
from dimse.tls import BadTlsSettings, ClientCertificate, TlsSettings
from mpps.scp import MPPS, MPPS_RETRIEVE
from ris.actions.sites import ensure_default_site
from ris.console import not_ready
from stepwise import associations, memory
from stepwise.discretion import watch_for_what_nobody_catches
from training.faults.effects import Injection
from worklist import findings, linting
from worklist.scp import WORKLIST

SERVICES: dict[str, tuple[Service, ...]] = {"worklist": (WORKLIST,), "mpps": (MPPS, MPPS_RETRIEVE)}


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
        "Serve Modality Worklist, MPPS (with MPPS Retrieve) and Verification over DICOM until SIGTERM or Ctrl-C. Listens on "
        "RIS_DICOM_BIND and RIS_DICOM_PORT, or on the listening socket whose file descriptor RIS_DICOM_FD names; with TLS on "
        "RIS_DICOM_TLS_PORT, if set."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--services",
            type=services_named,
            default=",".join(SERVICES),
            metavar="NAME[,NAME]",
            help=f"what to serve besides Verification: {', '.join(SERVICES)} (default: all)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        watch_for_what_nobody_catches()
        try:
            site = ensure_default_site()
        except DatabaseError as error:
            raise not_ready(error) from error
        stop = threading.Event()
        _stop_on_signals(stop)
        journal = DatabaseJournal() if settings.JOURNAL else None
        server = DicomServer(options["services"], server_settings(site.ae_title), journal)
        try:
            server.start()
        except CannotListen as error:
            ports = "RIS_DICOM_PORT or RIS_DICOM_TLS_PORT" if settings.DICOM_TLS_PORT else "RIS_DICOM_PORT"
            raise CommandError(f"{error} End what uses it, or choose another port with {ports}.") from error
        except BadTlsSettings as error:
            raise CommandError(f"{error} Look at RIS_DICOM_TLS_CERTIFICATE, RIS_DICOM_TLS_KEY and RIS_DICOM_TLS_CA.") from error
        associations.record()
        if journal:
            journal.start()
        findings.gathering.start()
        linting.looking.start()
        offered = ", ".join(["Verification", *(service.name for service in options["services"])])
        ports = f"{server.port} ({server.tls_port} with TLS)" if server.tls_port else f"{server.port}"
        self.stdout.write(f"listening on port {ports} as {site.ae_title}: {offered}")
        self.stdout.flush()
        while not stop.wait(memory.EVERY):
            memory.give_back()
        server.stop(grace=settings.DICOM_STOP_TIMEOUT)
        linting.looking.stop(timeout=0.2)
        if journal:
            journal.stop(timeout=0.8)
        findings.gathering.stop(timeout=0.8)


def server_settings(ae_title: str) -> ServerSettings:
    """From the environment: inherited listening sockets, or addresses of our own; limits; TLS."""
    return ServerSettings(
        ae_title=ae_title,
        bind=settings.DICOM_BIND,
        port=settings.DICOM_PORT,
        inherited_fd=_descriptor("RIS_DICOM_FD"),
        policy=associations.decide,
        interference=Injection(),
        max_associations=settings.DICOM_MAX_ASSOCIATIONS,
        max_per_caller=settings.DICOM_MAX_PER_CALLER or None,
        user_identities=UserIdentities(settings.DICOM_USER_IDENTITY),
        max_pdu=settings.DICOM_MAX_PDU,
        max_message=settings.DICOM_MAX_MESSAGE,
        arrival_timeout=settings.DICOM_ARRIVAL_TIMEOUT,
        idle_timeout=settings.DICOM_IDLE_TIMEOUT,
        io_timeout=settings.DICOM_IO_TIMEOUT,
        tls=tls_settings() if settings.DICOM_TLS_PORT else None,
    )


def tls_settings() -> TlsSettings:
    return TlsSettings(
        port=settings.DICOM_TLS_PORT,
        certificate=Path(settings.DICOM_TLS_CERTIFICATE),
        key=Path(settings.DICOM_TLS_KEY) if settings.DICOM_TLS_KEY else None,
        authorities=Path(settings.DICOM_TLS_CA) if settings.DICOM_TLS_CA else None,
        client_certificate=ClientCertificate(settings.DICOM_TLS_CLIENT),
        inherited_fd=_descriptor("RIS_DICOM_TLS_FD"),
    )


def _descriptor(variable: str) -> int | None:
    inherited = os.environ.get(variable)
    return int(inherited) if inherited else None


def _stop_on_signals(stop: threading.Event) -> None:
    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
