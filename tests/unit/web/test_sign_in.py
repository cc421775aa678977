"""Signing in: what is refused and for how long, where it leads, and when a session is over."""

import base64
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client

from ris import audit, clock
from ris.actions import passwords, tokens, users
from ris.actions.users import UserData
from ris.models import Attempts, AuditRecord
from ris.throttling import ACCOUNT, ADDRESS, BROWSER, KNOWN, TOKEN, name_digest
from stepwise import health
from stepwise.tasks import forget_old_sign_ins
from stepwise.web.sign_in import SALT
from tests.support.addresses import somebody
from tests.support.hospital import ACTOR, a_site
from training.accounts import ensure_demo_accounts

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
RIGHT = "three green herons"


class Time:
    """Wall time that passes when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = clock.wall()
        monkeypatch.setattr(clock, "wall", lambda: self.now)

    def passes(self, **much: float) -> datetime:
        self.now += timedelta(**much)
        return self.now


@pytest.fixture(autouse=True)
def _quick_digests(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def jo(db: None) -> User:
    a_site()
    return somebody("jo", "scheduler", password=RIGHT)


def sign_in(client: Client, password: str = RIGHT, name: str = "jo", address: str = "192.0.2.1", **query: str) -> Any:
    return client.post("/sign-in/", {"username": name, "password": password, **query}, REMOTE_ADDR=address)


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/help/").status_code == 200)


def test_too_many_wrong_passwords_are_made_to_wait_in_words_and_the_right_one_too(jo: User, client: Client, time: Time) -> None:
    told = [sign_in(client, "wrong").status_code for _ in range(ACCOUNT.free)]
    assert told == [422] * ACCOUNT.free
    refused = sign_in(client)
    assert (refused.status_code, refused["Retry-After"]) == (429, "5")
    assert "Wait 5 seconds, then try again" in refused.content.decode()
    time.passes(seconds=5)
    assert sign_in(client).status_code == 302
    assert not Attempts.objects.filter(key__startswith="account:").exists()


@pytest.mark.parametrize("name", ["jo", "nobody", "gone"])
def test_what_is_answered_does_not_tell_whether_there_is_such_an_account(jo: User, client: Client, time: Time, name: str) -> None:
    somebody("gone", "scheduler", password=RIGHT, is_active=False)
    password = "wrong" if name == "jo" else RIGHT
    answers = [sign_in(client, password, name) for _ in range(ACCOUNT.free + 1)]
    texts = [re.sub(r'csrfmiddlewaretoken" value="\w+|value="(jo|nobody|gone)"', "", answer.content.decode()) for answer in answers]
    assert [answer.status_code for answer in answers] == [422] * ACCOUNT.free + [429]
    assert "do not fit together, or the account is switched off" in texts[0]
    assert len(set(texts[: ACCOUNT.free])) == 1


def test_somebody_who_signed_in_with_this_browser_is_not_locked_out_by_others(jo: User, client: Client, time: Time) -> None:
    sign_in(client)
    client.post("/sign-out/")
    stranger = Client()
    for _ in range(ACCOUNT.free + 1):
        last = sign_in(stranger, "wrong")
    assert last.status_code == 429
    assert sign_in(client).status_code == 302
    client.post("/sign-out/")
    told = [sign_in(client, "wrong").status_code for _ in range(BROWSER.free + 1)]
    assert told[-1] == 429, "a browser that is known does not guess for ever, either"


def test_one_address_that_tries_many_names_has_to_wait_and_others_need_not(jo: User, client: Client, time: Time) -> None:
    told = {sign_in(client, "wrong", f"name{number}").status_code for number in range(ADDRESS.free)}
    assert told == {422}
    assert sign_in(client).status_code == 429
    assert sign_in(Client(), address="192.0.2.2").status_code == 302


@pytest.mark.parametrize("salt", ["", "known browser", SALT], ids=["made up", "of before", "by who has the key"])
def test_a_made_up_cookie_makes_no_browser_known(jo: User, time: Time, salt: str) -> None:
    """Not by who knows the signing key either: it takes the password's digest, too."""
    for number in range(ACCOUNT.free):
        kept = {name_digest("jo"): "browser" if salt != SALT else (f"browser {number}", "x" * 20)}
        client = Client()
        client.cookies[django_settings.KNOWN_BROWSER_COOKIE_NAME] = signing.dumps(kept, salt=salt) if salt else "made-up"
        sign_in(client, "wrong")
    assert sign_in(client).status_code == 429


