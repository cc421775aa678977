"""What is advised about TLS that came to nothing, by real handshakes."""

import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import pytest

from dimse import tls
from dimse.strangers import complaint, taken_for
from dimse.tls import ClientCertificate, TlsSettings
from stepwise.connecting import words
from tests.support import wire

FILES = Path(__file__).parents[2] / "data" / "tls"
what_strangers_said = import_module("dimse.migrations.0008_what_strangers_took_the_port_for")
said_better = import_module("dimse.migrations.0009_handshakes_that_failed")
Peer = Callable[[socket.socket], None]


def server(client: ClientCertificate = ClientCertificate.NONE, authorities: str = "authority") -> ssl.SSLContext:
    files = {"certificate": FILES / "server.pem", "key": FILES / "server.key", "authorities": FILES / f"{authorities}.pem"}
    return tls.context(TlsSettings(port=0, client_certificate=client, **files))


def peer(
    certificate: str = "", *, trusts: str = "authority", name: str = "localhost", version: ssl.TLSVersion | None = None, ciphers: str = ""
) -> Peer:
    def shake(connection: socket.socket) -> None:
        asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        asking.load_verify_locations(FILES / f"{trusts}.pem")
        asking.set_ciphers(ciphers or "DEFAULT:@SECLEVEL=0")
        if certificate:
            asking.load_cert_chain(FILES / f"{certificate}.pem", FILES / f"{certificate}.key")
        if version:
            asking.minimum_version = asking.maximum_version = version
        with asking.wrap_socket(connection, server_hostname=name) as encrypted:
            encrypted.recv(1)

    return shake


def says(data: bytes) -> Peer:
    def send(connection: socket.socket) -> None:
        connection.sendall(data)
        connection.recv(1)

    return send


def met(ours: ssl.SSLContext, theirs: Peer) -> tuple[str, str]:
    """What the server would journal of the handshake: in words, and as a code."""
    here, there = socket.socketpair()
    here.settimeout(1)
    there.settimeout(5)
    with here, there, ThreadPoolExecutor(1) as pool:
        going = pool.submit(theirs, there)
        with pytest.raises(OSError) as error, ours.wrap_socket(here, server_side=True) as encrypted:
            encrypted.recv(1)  # with TLS 1.3 what a peer refuses is heard at the first read
        here.close()
        assert isinstance(going.exception(), OSError) or not going.result()
    failure = tls.failure(error.value)
    assert failure is not None
    return failure.words, failure.kind


def words_by_migration(note: str) -> str:
    """The code that rows of before get."""
    code = next(code for said, code in what_strangers_said.WORDS if said in note)
    return next((better for said, better in said_better.WORDS if said in note), code)


REQUIRED = ClientCertificate.REQUIRED


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
@pytest.mark.parametrize(
    ("client", "authorities", "theirs", "advice"),
    [
        (REQUIRED, "authority", peer(), "Give the modality a certificate signed by an authority of RIS_DICOM_TLS_CA"),
        (REQUIRED, "authority", peer(version=ssl.TLSVersion.TLSv1_2), "Give the modality a certificate signed by an authority"),
        (REQUIRED, "authority", peer("stranger"), "Have the modality’s certificate signed by an authority of RIS_DICOM_TLS_CA"),
        (REQUIRED, "elapsed-authority", peer("elapsed"), "Give the modality a new certificate"),
        (REQUIRED, "odd-authority", peer("early"), "is not valid yet: set the clock that is wrong"),
        (REQUIRED, "odd-authority", peer("server-only"), "Extended Key Usage has clientAuth"),
        (
            ClientCertificate.NONE,
            "authority",
            peer(trusts="elapsed-authority"),
            "give it the authority that signed RIS_DICOM",
        ),
        (ClientCertificate.NONE, "authority", peer(name="ris.example"), "it has to name this host as the modality calls it"),
        (ClientCertificate.NONE, "authority", peer(version=ssl.TLSVersion.TLSv1_1), "TLS older than 1.2"),
        (
            ClientCertificate.NONE,
            "authority",
            peer(version=ssl.TLSVersion.TLSv1_2, ciphers="AES256-SHA:@SECLEVEL=0"),
            "no cipher suite of BCP 195",
        ),
        (ClientCertificate.NONE, "authority", says(wire.associate_rq()), "plain DICOM to the port for TLS"),
        (ClientCertificate.NONE, "authority", says(b"GET / HTTP/1.0\r\n\r\n"), "A browser or a web monitor"),
        (ClientCertificate.NONE, "authority", says(b"\x16"), "did not begin with TLS"),
        (ClientCertificate.NONE, "authority", says(b"\x16\x03\x01\x00\x05xxxxx"), "compare versions, cipher suites and certificates"),
    ],
)
def test_what_was_wrong_with_tls_says_what_to_do(client: ClientCertificate, authorities: str, theirs: Peer, advice: str) -> None:
    note, code = met(server(client, authorities), theirs)
    assert note and advice in words.NO_DICOM[code], note
    assert words_by_migration(note) == code


def test_tls_on_the_plain_port_is_told_from_its_first_bytes() -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        asking.do_handshake()
    hello = outgoing.read()
    assert "switch TLS off at the modality" in words.NO_DICOM[taken_for(hello)]
    assert words_by_migration(complaint(hello, True, 0)) == taken_for(hello)


@pytest.mark.parametrize(
    ("start", "code"), [(b"GET / HTTP/1.1\r\n", "HTTP"), (b"SSH-2.0-x", "SSH"), (b"\x0bMSH|^~", "HL7"), (b"\xff\xff\xff", "OTHER")]
)
def test_what_somebody_took_the_port_for_is_a_code(start: bytes, code: str) -> None:
    assert taken_for(start) == code == words_by_migration(complaint(start, True, 0))
