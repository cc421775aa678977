"""What the browser is told about every page, and what is asked of every form."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.checks import registry
from django.core.exceptions import BadRequest
from django.db import OperationalError
from django.template.defaultfilters import filesizeformat
from django.test import Client, RequestFactory, override_settings
from django.urls import get_resolver, reverse
from pytest_django.fixtures import Settings

from ris import networks
from ris.actions import patients
from ris.actions.tokens import create_token
from ris.models import Patient, ScheduledProcedureStep
from stepwise import health
from stepwise.addresses import pages
from stepwise.hosts_check import every_host_is_allowed
from tests.support.addresses import World, somebody
from tests.support.hospital import a_site, an_order, steps_of

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
ROOT = Path(__file__).resolve().parents[3]
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
POLICY = {
    "default-src 'self'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
    "object-src 'none'",
}  # fmt: skip


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, db: None) -> World:
    monkeypatch.setattr(health, "findings", lambda: {"dicom": health.Finding(False, "is not asked")})
    return World(monkeypatch)


def chief(**options: Any) -> Client:
    client = Client(**options)
    client.force_login(somebody("the-chief", is_superuser=True))
    return client


def everywhere(world: World) -> Iterator[str]:
    for page in pages():
        yield from (address for address, _ in world.addresses(page))
    yield from ("/nowhere/", "/static/stepwise.css", "/static/nowhere.css", "/api/v1/orders/nowhere")


class Inline(HTMLParser):
    """Finds what a strict policy would refuse: scripts and styles within the page, handlers, addresses that are scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            is_script = bool(re.match(r"\s*(javascript|data|vbscript):", value or "", re.IGNORECASE))
            if name.startswith(("on", "hx-on")) or name in ("style", "srcdoc") or is_script:
                self.found.append(f"<{tag} {name}={value!r}>")


def test_every_answer_has_the_policies_and_no_page_anything_that_they_refuse(world: World) -> None:
    client = chief()
    for address in everywhere(world):
        answer = client.get(address)
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, (address, name)
        assert "camera=()" in answer.headers["Permissions-Policy"], address
        assert "no-store" in answer.headers["Cache-Control"] or address == "/static/stepwise.css", address
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            told = answer.headers["Content-Security-Policy"]
            assert {part.strip() for part in told.split(";")} == POLICY, address
            reader = Inline()
            reader.feed(answer.content.decode())
            assert reader.found == [], address
        if answer.streaming:
            list(answer.streaming_content)  # read to its end a file is closed


def refusals(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, Any]]:
    """One of every kind, with the status that it should have."""
    client, forging, token = chief(), Client(enforce_csrf_checks=True), create_token(somebody("a-scheduler-of-tests", "scheduler"), "tests")
    client.raise_request_exception = forging.raise_request_exception = False
    forging.get("/sign-in/")  # without its cookie no token is looked for
    yield 400, client.get("/sign-in/", headers={"Host": "evil.example"})
    yield 400, client.post("/sign-in/", b"x", content_type="multipart/form-data; boundary=")
    for address in ("/sign-in/", "/find/", "/users/new/"):
        yield 400, forging.post(address, "q=%E9", content_type="application/x-www-form-urlencoded; charset=latin-1")
    yield 401, client.get("/api/v1/stations")
    yield 403, forging.post("/sign-in/", {"username": "x"})
    yield 404, client.get("/nowhere/")
    yield 405, client.post("/healthz")
    yield 405, client.get("/api/v1/orders")
    yield 411, client.generic("POST", "/api/v1/orders", headers={"Transfer-Encoding": "chunked"})
    yield 413, client.post("/sign-in/", b"q=" + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE, content_type="text/plain")
    yield 422, client.post("/api/v1/orders", {}, "application/json", headers={"Authorization": f"Bearer {token}"})
    wrong = [Client().post("/sign-in/", {"username": "nobody", "password": "wrong"}) for _ in range(7)]
    yield 429, wrong[-1]
    for status, error in ((500, ValueError("a fault")), (503, OperationalError("database or disk is full"))):
        with monkeypatch.context() as patch:
            patch.setattr(SessionStore, "load", Mock(side_effect=error))
            yield status, client.get("/patients/")
        with monkeypatch.context() as patch:
            patch.setattr(patients, "register_patient", Mock(side_effect=error))
            yield status, client.post("/patients/new/", {"family": "Walker", "given": "Ann"})


