"""DICOM over TLS (PS3.15 B.12, BCP 195 by RFC 8996 and 9325): a certificate of the server, and, where asked for, of its peers.

TLS 1.2 or later, and in 1.2 only what has forward secrecy and authenticates what it encrypts.
"""

import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from dimse.strangers import NoDicom


class ClientCertificate(StrEnum):
    """Whether a peer shows a certificate; one that is shown must be signed by an authority that is trusted."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, in the words of OpenSSL; TLS 1.3 has no others than good ones."""


_SHORT: Final = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "countryName": "C",
}


@dataclass(frozen=True, slots=True)
class Secured:
    """What a connection is secured by: `TLSv1.3`, the cipher suite, and whom the certificate names that the peer showed, if any: its
    subject, where that is empty its alternative names (RFC 5280 4.2.1.6), where it has none its serial number."""

    version: str
    cipher: str
    subject: str = ""


def secured(connection: "ssl.SSLObject | ssl.SSLSocket | None") -> Secured | None:
    """Of a connection whose handshake is over; None for a plain one."""
    if connection is None:
        return None
    shown: Any = connection.getpeercert() or {}  # the stubs know nothing of its shape: a tuple of pairs for each part of the name
    cipher = connection.cipher()
    return Secured(connection.version() or "", cipher[0] if cipher else "", _named(shown))


def _named(shown: Any) -> str:
    """Whom a certificate names, as the standard library reads it; empty where none was shown."""
    subject = ", ".join(f"{_SHORT.get(name, name)}={value}" for part in shown.get("subject", ()) for name, value in part)
    others = ", ".join(f"{kind}:{value}" for kind, value in shown.get("subjectAltName", ()))
    return subject or others or (f"serial number {shown.get('serialNumber', '')}" if shown else "")


class BadTlsSettings(Exception):
    """A certificate, key or list of authorities cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """The port for TLS beside the plain one. Files are PEM; `key` is not needed when `certificate` holds it too.

    `authorities` sign the certificates of peers. `handshake_timeout` (seconds) bounds a silent peer's patience with us.
    """

    port: int
    certificate: Path
    key: Path | None = None
    authorities: Path | None = None
    client_certificate: ClientCertificate = ClientCertificate.NONE
    inherited_fd: int | None = None
    handshake_timeout: float = 10.0


def context(settings: TlsSettings) -> ssl.SSLContext:
    """What the handshakes need. Raises BadTlsSettings."""
    made = _by_profile(ssl.PROTOCOL_TLS_SERVER)
    _show(made, settings.certificate, settings.key)
    if settings.client_certificate is ClientCertificate.NONE:
        return made
    if settings.authorities is None:
        raise BadTlsSettings("Certificates of peers can only be checked with a list of authorities, and none is given.")
    _trust(made, settings.authorities)
    is_required = settings.client_certificate is ClientCertificate.REQUIRED
    made.verify_mode = ssl.CERT_REQUIRED if is_required else ssl.CERT_OPTIONAL
    return made


def client_context(authorities: Path, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """For a requestor: the peer's certificate must be signed by one of the authorities and name its host; ours is shown to who asks for it.

    Files are PEM. Raises BadTlsSettings.
    """
    made = _by_profile(ssl.PROTOCOL_TLS_CLIENT)
    _trust(made, authorities)
    if certificate is not None:
        _show(made, certificate, key)
    return made


def _by_profile(side: int) -> ssl.SSLContext:
    made = ssl.SSLContext(side)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHERS)
    return made


def _show(made: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        made.load_cert_chain(certificate, key)
    except OSError as error:
        files = f"{certificate}{f' with the key {key}' if key else ''}"
        raise BadTlsSettings(f"The certificate {files} cannot be used for TLS: {error.strerror or error}.") from error


def _trust(made: ssl.SSLContext, authorities: Path) -> None:
    try:
        made.load_verify_locations(authorities)
    except OSError as error:
        raise BadTlsSettings(f"The authorities in {authorities} cannot be used for TLS: {error.strerror or error}.") from error


_VERIFY_CODES: Final = {
    9: NoDicom.CERTIFICATE_TOO_EARLY,  # X509_V_ERR_CERT_NOT_YET_VALID
    10: NoDicom.CERTIFICATE_ELAPSED,  # X509_V_ERR_CERT_HAS_EXPIRED
    26: NoDicom.CERTIFICATE_FOR_SERVERS,  # X509_V_ERR_INVALID_PURPOSE
}
"""What is wrong with a certificate that was shown, by the code of OpenSSL; any other is that it is not trusted."""
_REASONS: Final = (
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", NoDicom.NO_CERTIFICATE),
    ("ALERT_UNKNOWN_CA", NoDicom.OUR_AUTHORITY_UNKNOWN),
    ("ALERT_BAD_CERTIFICATE", NoDicom.OUR_CERTIFICATE_BAD),
    ("ALERT_CERTIFICATE", NoDicom.OUR_CERTIFICATE_REFUSED),
    ("UNSUPPORTED_PROTOCOL", NoDicom.OLD_TLS),
    ("NO_SHARED_CIPHER", NoDicom.NO_SHARED_CIPHER),
    ("WRONG_VERSION_NUMBER", NoDicom.PLAIN),
    ("HTTP_REQUEST", NoDicom.HTTP_WITHOUT_TLS),
)
"""What OpenSSL calls the reason of a failure, in part, and what it means; the first that fits."""


class Failure(NamedTuple):
    """Why a handshake came to nothing: what the peer of it did, and that in words."""

    kind: NoDicom
    words: str


def failure(error: Exception) -> Failure | None:
    """What the error of a handshake means; None for a connection that was opened and closed again, which is no news."""
    if isinstance(error, ssl.SSLCertVerificationError):
        kind = _VERIFY_CODES.get(error.verify_code, NoDicom.CERTIFICATE_NOT_TRUSTED)
        return Failure(kind, f"the peer's certificate is not trusted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "unknown reason"
        kind = next((kind for sign, kind in _REASONS if sign in reason), NoDicom.HANDSHAKE)
        return Failure(kind, f"the TLS handshake failed: {reason.replace('_', ' ').lower()}")
    if isinstance(error, TimeoutError | ConnectionAbortedError):  # asyncio has the second for the first
        return Failure(NoDicom.NOT_BEGUN, "the TLS handshake was not finished in time")
    return None
