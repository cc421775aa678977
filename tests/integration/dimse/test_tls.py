"""DICOM over TLS on its own port: with and without certificates of peers, beside the plain one."""

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dimse import statuses
from dimse.calling import connect
from dimse.entries import AssociationStarted
from dimse.outcomes import NotReachable
from dimse.scu import Timeouts
from dimse.server import CannotListen, DicomServer
from dimse.services import EncodedAnswers, FindAnswer, FindRequest
from dimse.strangers import NoDicom
from dimse.tls import BadTlsSettings, ClientCertificate, TlsSettings, client_context, context
from tests.integration.dimse.conftest import Ris
from tests.support import wire
from tests.support.dcmtk import dcmtk
from tests.support.wait import wait_until

FILES = Path(__file__).parents[2] / "data" / "tls"
SERVER = {"certificate": FILES / "server.pem", "key": FILES / "server.key", "authorities": FILES / "authority.pem"}


@pytest.fixture
def secured(serve: Callable[..., DicomServer]) -> Callable[..., DicomServer]:
    def start(**changes: Any) -> DicomServer:
        return serve(tls=TlsSettings(**{"port": 0, **SERVER, **changes}))

    return start


@contextmanager
def connected(port: int | None, certificate: str = "") -> Iterator[wire.Peer]:
    trusting = ssl.create_default_context(cafile=FILES / "authority.pem")
    if certificate:
        trusting.load_cert_chain(FILES / f"{certificate}.pem", FILES / f"{certificate}.key")
    assert port is not None
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as encrypted,
    ):
        yield wire.Peer(encrypted)


def is_served(port: int | None, certificate: str = "") -> bool:
    try:
        with connected(port, certificate) as peer:
            peer.associate().send(wire.echo())
            return peer.status() == statuses.SUCCESS
    except (OSError, EOFError):
        return False


def note_of(ris: Ris) -> str:
    entry = wait_until(lambda: next((entry for entry in ris.entries if isinstance(entry, AssociationStarted)), None), 5, "an entry")
    return entry.note


@pytest.mark.parametrize(
    ("policy", "served"),
    [
        (ClientCertificate.NONE, {"": True, "client": True, "stranger": True}),
        (ClientCertificate.OPTIONAL, {"": True, "client": True, "stranger": False}),
        (ClientCertificate.REQUIRED, {"": False, "client": True, "stranger": False}),
    ],
)
def test_certificates_of_peers_are_asked_for_as_it_is_set(
    secured: Callable[..., DicomServer], policy: ClientCertificate, served: dict[str, bool]
) -> None:
    server = secured(client_certificate=policy)
    assert {certificate: is_served(server.tls_port, certificate) for certificate in served} == served


def test_the_plain_port_goes_on_beside_it(secured: Callable[..., DicomServer]) -> None:
    server = secured()
    with wire.connected(server.port) as peer:
        peer.associate().send(wire.echo())
        assert peer.status() == statuses.SUCCESS