def test_a_browser_is_known_by_the_password_that_it_signed_in_with(jo: User, client: Client, time: Time) -> None:
    sign_in(client)
    client.post("/sign-out/")
    passwords.reset(jo.pk, "five blue herons", ACTOR, must_change=False)
    for _ in range(ACCOUNT.free):
        sign_in(Client(), "wrong")
    assert sign_in(client, "five blue herons").status_code == 429, "a stranger again"
    time.passes(seconds=ACCOUNT.first)
    assert sign_in(client, "five blue herons").status_code == 302
    client.post("/sign-out/")
    for _ in range(ACCOUNT.free):
        sign_in(Client(), "wrong")
    assert sign_in(client, "five blue herons").status_code == 302


def test_known_browsers_of_one_address_wait_together_and_strangers_there_keep_none_out(jo: User, client: Client, time: Time) -> None:
    sign_in(client)
    client.post("/sign-out/")
    Attempts.objects.update_or_create(key="address:192.0.2.1", defaults={"failures": ADDRESS.free + 9, "last_at": time.now})
    assert sign_in(Client()).status_code == 429
    assert sign_in(client).status_code == 302
    client.post("/sign-out/")
    Attempts.objects.update_or_create(key="known:192.0.2.1", defaults={"failures": KNOWN.free, "last_at": time.now})
    assert sign_in(client).status_code == 429


@pytest.mark.parametrize("name", ["jos\u00e9", "jose\u0301"])
def test_a_name_is_one_however_its_accents_are_typed(client: Client, name: str) -> None:
    a_site()
    passwords.create(UserData("jos\u00e9", roles=("scheduler",)), RIGHT, ACTOR, must_change=False)
    assert sign_in(client, name=name).status_code == 302


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:evil.org"])
def test_after_the_sign_in_nobody_is_sent_to_another_host(jo: User, client: Client, target: str) -> None:
    assert sign_in(client, next=target)["Location"] == "/"
    assert client.get("/sign-in/", {"next": target})["Location"] == "/"


def test_after_the_sign_in_one_is_where_one_wanted_to_be(jo: User, client: Client) -> None:
    assert sign_in(client, next="/worklist/?station=CT01")["Location"] == "/worklist/?station=CT01"


def test_a_session_ends_when_nobody_uses_it_and_a_page_that_asks_by_itself_is_no_use(jo: User, client: Client, time: Time) -> None:
    client.force_login(jo)
    for _ in range(3):
        time.passes(minutes=59)
        assert is_signed_in(client)
    for _ in range(3):
        time.passes(minutes=20, seconds=20)
        live = client.get("/worklist/", headers={"HX-Request": "true", "X-Seen": "x", "HX-Current-URL": "http://testserver/worklist/"})
    assert (live.status_code, live["HX-Redirect"]) == (204, "/sign-in/?next=/worklist/")
    assert not is_signed_in(client)
    assert "nobody used it for 1 hour" in client.get("/sign-in/").content.decode()
    sign_in(client)
    assert is_signed_in(client)


@pytest.mark.parametrize("minutes", [1, 60])
def test_a_session_goes_on_for_the_whole_idle_time_after_the_last_use(
    jo: User, client: Client, time: Time, settings: Any, minutes: int
) -> None:
    settings.SESSION_IDLE_MINUTES = minutes
    client.force_login(jo)
    for _ in range(3):
        time.passes(seconds=2)  # too soon after the use before to be noted
        assert is_signed_in(client)
        time.passes(seconds=minutes * 60 - 1)
        assert is_signed_in(client), "somebody works"
    time.passes(seconds=minutes * 60 * 1.05)
    assert not is_signed_in(client)
    assert not AuditRecord.objects.filter(event=audit.SIGN_OUT).exists(), "time is nobody's deed"