def test_every_kind_of_refusal_has_the_policies(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(refusals(world, monkeypatch))
    assert [answer.status_code for _, answer in found] == [status for status, _ in found]
    for status, answer in found:
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, status
        assert {part.strip() for part in answer.headers["Content-Security-Policy"].split(";")} == POLICY, status
        assert "no-store" in answer.headers["Cache-Control"], status


def test_no_cache_keeps_what_is_taken_away_or_called_for_and_static_files_may_be_kept() -> None:
    order = an_order()
    client, token = chief(), create_token(somebody("a-scheduler-of-tests", "scheduler"), "tests")
    kept = {}
    for address in ("/audit/export.csv", "/audit/export.json", "/api/v1/scheduled-steps", f"/api/v1/orders/{order.accession_number}",
                    "/api/v1/openapi.json", "/api/v1/orders/nowhere", "/static/stepwise.css"):  # fmt: skip
        answer = client.get(address, headers={"Authorization": f"Bearer {token}"})
        kept[address] = "no-store" not in answer.headers["Cache-Control"]
        if answer.streaming:
            list(answer.streaming_content)
    assert [address for address, is_kept in kept.items() if is_kept] == ["/static/stepwise.css"]


def rows() -> dict[str, str]:
    """What each table holds but for sessions, which a visit to a page may make, and the audit trail, which tells of what was refused."""
    passed_over = {"sessions.Session", "ris.AuditRecord", "ris.AuditedPatient"}
    models = [model for model in apps.get_models() if model._meta.managed and model._meta.label not in passed_over]
    return {model._meta.label: repr(list(model._base_manager.order_by("pk").values_list())) for model in models}


def test_a_forged_post_is_refused_in_words_everywhere_and_changes_nothing(world: World) -> None:
    client = chief(enforce_csrf_checks=True)
    client.get("/help/")
    before = rows()
    for page in pages():
        if page.name.startswith("api:"):
            continue
        for (address, _), forged in product(world.addresses(page), ({}, {"csrfmiddlewaretoken": "x" * 64})):
            answer = client.post(address, {"q": "x", "reason": "forged", "version": 1, **forged})
            assert answer.status_code == 403, address
            assert "This form is out of date" in answer.content.decode(), address
    assert rows() == before


def test_a_session_alone_opens_no_call_of_the_rest_interface(world: World) -> None:
    client = chief(enforce_csrf_checks=True)
    assert client.post("/api/v1/orders", "{}", content_type="application/json").status_code == 401


def test_a_token_of_another_session_does_not_fit() -> None:
    a_site()
    mine, theirs = Client(enforce_csrf_checks=True), Client(enforce_csrf_checks=True)
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', theirs.get("/sign-in/").content.decode())
    assert found
    mine.get("/sign-in/")
    answer = mine.post("/sign-in/", {"username": "x", "password": "y", "csrfmiddlewaretoken": found[1]})
    assert answer.status_code == 403


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    "///x",
)


def test_no_address_leads_somewhere_else() -> None:
    step = steps_of(an_order())[0]
    client = chief()
    for target in ELSEWHERE:
        ScheduledProcedureStep.objects.update(status="SCHEDULED")
        step.refresh_from_db()
        leads_nowhere_else(client, step, target)


def leads_nowhere_else(client: Client, step: ScheduledProcedureStep, target: str) -> None:
    answers = [
        client.get("/sign-in/", {"next": target}),
        client.post(f"/steps/{step.pk}/arrive/", {"next": target, "version": step.version}),
        client.post("/find/", {"q": target}),
        client.post("/patients/", {"q": "x", "next": target}),
    ]
    for answer in answers:
        assert answer.status_code in (302, 303)
        assert re.fullmatch(r"/(?![/\\]).*", answer.headers["Location"]), answer.headers["Location"]
    part = Client().get("/worklist/", headers={"HX-Request": "true", "HX-Current-URL": target})
    assert part.headers["HX-Redirect"].startswith("/sign-in/?next=")
    assert "evil" not in Client().get("/sign-in/", {"next": target}).content.decode().split('name="next"')[0]


def test_line_ends_in_what_is_typed_make_no_header() -> None:
    a_site()
    client = chief()
    for answer in (
        client.post("/patients/", {"q": "x\r\nSet-Cookie: a=b"}),
        client.get("/worklist/", {"station": "x\r\nSet-Cookie: a=b"}, headers={"HX-Request": "true"}),
        client.get("/charges/", {"day": "x\r\nSet-Cookie: a=b"}),
    ):
        assert answer.status_code in (200, 303, 422)
        assert not any(end in value for value in answer.headers.values() for end in "\r\n"), answer.headers
        assert ("Set-Cookie" in answer.headers, "a" in answer.cookies) == (False, False)


