"""What the service engineer has to set at the modality: how we are reached from outside, and what is expected of it."""

from dataclasses import dataclass
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

from ris import clock
from ris.models import Site, Station
from ris.web.station_words import set_in_words

_ANY = ("0.0.0.0", "::", "")


def is_local(bind: str) -> bool:
    """Whether an address that is listened on can be reached from this machine only."""
    if bind == "localhost":
        return True
    try:
        return ip_address(bind).is_loopback
    except ValueError:
        return False


def listens(request: HttpRequest | None = None) -> str:
    """`10.20.1.5 port 11112`."""
    at = address(request)
    return f"{at} port {settings.DICOM_PORT}" if at else f"port {settings.DICOM_PORT} of this machine’s address in the modality’s network"


def address(request: HttpRequest | None = None) -> str:
    """Where the DICOM server is reached: the address that it is bound to, else the name under which this page was asked for.

    Empty where that is a name by which everybody means their own machine.
    """
    if settings.DICOM_BIND not in _ANY:
        return str(settings.DICOM_BIND)
    host = split_domain_port(request.get_host())[0] if request is not None else ""
    return "" if is_local(host.strip("[]")) else host


@dataclass(frozen=True)
class Row:
    """One line of the card; `is_id` for what is typed to the letter."""

    label: str
    value: str
    is_id: bool = False
    note: str = ""


@dataclass(frozen=True)
class Part:
    title: str
    rows: tuple[Row, ...]


EXPECTED = (
    "Query the worklist before each exam, and choose the exam from the list: nothing is typed by hand.",
    "Carry Study Instance UID, Accession Number, Requested Procedure ID, Scheduled Procedure Step ID and Patient ID of the chosen exam "
    "into the N-CREATE (Scheduled Step Attributes, 0040,0270) and into the images.",
    "Send N-CREATE with status IN PROGRESS when the exam begins, once, with a UID of its own.",
    "Send N-SET with status COMPLETED and the Performed Series when it is done, or DISCONTINUED with a reason (CID 9300).",
    "Send the same again under the same UID when no answer came.",
    "Keep its clock within ten minutes of ours.",
)
"""IHE Radiology, Scheduled Workflow, of the Acquisition Modality; PS3.4 Annex F.7 and K.6."""


def parts(site: Site, station: Station | None, titles: tuple[str, ...], request: HttpRequest) -> list[Part]:
    """The card, part by part; without a station the general one."""
    zone = clock.zone_named(station.time_zone) if station is not None and station.time_zone else clock.zone(site)
    offset = f"{clock.now(site).astimezone(zone):%z}"
    also = f"also accepted: {', '.join(titles[1:])}" if titles[1:] else ""
    tls = f"Port {settings.DICOM_TLS_PORT}, TLS 1.2 or later" if settings.DICOM_TLS_PORT else "Not used"
    client = {"none": "", "optional": "a certificate of yours is checked when you show one", "required": "you have to show a certificate"}
    server = (
        Row("AE title", site.ae_title, True, also),
        _address(request),
        Row("Port", str(settings.DICOM_PORT), True, "worklist, MPPS and Verification alike"),
        Row("TLS", tls, note=client[settings.DICOM_TLS_CLIENT] if settings.DICOM_TLS_PORT else ""),
        Row("Services", "Verification, Modality Worklist FIND, Modality Performed Procedure Step, MPPS Retrieve"),
        Row("Transfer syntaxes", "Explicit and Implicit VR Little Endian, Explicit VR Big Endian"),
        Row("Time zone", f"{zone} (UTC{offset[:3]}:{offset[3:]})", note=_of_zone(site, station)),
    )
    if station is None:
        return [Part("Our server", server)]
    allowed = ", ".join(station.addresses) or "anywhere"
    yours = (
        Row("AE title", station.ae_title, True, "to the letter: upper and lower case count"),
        Row("Calls from", allowed, bool(station.addresses)),
        Row("Answers C-ECHO at", f"{station.host}:{station.port}{' with TLS' if station.tls else ''}" if station.host else "Not known"),
        Row("Query by", f"Scheduled Station AE Title = {station.ae_title}, today’s date"),
        Row("Modality", ", ".join(map(str, station.modalities.all()))),
        Row("Character set", set_in_words(station.character_set)),
        Row("Messages", "Refused where they break the standard" if station.strict else "Taken where they can be understood"),
    )
    return [Part("Our server", server), Part("Your modality", yours)]


def _address(request: HttpRequest) -> Row:
    at = address(request)
    if not at:
        name = split_domain_port(request.get_host())[0]
        return Row("Address", "Not known", note=f"this page was opened as {name}, which at the modality means itself; write in our address")
    return Row("Address", at, True, "reached from this machine only" if is_local(settings.DICOM_BIND) else "")


def _of_zone(site: Site, station: Station | None) -> str:
    said = "dates and times of the worklist are in it"
    is_own = station is not None and station.time_zone not in ("", site.time_zone)
    return f"{said}; this station’s own, the hospital’s is {site.time_zone}" if is_own else said