@pytest.mark.parametrize(
    ("name", "password"), [("n" * 151, RIGHT), ("j\0o", RIGHT), ("jo", "three\0herons")], ids=["long", "NUL", "password"]
)
def test_what_nobody_is_called_is_counted_and_entered_as_a_sign_in_that_failed(jo: User, client: Client, name: str, password: str) -> None:
    assert sign_in(client, password, name).status_code == 422
    entered = AuditRecord.objects.get(event=audit.SIGN_IN)
    assert (entered.outcome, entered.address) == (audit.SERIOUS, "192.0.2.1")
    assert Attempts.objects.get(key="address:192.0.2.1").failures == 1


@pytest.mark.parametrize(("headers", "goes_on"), [({"X-Used": "1"}, True), ({}, False)], ids=["somebody types", "nobody does"])
def test_typing_on_an_open_page_is_use_of_the_session(
    jo: User, client: Client, time: Time, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], goes_on: bool
) -> None:
    monkeypatch.setattr(health, "findings", lambda: {"dicom": health.Finding(True, "is not asked")})
    client.force_login(jo)
    for _ in range(3):
        time.passes(minutes=30)
        client.get("/pulse/", headers={"HX-Request": "true", **headers})
    assert is_signed_in(client) == goes_on


def test_a_session_ends_some_hours_after_the_sign_in_however_much_it_is_used(jo: User, client: Client, time: Time) -> None:
    client.force_login(jo)
    for _ in range(15):
        time.passes(minutes=31)
        assert is_signed_in(client)
    time.passes(minutes=15)
    assert not is_signed_in(client)
    assert "8 hours after you had signed in" in client.get("/sign-in/").content.decode()


def test_a_session_is_not_written_for_every_request(
    jo: User, client: Client, time: Time, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    client.force_login(jo)
    client.get("/help/")
    with django_assert_max_num_queries(12) as captured:
        client.get("/help/")
    assert not [query for query in captured.captured_queries if query["sql"].startswith(("UPDATE", "INSERT"))]


@pytest.mark.parametrize(
    "end",
    [
        lambda user: users.end_sessions(user.pk, ACTOR),
        lambda user: users.switch_user(user.pk, False, ACTOR),
        lambda user: passwords.reset(user.pk, "", ACTOR),
        lambda user: passwords.change_own(user, RIGHT, "five blue herons"),
    ],
    ids=["ended", "switched off", "reset", "changed"],
)
def test_sessions_end_from_elsewhere_at_once(jo: User, end: Callable[[User], object]) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        client.force_login(jo)
        assert is_signed_in(client)
    end(jo)
    assert not is_signed_in(here) and not is_signed_in(there)


def decoded(cookie: str) -> str:
    """What can be read of a cookie by whoever has the file: itself, and each of its parts in base64, compressed or not."""
    read = [cookie.encode()]
    for part in re.findall(r"[A-Za-z0-9_-]+", cookie):
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) if len(part) % 4 != 1 else b""
        read.append(raw)
        with suppress(zlib.error):  # most parts are not compressed
            read.append(zlib.decompress(raw))
    return b"\n".join(read).decode(errors="replace").casefold()


def test_nothing_of_a_patient_is_kept_in_the_browser_or_said_to_whoever_signs_in_next(jo: User, client: Client) -> None:
    somebody("sam", password=RIGHT)
    sign_in(client)
    marks = ("markfamily", "markgiven", "mark471")
    typed = {"family": "Markfamily", "given": "Markgiven", "patient_id": "MARK4711", "birth_date": "1980-01-01", "sex": "F"}
    client.post("/patients/new/", typed)
    seen = client.get("/help/").content.decode()
    assert "The patient is registered." in seen
    assert client.post("/patients/new/", typed | {"patient_id": "MARK4712"}).status_code == 302
    kept = [decoded(one.value) for one in client.cookies.values()]
    assert kept and not [mark for mark in marks for one in kept if mark in one]

    client.post("/sign-out/")
    later = client.get("/sign-in/").content.decode() + sign_in(client, name="sam").content.decode()
    later += client.get("/help/").content.decode()
    assert "is registered" not in later
    assert not [mark for mark in marks if mark in (seen + later).casefold()]


