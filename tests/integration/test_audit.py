"""`make audit`, which asks a stand-in on this machine for what is known of the pinned packages."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from packaging.utils import canonicalize_name

from tests.support.ports import free_port
from tests.support.processes import ROOT
from tests.support.required import missing

OSV, NPM = "/v1/query", "/-/npm/v1/security/advisories/bulk"
HOLE = {
    "id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2099-4711"], "summary": "A hole", "details": "A hole", "schema_version": "1.6.0",
    "modified": "2099-01-01T00:00:00Z", "published": "2099-01-01T00:00:00Z",
    "affected": [{"package": {"name": "django", "ecosystem": "PyPI"}, "ranges": [
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]},
    ]}],
}  # fmt: skip
ADVISORY = {"id": 4711, "url": "https://nowhere.example/4711", "title": "A hole", "severity": "high", "vulnerable_versions": "<99.0.0"}


@dataclass
class Services:
    """Both services at one port; `known` is by package what is answered, `asked` which packages were asked for, by address."""

    port: int
    known: Mapping[str, dict[str, Any]]
    asked: dict[str, set[str]] = field(default_factory=lambda: {OSV: set(), NPM: set()})

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        packages = {body["package"]["name"]} if path == OSV else set(body)
        self.asked[path] |= packages
        found = {name: self.known[name] for name in packages & self.known.keys()}
        return {"vulns": [*found.values()]} if path == OSV else {name: [one] for name, one in found.items()}


@contextmanager
def services(**known: dict[str, Any]) -> Iterator[Services]:
    class Handler(BaseHTTPRequestHandler):
        of: ClassVar[Services]

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = json.loads(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            said = json.dumps(self.of.answer(self.path, asked)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def do_GET(self) -> None:
            """What npm asks further of a package that has a hole: which versions there are. None is known here."""
            self.send_error(404)

        def log_message(self, *said: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.of = Services(server.server_port, {name.replace("_", "-"): one for name, one in known.items()})
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Handler.of
        finally:
            server.shutdown()
            thread.join()


def audit(directory: Path, port: int, path: str = "") -> subprocess.CompletedProcess[str]:
    """`make audit` of the packages that are installed here, with the services at a port."""
    environment = os.environ | {"NO_PROXY": "127.0.0.1", "HOME": str(directory), "npm_config_cache": str(directory / "npm")}
    at = f"http://127.0.0.1:{port}"
    target = ["make", "--no-print-directory", "--old-file", "environment-dev", "audit", f"VENV={sys.prefix}"]
    return subprocess.run(
        [*target, f"OSV_URL={at}{OSV}", f"NPM_REGISTRY={at}/"],
        cwd=ROOT, env=environment | ({"PATH": f"{path}:{os.environ['PATH']}"} if path else {}),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def npm(tmp_path: Path) -> str:
    """Where npm is; on a machine without Node something in its place that knows of nothing."""
    if shutil.which("npm") is None:
        (tmp_path / "npm").write_text("#!/bin/sh\necho found 0 vulnerabilities\n")
        (tmp_path / "npm").chmod(0o755)
        return str(tmp_path)
    return ""


def test_nothing_known_passes_and_every_pinned_package_was_asked_for(tmp_path: Path, npm: str) -> None:
    with services() as found:
        done = audit(tmp_path, found.port, npm)
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("No known vulnerabilities in any pinned package.\n")
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line and ";" not in line]
    assert {canonicalize_name(line.split("==")[0]) for line in lines} <= {canonicalize_name(name) for name in found.asked[OSV]}
    assert "pynetdicom" in found.asked[OSV]
    assert found.asked[NPM] or npm


def test_a_known_hole_of_a_pinned_package_fails_and_is_named(tmp_path: Path, npm: str) -> None:
    with services(django=HOLE) as found:
        done = audit(tmp_path, found.port, npm)
    assert done.returncode != 0
    assert [line.split()[0] for line in done.stdout.splitlines() if "CVE-2099-4711" in line] == ["django"]
    assert "99.0" in done.stdout, "where it is mended"
    assert "Vulnerabilities of Python packages (constraints.txt) are known" in done.stderr
    assert "No known" not in done.stderr


def test_a_known_hole_of_a_package_of_the_tests_fails_and_is_named(tmp_path: Path, npm: str) -> None:
    if npm:
        missing("node", "npm is not on PATH")
    with services(dcmjs_dimse=ADVISORY) as found:
        done = audit(tmp_path, found.port)
    assert done.returncode != 0
    assert "dcmjs-dimse" in done.stdout and "A hole" in done.stdout
    assert "Vulnerabilities of npm packages (tests/foreign) are known" in done.stderr
    assert "constraints.txt" not in done.stderr


def test_a_service_that_cannot_be_reached_fails_and_says_so(tmp_path: Path, npm: str) -> None:
    done = audit(tmp_path, free_port(), npm)
    assert done.returncode != 0
    assert "Vulnerabilities of Python packages (constraints.txt) could not be asked for" in done.stderr
    assert "Connection refused" in done.stderr
    assert npm or "Vulnerabilities of npm packages (tests/foreign) could not be asked for" in done.stderr
    assert "Traceback" not in done.stderr
    assert "are known" not in done.stderr


def test_an_answer_that_is_not_the_service_s_is_told_as_one(tmp_path: Path) -> None:
    """pip-audit says of it that PyPI has no such package, which is untrue."""
    (tmp_path / "npm").write_text("#!/bin/sh\necho found 0 vulnerabilities\n")
    (tmp_path / "pip-audit").write_text("#!/bin/sh\necho 'ERROR:pip_audit._cli:amqp: Dependency not found on PyPI' >&2\nexit 1\n")
    for name in ("npm", "pip-audit"):
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [ROOT / "scripts/audit.sh", tmp_path], env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "could not be asked for: the service did not answer as PyPI does" in done.stderr
    assert "not found" not in done.stderr