def test_dcmtk_echoes_over_tls_with_certificates(secured: Callable[..., DicomServer]) -> None:
    server = secured(client_certificate=ClientCertificate.REQUIRED)
    certificates = ("+tls", FILES / "client.key", FILES / "client.pem", "+cf", FILES / "authority.pem")
    command = [dcmtk("echoscu"), *certificates, "localhost", str(server.tls_port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("how", "subject"), [("+tls", "CN=client"), ("+tla", "")])
def test_the_journal_says_by_what_an_association_was_secured(secured: Callable[..., DicomServer], ris: Ris, how: str, subject: str) -> None:
    server = secured(client_certificate=ClientCertificate.OPTIONAL)
    shown = [FILES / "client.key", FILES / "client.pem"] if how == "+tls" else []
    command = [dcmtk("echoscu"), how, *shown, "+cf", FILES / "authority.pem", "localhost", str(server.tls_port)]
    subprocess.run(command, capture_output=True, timeout=30, check=True)
    with wire.connected(server.port) as peer:
        peer.associate()

    def both() -> list[AssociationStarted]:
        found = [one for one in ris.entries if isinstance(one, AssociationStarted)]
        return found if len(found) == 2 else []

    over, plain = (one.association.secured for one in wait_until(both, 5, "both entries"))
    assert over is not None and over.version in ("TLSv1.2", "TLSv1.3") and "GCM" in over.cipher and over.subject == subject
    assert plain is None


@pytest.mark.parametrize(("certificate", "named"), [("nameless", "DNS:ct01.hospital.example"), ("numbered", "serial number 04")])
def test_a_certificate_without_a_subject_is_told_by_what_else_it_has(
    secured: Callable[..., DicomServer], ris: Ris, certificate: str, named: str
) -> None:
    server = secured(client_certificate=ClientCertificate.REQUIRED, authorities=FILES / "odd-authority.pem")
    assert is_served(server.tls_port, certificate)
    (over,) = (one.association.secured for one in ris.entries if isinstance(one, AssociationStarted))
    assert over is not None and over.subject == named


def test_dcmtk_finds_over_tls_with_certificates(secured: Callable[..., DicomServer], ris: Ris) -> None:
    def find(request: FindRequest) -> Iterator[FindAnswer]:
        yield EncodedAnswers(statuses.PENDING, [b"\x10\0\x20\0\x04\0\0\0P-42"])

    ris.on_find = find
    server = secured(client_certificate=ClientCertificate.REQUIRED)
    certificates = ("+tls", FILES / "client.key", FILES / "client.pem", "+cf", FILES / "authority.pem")
    command = [dcmtk("findscu"), "-W", "-xi", *certificates, "-k", "PatientID", "localhost", str(server.tls_port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, "[P-42]" in done.stdout + done.stderr) == (0, True), done.stderr


def handshake(port: int | None, **wanted: Any) -> str:
    """Version and cipher of a peer that wants it so; empty when it gets nothing."""
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.load_verify_locations(FILES / "authority.pem")
    asking.set_ciphers(wanted.get("ciphers", "DEFAULT:@SECLEVEL=0"))
    for bound in ("minimum_version", "maximum_version"):
        setattr(asking, bound, wanted.get("version", ssl.TLSVersion.TLSv1_2))
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            with asking.wrap_socket(plain, server_hostname="localhost") as encrypted:
                return f"{encrypted.version()} {(encrypted.cipher() or ('',))[0]}"
        except (ssl.SSLError, ConnectionError):
            return ""


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_versions_and_ciphers_are_those_of_bcp_195(secured: Callable[..., DicomServer], ris: Ris) -> None:
    port = secured().tls_port
    versions = {
        version: handshake(port, version=version) for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_3)
    }
    assert [bool(found) for found in versions.values()] == [False, False, True]
    assert "TLS handshake failed" in note_of(ris)
    good = ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384")
    assert [handshake(port, ciphers=name) for name in good] == [f"TLSv1.2 {name}" for name in good]
    weak = ("AES128-GCM-SHA256", "AES256-SHA", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256")
    assert [handshake(port, ciphers=f"{name}:@SECLEVEL=0") for name in weak] == [""] * len(weak)


def test_a_certificate_that_has_elapsed_is_refused_in_words(secured: Callable[..., DicomServer], ris: Ris) -> None:
    server = secured(client_certificate=ClientCertificate.REQUIRED, authorities=FILES / "elapsed-authority.pem")
    assert not is_served(server.tls_port, "elapsed")
    assert note_of(ris) == "the peer's certificate is not trusted: certificate has expired"


def test_of_a_peer_whose_certificate_is_not_trusted_it_is_said_that_it_answers(secured: Callable[..., DicomServer]) -> None:
    port = secured().tls_port
    assert port is not None
    with pytest.raises(NotReachable) as error:
        connect("127.0.0.1", port, "CT01 at 127.0.0.1", Timeouts(), client_context(FILES / "elapsed-authority.pem"))
    assert "CT01 at 127.0.0.1 answers, and the peer's certificate is not trusted: " in str(error.value)
    assert "Does its port" not in str(error.value) and ".." not in str(error.value)


def test_many_answers_come_whole_and_a_released_connection_is_closed(secured: Callable[..., DicomServer], ris: Ris) -> None:
    def find(request: FindRequest) -> Iterator[FindAnswer]:
        for _ in range(20):
            yield EncodedAnswers(statuses.PENDING, [b"\x10\0\x20\0\x40\x1f\0\0" + b"P" * 8000] * 25)

    ris.on_find = find
    server = secured()
    with connected(server.tls_port) as peer:
        peer.associate().send(wire.find())
        count = 0
        while peer.status() == statuses.PENDING:
            count += 1
        assert count == 500
        peer.send(wire.RELEASE_RQ)
        assert peer.pdu() == (6, bytes(4))
    wait_until(lambda: server.connections == 0, 5, "nothing is left")


def test_requests_that_come_in_one_record_are_all_seen(secured: Callable[..., DicomServer]) -> None:
    with connected(secured().tls_port) as peer:
        peer.associate().send(b"".join(wire.echo(number) for number in range(1, 41)))
        assert [peer.status() for _ in range(40)] == [statuses.SUCCESS] * 40


def test_a_silent_peer_does_not_hold_up_the_others_and_is_cut_off(secured: Callable[..., DicomServer], ris: Ris) -> None:
    server = secured(handshake_timeout=0.5)
    assert server.tls_port is not None
    with wire.connected(server.tls_port) as silent:
        assert is_served(server.tls_port)
        assert silent.is_closed()
    wait_until(lambda: any("not finished in time" in getattr(entry, "note", "") for entry in ris.entries), 5, "it is told")


def test_plain_dicom_on_the_port_for_tls_is_told_in_words(secured: Callable[..., DicomServer], ris: Ris) -> None:
    server = secured()
    assert server.tls_port is not None
    with wire.connected(server.tls_port) as peer:
        peer.send(wire.associate_rq())
        while peer.connection.recv(100):
            pass
    assert note_of(ris).startswith("the TLS handshake failed: ")
    assert [entry.taken_for for entry in ris.entries if isinstance(entry, AssociationStarted)] == [NoDicom.PLAIN]


def test_a_stop_in_the_middle_of_a_handshake_leaves_nothing_behind(secured: Callable[..., DicomServer]) -> None:
    server = secured()
    assert server.tls_port is not None
    with wire.connected(server.tls_port) as silent:
        assert is_served(server.tls_port)
        server.stop(0.2)
        assert silent.is_closed()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"certificate": FILES / "nowhere.pem"}, "nowhere.pem with the key .* cannot be used for TLS: No such file"),
        ({"key": FILES / "client.key"}, "cannot be used for TLS: .*mismatch"),
        ({"authorities": None, "client_certificate": ClientCertificate.REQUIRED}, "a list of authorities, and none is given"),
        (
            {"authorities": FILES / "server.key", "client_certificate": ClientCertificate.OPTIONAL},
            "authorities in .*server.key cannot be used",
        ),
    ],
)
def test_settings_that_cannot_work_are_errors_in_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadTlsSettings, match=words):
        context(TlsSettings(**{"port": 0, **SERVER, **changes}))


def test_a_taken_port_for_tls_gives_the_plain_one_back(serve: Callable[..., DicomServer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"127.0.0.1:{port}: Address already in use"):
            serve(tls=TlsSettings(port=port, **SERVER))