def test_sessions_that_are_over_are_forgotten(jo: User, client: Client, time: Time) -> None:
    sign_in(client, "wrong")
    time.passes(days=2)
    forget_old_sign_ins()
    assert not Attempts.objects.exists()


def test_wrong_tokens_of_an_address_have_to_wait_and_right_ones_never(jo: User, time: Time) -> None:
    token = tokens.create_token(jo, "scripts")

    def call(token: str, address: str = "192.0.2.1") -> Any:
        return Client().get("/api/v1/procedures", headers={"Authorization": f"Bearer {token}"}, REMOTE_ADDR=address)

    assert {call("sw_wrong").status_code for _ in range(TOKEN.free)} == {401}
    refused = call("sw_wrong")
    assert (refused.status_code, refused["Retry-After"]) == (429, "1")
    assert "a right one need not wait" in refused.json()["detail"]
    assert call(token).status_code == 200
    assert call("sw_wrong", "192.0.2.2").status_code == 401
    before = Attempts.objects.get(key="token:192.0.2.1").failures
    call("sw_wrong")
    assert Attempts.objects.get(key="token:192.0.2.1").failures == before, "who waits writes nothing"


def test_outside_of_a_demo_nobody_gets_in_with_a_password_of_the_demo(client: Client, settings: Any) -> None:
    """Neither by it, nor by a session or a token that there is, until the account has another one."""
    a_site()
    settings.DEMO, settings.DEMO_PASSWORD = True, "open-sesame-42"
    ensure_demo_accounts()
    admin = User.objects.get(username="admin")
    call = {"Authorization": f"Bearer {tokens.create_token(admin, 'scripts')}"}
    assert sign_in(client, "open-sesame-42", "admin").status_code == 302
    assert (is_signed_in(client), client.get("/api/v1/procedures", headers=call).status_code) == (True, 200)

    settings.DEMO = False
    assert not is_signed_in(client)
    assert "was an account of the demo" in client.get("/sign-in/").content.decode()
    refused = client.get("/api/v1/procedures", headers=call)
    assert (refused.status_code, "was an account of the demo" in refused.json()["detail"]) == (401, True)
    before = AuditRecord.objects.filter(event=audit.SIGN_IN, outcome=audit.SERIOUS).count()
    told = sign_in(Client(), "open-sesame-42", "admin")
    assert (told.status_code, "manage.py changepassword" in told.content.decode()) == (422, True)
    assert AuditRecord.objects.filter(event=audit.SIGN_IN, outcome=audit.SERIOUS).count() == before + 1
    assert "of the demo" not in sign_in(Client(), "wrong", "admin").content.decode()
    assert not users.administrators().exists()

    passwords.reset(admin.pk, RIGHT, ACTOR, must_change=False, tokens_too=False)
    assert sign_in(Client(), RIGHT, "admin").status_code == 302
    assert client.get("/api/v1/procedures", headers=call).status_code == 200
    assert users.administrators().get() == admin


@pytest.mark.parametrize(("chosen", "told"), [("", "were printed when the simulator first started"), ("pa-ra-chute", "RIS_DEMO_PASSWORD")])
def test_the_demo_says_where_its_passwords_are_from(client: Client, settings: Any, chosen: str, told: str) -> None:
    settings.DEMO, settings.DEMO_PASSWORD = True, chosen
    body = client.get("/sign-in/").content.decode()
    assert [words for words in ("were printed when the simulator first started", "RIS_DEMO_PASSWORD") if words in body] == [told]
    assert "pa-ra-chute" not in body
