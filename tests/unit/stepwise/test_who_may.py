"""Every address and every REST call, with every role, without a role and without anybody: what happens is what the table says."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from dimse.server import DicomServer, ServerSettings
from ris import permissions
from ris.actions import tokens
from ris.models import Heartbeat
from ris.permissions import PERMISSIONS, ROLES, needs_of
from stepwise import health
from stepwise.addresses import OPERATIONS, PUBLIC, Call, calls, pages
from stepwise.health import Checkup
from tests.support.addresses import World, offers, somebody
from tests.support.hospital import a_site
from tests.support.redis import RedisServer
from tests.unit.stepwise.test_architecture import ROOMS

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

NO_ROLE, SUPERUSER = "no role", "superuser"
METHODS = ("GET", "POST")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, db: None) -> World:
    monkeypatch.setattr(health, "findings", lambda: {"dicom": health.Finding(False, "is not asked")})
    return World(monkeypatch)


def a_person(role: str) -> User:
    roles = () if role in (NO_ROLE, SUPERUSER) else (role,)
    return somebody(f"a-{role}", *roles, is_superuser=role == SUPERUSER)


def may(role: str, needed: Iterable[str]) -> bool:
    return role == SUPERUSER or all(role in PERMISSIONS[permission].roles for permission in needed)


def ask(client: Client, method: str, path: str, **sent: Any) -> Any:
    """The answer, and whatever it did is undone."""
    with transaction.atomic():
        answer = client.generic(method, path, **sent)
        transaction.set_rollback(True)
    return answer


def test_every_page_says_who_may_see_it_or_why_everybody_may() -> None:
    found = list(pages())
    names = {page.name for page in found}
    silent = [page.name for page in found if page.needs is None and not page.is_public]
    assert silent == [], "give the view @requires(…) of ris.permissions"
    unfounded = [page.name for page in found if page.needs and not page.needs.everything() and not page.needs.why]
    assert unfounded == [], "say why everybody may see it"
    assert PUBLIC.keys() <= names, "these are no addresses any more"
    assert [page.name for page in found if page.needs and page.is_public] == [], "public and protected at once"


def test_every_permission_is_asked_for_somewhere() -> None:
    """By a page, a call, or a part of one: what nothing asks for is no permission, though it could be given to a token."""
    asked = {permission for page in pages() if page.needs for permission in page.needs.everything()}
    asked |= {permission for call in calls() for bearer in call.bearers if (permission := bearer.permission)}
    files = (path for room in (*ROOMS, "templates") for path in Path(room).rglob("*.*") if path.suffix in (".py", ".html"))
    sources = "".join(path.read_text("utf-8") for path in files)
    asked |= {permission for permission in PERMISSIONS if re.search(rf"""(check|allowed|may)[^\n]*["']{permission}["']""", sources)}
    assert PERMISSIONS.keys() == asked


def test_every_call_says_which_permission_it_needs_or_why_any_token_will_do() -> None:
    for call in calls():
        assert len(call.bearers) == 1, call
        assert (call.bearers[0].permission is None) == bool(call.bearers[0].any_token), call


def test_every_view_of_the_rest_interface_is_one_of_the_calls() -> None:
    """A second interface, or a router that was put in another way, would be walked by nobody."""
    assert sum(view.__module__ == OPERATIONS for view in _views(get_resolver().url_patterns)) == len(list(calls()))


def _views(patterns: list[URLPattern | URLResolver]) -> Iterator[Callable[..., Any]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns)
        else:
            yield pattern.callback


@pytest.mark.parametrize("role", [*ROLES, NO_ROLE])
def test_pages_follow_the_table_and_offer_only_what_the_role_may(world: World, role: str) -> None:
    client = Client()
    client.force_login(world.be(a_person(role)))
    wrong = []
    for page in pages():
        if page.is_public or page.needs is None:
            continue
        for address, arguments in world.addresses(page):
            for method in METHODS:
                answer = ask(client, method, address)
                allowed = may(role, page.needs.of(method, arguments))
                if (answer.status_code == 403) == allowed or answer.status_code in (401, 404):
                    wrong.append(f"{method} {address} is answered {answer.status_code}, {allowed=}")
                if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
                    wrong += [f"{address} offers {offer}" for offer in _out_of_reach(role, answer.content.decode(), address)]
    assert not wrong, "\n".join(wrong)


def _out_of_reach(role: str, html: str, base: str) -> list[str]:
    """What a page offers and the role may not have."""
    found = []
    for method, path in sorted(set(offers(html, base))):
        match = resolve(path)
        needs = needs_of(match.func)
        if needs is not None and not may(role, needs.of(method, match.kwargs)):
            found.append(f"{method} {path}")
    return found


def test_pages_send_strangers_to_the_sign_in_and_back_afterwards(world: World, client: Client) -> None:
    for page in pages():
        if page.is_public:
            continue
        for address, _ in world.addresses(page):
            for method in METHODS:
                answer = ask(client, method, address)
                assert (answer.status_code, answer["Location"].split("?next=")[0]) == (302, "/sign-in/"), (method, address)


def test_public_addresses_answer_strangers(client: Client) -> None:
    for page in pages():
        if page.is_public:
            answer = client.get(f"/{page.route}")
            # 405: signing out takes POST; 401: the REST call that stands before the name of the root; 503: nothing runs here
            assert answer.status_code in {"sign-out": (405,), "api:api-root": (401,), "healthz": (503,)}.get(page.name, (200,)), page


class Parts:
    """What the real checks of `/healthz` ask: a Redis, a DICOM port, and the sign of life of a worker."""

    def __init__(self, directory: Path, settings: Any) -> None:
        self.redis = RedisServer(directory).start()
        self.dicom = DicomServer([], ServerSettings(ae_title=settings.AE_TITLE, port=0))
        self.dicom.start()
        self.beat()
        self.port = self.dicom.port
        settings.REDIS_URL, settings.DICOM_HOST, settings.DICOM_PORT = self.redis.url, "127.0.0.1", self.port

    @staticmethod
    def beat() -> None:
        """Signing in so many takes longer on a slow machine than a worker is silent."""
        Heartbeat.objects.update_or_create(process="worker", defaults={"at": datetime.now(UTC)})

    def fail(self) -> None:
        self.redis.kill()
        self.dicom.stop()


@pytest.fixture
def parts(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    monkeypatch.setattr(health, "_checkup", Checkup(health.CHECKS))
    running = Parts(tmp_path, settings)
    yield running
    running.fail()


@pytest.mark.django_db(transaction=True, databases=["default", "journal"])
def test_everybody_is_told_the_health_that_is_and_where_it_fails_by_the_table(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the checks of the product, on parts that run and that do not."""
    a_site()
    askers: dict[str, tuple[Client, bool]] = {"a stranger": (Client(), False), "a wrong token": (a_caller("sw_wrong"), False)}
    for role in (*ROLES, NO_ROLE, SUPERUSER):
        person, browser = a_person(role), Client()
        browser.force_login(person)
        exactly = may(role, ["journal.view"])
        askers |= {role: (browser, exactly), f"{role}, by token": (a_caller(tokens.create_token(person, "tests")), exactly)}
    for name, (client, _) in askers.items():
        parts.beat()
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok"), (name, answer.json())
        assert set(answer.json()["components"]) == {"database", "redis", "worker", "dicom", "stations"}
    parts.fail()
    monkeypatch.setattr(health, "_checkup", Checkup(health.CHECKS))
    for name, (client, exactly) in askers.items():
        parts.beat()
        answer = client.get("/healthz")
        found = answer.json()["components"]
        assert (answer.status_code, answer.json()["status"]) == (503, "failed"), name
        assert {part for part, one in found.items() if one["status"] != "ok"} == {"redis", "dicom"}, name
        assert (str(parts.redis.socket) in found["redis"]["detail"]) == exactly, (name, found)
        assert (str(parts.port) in found["dicom"]["detail"]) == exactly, (name, found)
        assert exactly or found["redis"]["detail"] == "Redis does not answer; the log says more", name


@pytest.mark.parametrize("role", [*ROLES, NO_ROLE, SUPERUSER])
def test_calls_follow_the_table(world: World, role: str) -> None:
    client = a_caller(tokens.create_token(a_person(role), "tests"))
    for call in calls():
        for method in call.methods:
            status = call_with(client, method, world, call).status_code
            permission = call.bearers[0].permission
            allowed = permission is None or may(role, [permission])
            assert status != 401 and (status == 403) != allowed, (method, call.route, status, permission)
            assert status != 404 or call.is_hidden, (
                f"{world.path(call)} is none; name something that is there in tests/support/addresses.py"
            )


def a_caller(token: str | None) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"} if token else {})


def call_with(client: Client, method: str, world: World, call: Call) -> Any:
    """A body that no call takes, so that nothing is done."""
    body = {} if method == "GET" else {"data": '{"unknown": 1}', "content_type": "application/json"}
    return ask(client, method, f"/api/v1{world.path(call)}", **body)


def test_calls_refuse_whoever_has_no_token_or_one_that_is_over(world: World) -> None:
    user = a_person(permissions.ADMIN)
    revoked = tokens.create_token(user, "revoked")
    tokens.revoke_token(user, "revoked")
    off = somebody("gone", permissions.ADMIN)
    of_gone = tokens.create_token(off, "tests")
    User.objects.filter(pk=off.pk).update(is_active=False)
    for call in calls():
        for method in call.methods:
            for token in (None, "sw_unknown", revoked, of_gone):
                answer = call_with(a_caller(token), method, world, call)
                assert answer.status_code == 401, (method, call.route, token)
                assert "token" in answer.json()["detail"] or "account" in answer.json()["detail"]
