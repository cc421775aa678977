"""TLS towards other systems, by the settings of the server: their certificates are checked, ours is shown."""

import ssl
from pathlib import Path

from django.conf import settings

from dimse.outcomes import NotReachable, Obstacle
from dimse.tls import BadTlsSettings, client_context


def tls(wanted: bool) -> bool:
    """Whether TLS is spoken to somebody, as typed; ValueError where no certificate could be checked."""
    if wanted and not settings.DICOM_TLS_CA:
        raise ValueError("cannot be used: RIS_DICOM_TLS_CA names no file of authorities that its certificate could be checked with")
    return wanted


def context() -> ssl.SSLContext:
    """What a handshake with a peer needs. Raises NotReachable where the settings cannot be used."""
    if not settings.DICOM_TLS_CA:
        raise NotReachable("TLS cannot be spoken: RIS_DICOM_TLS_CA names no file of authorities.", Obstacle.TLS)
    ours, key = (Path(name) if name else None for name in (settings.DICOM_TLS_CERTIFICATE, settings.DICOM_TLS_KEY))
    try:
        return client_context(Path(settings.DICOM_TLS_CA), ours, key)
    except BadTlsSettings as error:
        words = f"{error} Look at RIS_DICOM_TLS_CA, RIS_DICOM_TLS_CERTIFICATE and RIS_DICOM_TLS_KEY."
        raise NotReachable(words, Obstacle.TLS) from error
