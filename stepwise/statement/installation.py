"""What this installation is set to, for the conformance statement: names, ports, limits, and how each station differs from the default."""

from collections.abc import Iterable
from typing import Final

from django.conf import settings

from ris.models import CalledAlias, Site, Station
from stepwise.documents import Table

_SETTINGS: Final = (
    ("RIS_DICOM_BIND", "DICOM_BIND", "address that is listened on"),
    ("RIS_DICOM_PORT", "DICOM_PORT", "port"),
    ("RIS_DICOM_TLS_PORT", "DICOM_TLS_PORT", "port with TLS; 0: none"),
    ("RIS_DICOM_TLS_CLIENT", "DICOM_TLS_CLIENT", "certificates of peers"),
    ("RIS_DICOM_PROCESSES", "DICOM_PROCESSES", "processes that share the port"),
    ("RIS_DICOM_MAX_PDU", "DICOM_MAX_PDU", "Maximum Length, bytes"),
    ("RIS_DICOM_MAX_MESSAGE", "DICOM_MAX_MESSAGE", "data set of a message, bytes at most"),
    ("RIS_DICOM_MAX_ASSOCIATIONS", "DICOM_MAX_ASSOCIATIONS", "associations at a time in each process"),
    ("RIS_DICOM_MAX_PER_CALLER", "DICOM_MAX_PER_CALLER", "of these, of one calling AE title; 0: no limit of its own"),
    ("RIS_DICOM_ARRIVAL_TIMEOUT", "DICOM_ARRIVAL_TIMEOUT", "seconds for the association request (ARTIM)"),
    ("RIS_DICOM_IDLE_TIMEOUT", "DICOM_IDLE_TIMEOUT", "seconds without a request"),
    ("RIS_DICOM_IO_TIMEOUT", "DICOM_IO_TIMEOUT", "seconds for one message, and for a peer that does not read"),
    ("RIS_DICOM_STOP_TIMEOUT", "DICOM_STOP_TIMEOUT", "seconds for what is under way when the server stops"),
    ("RIS_DICOM_USER_IDENTITY", "DICOM_USER_IDENTITY", "user identity that is offered"),
    ("RIS_UNKNOWN_CALLED", "UNKNOWN_CALLED", "called AE titles that are no hospital's"),
    ("RIS_UNKNOWN_CALLERS", "UNKNOWN_CALLERS", "calling AE titles that are no station's"),
)


def values() -> dict[str, str]:
    """What each setting that the statement names is here."""
    return {name: str(getattr(settings, attribute)) for name, attribute, _ in _SETTINGS}


def parameters() -> Table:
    here = values()
    return Table(("parameter", "setting", "here"), tuple((words, f"`{name}`", here[name]) for name, _, words in _SETTINGS))


def local(site: Site) -> Table:
    """AE titles by which this system lets itself be called for a site, and its ports."""
    port = str(settings.DICOM_PORT) if not settings.DICOM_TLS_PORT else f"{settings.DICOM_PORT}, {settings.DICOM_TLS_PORT} with TLS"
    also = CalledAlias.objects.filter(site=site, forgotten_at=None).values_list("ae_title", flat=True)
    titles = site.ae_title if not also else f"{site.ae_title}, also called {', '.join(also)}"
    return Table(("application entity", "AE title", "port"), (("Worklist, MPPS, MPPS Retrieve, Verification", titles, port),))


def remote(site: Site) -> Table:
    """Stations, and what each is set to otherwise than a new one."""
    stations = Station.objects.filter(site=site).prefetch_related("modalities", "aliases", "pools", "former_titles").order_by("ae_title")
    rows = (
        (one.ae_title, ", ".join(each.modality for each in one.modalities.all()), _addresses(one), differences(one)) for one in stations
    )
    return Table(("AE title", "modality", "calls from", "otherwise than the defaults"), tuple(rows))


def _addresses(station: Station) -> str:
    return ", ".join(map(str, station.addresses)) or "anywhere"


def differences(station: Station) -> str:
    """`strict no; answer limit 100; in pool ANYCT`; "none"."""
    found = []
    for field in Station._meta.concrete_fields:
        if field.name in _ABOUT_THE_STATION or (value := getattr(station, field.name)) == field.get_default():
            continue
        shown = "yes" if value is True else "no" if value is False else ", ".join(value) if isinstance(value, list) else str(value)
        found.append(f"{field.name.replace('_', ' ')} {shown or 'none'}")
    found += _named("former AE title", (one.ae_title for one in station.former_titles.all() if one.until is None))
    found += _named("sees the list of", (one.ae_title for one in station.aliases.all()))
    found += _named("in pool", (one.code for one in station.pools.all()))
    return "; ".join(found) or "none"


def _named(what: str, names: Iterable[str]) -> list[str]:
    listed = ", ".join(names)
    return [f"{what} {listed}"] if listed else []


_ABOUT_THE_STATION: Final = frozenset(
    {
        "id", "site", "ae_title", "name", "room", "addresses", "host", "port", "tls", "opens", "closes", "registered_at", "titled_at",
        "version",
    }
)  # fmt: skip
"""Columns that are no settings: what the SCP answers is the same whatever they hold."""