def test_a_form_that_is_too_large_is_refused_in_words_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    a_site()
    client, limit = chief(enforce_csrf_checks=True), settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    kinds = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain")
    for address, kind in product(("/patients/new/", "/sign-in/", "/find/", "/nowhere/"), kinds):
        answer = client.post(address, b"q=" + b"x" * limit, content_type=kind)
        assert (answer.status_code, "That is too much at once" in answer.content.decode()) == (413, True), address
        assert f"larger than {filesizeformat(limit)}" in answer.content.decode()
    assert Patient.objects.count() == 0
    call = client.post("/api/v1/orders", b'"' + b"x" * limit, content_type="application/json", headers={"Authorization": "Bearer x"})
    assert call.status_code == 401  # who is nobody has nothing read
    monkeypatch.setattr(settings, "API_TOKEN", "a-token")
    call = client.post("/api/v1/orders", b'"' + b"x" * limit, content_type="application/json", headers={"Authorization": "Bearer a-token"})
    assert (call.status_code, "larger than" in call.json()["detail"]) == (413, True)


@pytest.mark.parametrize(("charset", "status"), [("latin-1", 400), ("utf-16", 400), ("UTF8", 403), ("no-charset", 403)])
def test_what_is_sent_is_utf_8_or_refused_in_words(charset: str, status: int) -> None:
    """403 is a form that was read, in which there is no token: Django takes a charset that is none for UTF-8."""
    a_site()
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.get("/sign-in/")
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = client.generic("POST", "/sign-in/", b"--x--", content_type=f"{kind}; charset={charset}")
        assert (answer.status_code, "The request was not understood" in answer.content.decode()) == (status, status == 400), kind


def test_the_page_for_what_was_not_understood_looks_for_no_token_in_it() -> None:
    """Looking for it would be refused again."""
    request = RequestFactory().post("/sign-in/", "q=%E9", content_type="application/x-www-form-urlencoded; charset=latin-1")
    request.COOKIES[settings.CSRF_COOKIE_NAME] = "x" * 32
    answer = get_resolver().resolve_error_handler(400)(request, exception=BadRequest())
    assert (answer.status_code, "The request was not understood" in answer.content.decode()) == (400, True)


@pytest.mark.parametrize("number", [2**63, 10**30])
def test_a_number_beyond_all_keys_is_nothing(world: World, number: int) -> None:
    client = chief()
    numbered = [page for page in pages() if "<int:" in page.route]
    assert len(numbered) > 30
    for page in numbered:
        for _, arguments in world.addresses(page):
            address = reverse(page.name, kwargs={name: number if isinstance(one, int) else one for name, one in arguments.items()})
            assert client.get(address).status_code in (404, 405), address
            assert client.post(address).status_code in (404, 405), address


def checked_for_production(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_production_is_one_setting_and_passes_the_checks_of_django(tmp_path: Path) -> None:
    production = {"RIS_DATA_DIR": str(tmp_path), "RIS_HTTPS": "1", "RIS_ALLOWED_HOSTS": "ris.example.org"}
    done = checked_for_production(**production)
    assert (done.returncode, "no issues" in done.stdout) == (0, True), done.stderr
    assert [one.id for one in every_host_is_allowed(None)] == []
    with override_settings(ALLOWED_HOSTS=["*"]):
        assert every_host_is_allowed in registry.registry.get_checks(include_deployment_checks=True)
        assert [one.id for one in every_host_is_allowed(None)] == ["stepwise.W001"]
    guessable = checked_for_production(**production, RIS_API_TOKEN="walk")
    assert (guessable.returncode, "RIS_API_TOKEN has 4 characters" in guessable.stderr) == (1, True)
    short = checked_for_production(**production, RIS_SECRET_KEY="short")
    assert (short.returncode, "RIS_SECRET_KEY has 5 characters" in short.stderr) == (1, True)
    weak = checked_for_production(**production, RIS_SECRET_KEY="x" * 32, RIS_API_TOKEN="x" * 32)
    assert (weak.returncode, "security.W009" in weak.stderr) == (1, True)


@pytest.fixture
def by_https(settings: Settings) -> None:
    """As RIS_HTTPS=1 and RIS_TRUSTED_PROXIES=10.0.0.0/8 set them."""
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.TRUSTED_PROXIES = networks.parsed(["10.0.0.0/8"])


@pytest.mark.usefixtures("by_https")
def test_by_https_cookies_are_secure_and_http_is_sent_on() -> None:
    a_site()
    client = Client(REMOTE_ADDR="10.1.2.3")
    sent_on = client.get("/sign-in/")
    assert (sent_on.status_code, sent_on.headers["Location"]) == (301, "https://testserver/sign-in/")
    page = client.get("/sign-in/", headers={"X-Forwarded-Proto": "https"})
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    cookie = next(iter(page.cookies.values()))
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


@pytest.mark.usefixtures("by_https")
def test_who_is_no_proxy_cannot_claim_https_and_the_health_check_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "findings", lambda: {"dicom": health.Finding(True, "is not asked")})
    stranger = Client(REMOTE_ADDR="192.0.2.7")
    assert stranger.get("/sign-in/", headers={"X-Forwarded-Proto": "https"}).status_code == 301
    assert stranger.get("/healthz").status_code == 200
