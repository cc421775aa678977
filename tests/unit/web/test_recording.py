"""What the web enters in the audit trail: what is shown, who is refused, who signs in and out; and what becomes of answers without it."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import IntegrityError, InternalError, OperationalError
from django.test import Client
from pydicom import Dataset

from ris import audit, clock, networks
from ris.actions import auditing, patients, tokens
from ris.actions.membership import set_site
from ris.models import ApiToken, Attempts, AuditRecord, Site
from ris.throttling import ACCOUNT, ADDRESS, TOKEN
from ris.web import disclosure, times
from stepwise import health
from tests.support.addresses import somebody
from tests.support.hospital import ACTOR, a_site, an_order, steps_of
from tests.support.journal import a_query
from tests.support.sites import another_site
from tests.support.two_hospitals import changed, everything

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]
PASSWORD = "a-long-password-of-tests"


def entered(*events: str) -> list[AuditRecord]:
    return list(AuditRecord.objects.filter(event__in=events).order_by("pk"))


def test_a_page_says_who_saw_whom_from_where(signed_in: SignIn) -> None:
    order = an_order()
    signed_in().get(f"/steps/{steps_of(order)[0].pk}/edit/", REMOTE_ADDR="10.1.2.3")
    (row,) = entered(audit.PROCEDURE)
    assert (row.actor, row.action, row.outcome, row.address, row.place) == ("a-scheduler", audit.READ, 0, "10.1.2.3", "step-edit")
    assert [(one.patient_key, one.accession_number) for one in row.patients.all()] == [(order.patient_id, order.accession_number)]


def test_a_part_that_asks_again_does_not_fill_the_trail_and_a_new_patient_is_entered(signed_in: SignIn) -> None:
    client = signed_in()
    first = an_order()
    for _ in range(3):
        client.get("/worklist/", headers={"HX-Request": "true"})
    second = an_order(station="CT02")
    client.get("/worklist/", headers={"HX-Request": "true"})
    rows = entered(audit.LIST)
    assert [[one.patient_key for one in row.patients.all()] for row in rows] == [[first.patient_id], [second.patient_id]]
    assert [row.total for row in rows] == [1, 2]


def test_another_person_another_address_and_a_later_time_are_entered_again(signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    an_order()
    one, other = signed_in(), signed_in("technologist")
    for client, address in ((one, "10.0.0.1"), (one, "10.0.0.1"), (one, "10.0.0.2"), (other, "10.0.0.1")):
        client.get("/worklist/", REMOTE_ADDR=address)
    assert len(entered(audit.LIST)) == 3
    now = disclosure.stopwatch.monotonic()
    monkeypatch.setattr(disclosure.stopwatch, "monotonic", lambda: now + disclosure.WINDOW + 1)
    one.get("/worklist/", REMOTE_ADDR="10.0.0.1")
    assert len(entered(audit.LIST)) == 4


def test_a_search_is_entered_with_what_was_asked_even_when_it_finds_nobody(signed_in: SignIn) -> None:
    a_site()
    client = signed_in()
    client.get(client.post("/patients/", {"q": "WALKER"})["Location"])
    (row,) = entered(audit.LIST)
    assert (row.detail, row.total, row.patients.count()) == ({"asked": {"q": "WALKER"}}, 0, 0)


def test_who_may_not_see_a_page_is_entered_once(signed_in: SignIn) -> None:
    client = signed_in("biller")
    for _ in range(2):
        assert client.get("/orders/new/").status_code == 403
    (row,) = entered(audit.REFUSED)
    assert (row.actor, row.outcome, row.detail["asked"]) == ("a-biller", audit.SERIOUS, "GET /orders/new/")


def test_refusals_of_one_page_are_summed_whatever_their_addresses_hold(signed_in: SignIn) -> None:
    client = signed_in("biller")
    for number in range(12):
        assert client.get(f"/users/{number}/", REMOTE_ADDR="10.0.0.1").status_code == 403
    client.get("/users/1/", REMOTE_ADDR="10.0.0.2")
    client.get("/orders/new/", REMOTE_ADDR="10.0.0.1")
    said = [(row.place, row.address, row.detail.get("times")) for row in entered(audit.REFUSED)]
    assert said == [
        ("user", "10.0.0.1", None),
        ("user", "10.0.0.1", 10),
        ("user", "10.0.0.2", None),
        ("order-new", "10.0.0.1", None),
    ]


def test_nobody_fills_the_trail_with_calls_without_a_token(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def flood(address: str, calls: int) -> list[int | None]:
        before = len(entered(audit.TOKEN))
        for number in range(calls):
            path = f"/api/v1/orders/{number}" if number % 2 else f"/api/v1/performed-steps/1.2.{number}"
            assert client.get(path, REMOTE_ADDR=address).status_code == 401
        return [row.detail.get("times") for row in entered(audit.TOKEN)[before:]]

    assert flood("10.0.0.9", 100) == [None, 10, 100]
    assert flood("10.0.0.8", 1) == [None]
    assert flood("2001:db8::1", 1) + flood("2001:db8::2", 8) + flood("2001:db8::3", 1) == [None, 10]
    now = disclosure.stopwatch.monotonic()
    monkeypatch.setattr(disclosure.stopwatch, "monotonic", lambda: now + disclosure.WINDOW + 1)
    assert flood("10.0.0.9", 2) == [None]


@pytest.mark.both_databases
def test_a_call_whose_address_holds_nul_is_refused_and_entered_as_any_other(client: Client) -> None:
    assert client.get("/api/v1/orders/a%00b").status_code == 401
    assert [row.detail["asked"] for row in entered(audit.TOKEN)] == ["GET /api/v1/orders/ab"]


def test_people_are_told_apart_by_their_accounts_when_a_name_is_handed_on() -> None:
    order = an_order()
    readers = [somebody("anna", "scheduler"), somebody("bob", "scheduler")]
    for user, left in zip(readers, ("annette", ""), strict=True):
        client = Client(REMOTE_ADDR="10.0.0.1")
        client.force_login(user)
        User.objects.filter(pk=user.pk).update(username="anna")
        assert client.get(f"/patients/{order.patient_id}/").status_code == 200
        User.objects.filter(pk=user.pk).update(username=left or "anna")
    assert [row.user_id for row in entered(audit.PATIENT)] == [user.pk for user in readers]


def test_it_is_entered_which_token_of_somebody_was_used_to_read_and_to_change() -> None:
    order, anna = an_order(), somebody("anna", "scheduler")
    for name in ("one", "two"):
        client = Client(headers={"Authorization": f"Bearer {tokens.create_token(anna, name)}"}, REMOTE_ADDR="10.0.0.1")
        assert client.get(f"/api/v1/orders/{order.accession_number}").status_code == 200
    arrived = client.post(f"/api/v1/scheduled-steps/{steps_of(order)[0].pk}/arrive", {}, content_type="application/json")
    assert arrived.status_code == 200
    one, two = (ApiToken.objects.get(user=anna, name=name).pk for name in ("one", "two"))
    assert [row.detail.get("token") for row in entered(audit.TOKEN)] == [one, two]
    assert [row.detail.get("token") for row in entered(audit.ORDER) if row.action == audit.READ] == [one, two]
    assert {row.detail.get("token") for row in entered(audit.PROCEDURE) if row.action == audit.UPDATE} == {two}


def test_who_may_not_make_a_call_is_entered_with_the_reason() -> None:
    token = tokens.create_token(somebody("anna", "biller"), "tests")
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.post("/api/v1/orders", {}, content_type="application/json").status_code == 403
    (row,) = entered(audit.REFUSED)
    assert (row.actor, row.place) == ("anna", "POST /api/v1/orders")
    assert "orders.place" in row.detail["reason"]


def test_a_token_that_is_not_known_has_somebody_at_an_address() -> None:
    client = Client(headers={"Authorization": "Bearer sw_wrong"})
    assert client.get("/api/v1/orders/1", REMOTE_ADDR="10.0.0.9").status_code == 401
    (row,) = entered(audit.TOKEN)
    assert (row.actor_kind, row.actor, row.user_id, row.outcome) == (
        auditing.CLAIMANT,
        "Somebody at 10.0.0.9, not signed in",
        None,
        audit.SERIOUS,
    )
    assert "sw_wrong" not in str(row.detail)


def test_the_first_use_of_a_token_from_an_address_is_entered() -> None:
    client = Client(headers={"Authorization": f"Bearer {tokens.create_token(somebody('anna', 'scheduler'), 'tests')}"})
    a_site()
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
        client.get("/api/v1/procedures", REMOTE_ADDR=address)
        disclosure.recent.forget()
    assert [row.address for row in entered(audit.TOKEN)] == ["10.0.0.1", "10.0.0.2"]


def test_sign_in_and_out_and_what_failed(client: Client) -> None:
    user = User.objects.create_user("anna", password=PASSWORD)
    client.post("/sign-in/", {"username": "anna", "password": "wrong"}, REMOTE_ADDR="10.0.0.7")
    client.post("/sign-in/", {"username": PASSWORD, "password": "oops"}, REMOTE_ADDR="10.0.0.7")
    client.post("/sign-in/", {"username": "anna", "password": PASSWORD}, REMOTE_ADDR="10.0.0.7")
    client.post("/sign-out/", REMOTE_ADDR="10.0.0.7")
    rows = entered(audit.SIGN_IN, audit.SIGN_OUT)
    assert [(row.event, row.outcome, row.user_id) for row in rows] == [
        (audit.SIGN_IN, audit.SERIOUS, None),
        (audit.SIGN_IN, audit.SERIOUS, None),
        (audit.SIGN_IN, audit.SUCCESS, user.pk),
        (audit.SIGN_OUT, audit.SUCCESS, user.pk),
    ]
    assert rows[0].actor == "Somebody at 10.0.0.7, as anna"
    assert {row.address for row in rows} == {"10.0.0.7"}
    assert not any(PASSWORD in f"{row.actor} {row.detail}" for row in rows)


def test_who_has_to_wait_at_the_sign_in_is_entered_as_whom_in_the_hospital_of_that_account() -> None:
    a_site()
    south = another_site()
    set_site(somebody("anna", "scheduler"), south, ACTOR)

    def wait_as(*names: str) -> list[AuditRecord]:
        before = len(entered(audit.SIGN_IN))
        for name in names:
            Client().post("/sign-in/", {"username": name, "password": "wrong"}, REMOTE_ADDR="10.0.0.7")
        return [row for row in entered(audit.SIGN_IN)[before:] if row.detail.get("reason") == "has to wait"]

    (row,) = wait_as(*["anna"] * (ACCOUNT.free + 1))
    assert (row.actor, row.site) == ("Somebody at 10.0.0.7, as anna", south)
    Attempts.objects.filter(key="address:10.0.0.7").update(failures=ADDRESS.free + 9, last_at=clock.wall())
    (row,) = wait_as("made up", "another one", "a third one")
    assert row.actor == "Somebody at 10.0.0.7, as somebody who has no account", "names that are made up do not fill the trail"


def test_a_token_that_holds_no_more_is_entered_as_whose_it_was_in_the_hospital_of_that_account() -> None:
    a_site()
    bob, south = somebody("bob-of-b", "scheduler"), another_site()
    set_site(bob, south, ACTOR)
    secret = tokens.create_token(bob, "night import of B")
    row = tokens.revoke_token(bob, "night import of B")
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get("/api/v1/stations", REMOTE_ADDR="10.0.0.9").status_code == 401
    (refused,) = entered(audit.TOKEN)
    assert (refused.actor, refused.site, refused.detail["token"]) == ("Somebody at 10.0.0.9, as bob-of-b", south, row.pk)
    assert (refused.actor_kind, refused.user_id) == (auditing.CLAIMANT, None), "it is not proved that it was bob"


def test_tokens_that_are_tried_at_the_health_check_are_entered_as_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "findings", lambda: {"dicom": health.Finding(True, "is not asked")})
    scheduler = tokens.create_token(somebody("anna", "scheduler"), "tests")
    asked = ("sw_wrong", *[scheduler] * 2, *["sw_wrong"] * TOKEN.free)
    for token in asked:
        answer = Client().get("/healthz", headers={"Authorization": f"Bearer {token}"}, REMOTE_ADDR="10.0.0.9")
        assert answer.status_code == 200
    rows = [row for row in AuditRecord.objects.order_by("pk") if row.place == "healthz"]
    assert [(row.event, row.outcome, row.detail.get("times")) for row in rows] == [
        (audit.TOKEN, audit.SERIOUS, None),
        (audit.REFUSED, audit.SERIOUS, None),
        (audit.TOKEN, audit.SUCCESS, None),
        (audit.TOKEN, audit.SERIOUS, 10),
        (audit.TOKEN, audit.SERIOUS, None),
    ]
    assert "journal.view" in rows[1].detail["reason"] and rows[1].actor == "anna"
    assert rows[-1].detail["reason"] == "has to wait"


@pytest.mark.parametrize(("path", "status"), [("/api/v1/orders/A0", 404), ("/api/v1/charges", 403), ("/api/v1/stations?limit=none", 422)])
def test_the_first_use_of_a_token_is_entered_whatever_it_is_answered(path: str, status: int) -> None:
    a_site()
    client = Client(headers={"Authorization": f"Bearer {tokens.create_token(somebody('anna', 'scheduler'), 'tests')}"})
    for _ in range(2):
        assert client.get(path).status_code == status
    assert [row.outcome for row in entered(audit.TOKEN)] == [audit.SUCCESS]


def test_who_tries_numbers_with_a_token_is_told_by_how_many_were_not_there() -> None:
    a_site()
    for name in ("anna", "bob"):
        client = Client(headers={"Authorization": f"Bearer {tokens.create_token(somebody(name, 'scheduler'), 'tests')}"})
        for number in range(12 if name == "anna" else 9):
            assert client.get(f"/api/v1/orders/A26112{number}").status_code == 404
    (row,) = entered(audit.MISSED)
    assert (row.actor, row.detail["times"], row.detail["asked"]) == ("anna", 10, "GET /api/v1/orders/A261129")


def test_the_first_use_of_each_value_of_the_environment_s_token_is_entered(settings: Any) -> None:
    site = a_site()
    for value in ("x" * 40, "x" * 40, "y" * 40):
        settings.API_TOKEN = value
        called = Client().get("/api/v1/procedures", headers={"Authorization": f"Bearer {value}"}, REMOTE_ADDR="10.0.0.9")
        assert called.status_code == 200
    rows = entered(audit.TOKEN)
    assert [(row.actor, row.site, row.address) for row in rows] == [("api", site, "10.0.0.9")] * 2
    assert len({row.detail["environment"] for row in rows}) == 2


@pytest.mark.django_db(transaction=True)
def test_a_refusal_whose_record_fails_is_entered_with_the_next_one(signed_in: SignIn) -> None:
    client = signed_in("biller")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "insert_one", Mock(side_effect=OperationalError("database or disk is full")))
        assert client.get("/users/").status_code == 503
    assert [client.get("/users/").status_code for _ in range(3)] == [403] * 3
    assert [row.detail["times"] for row in entered(audit.REFUSED)] == [2]


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def fill() -> None:
        def full(*args: Any) -> None:
            raise OperationalError("database or disk is full")

        monkeypatch.setattr(auditing, "insert_one", full)

    return fill


def test_what_cannot_be_recorded_is_not_shown(signed_in: SignIn, no_room: Callable[[], None]) -> None:
    order = an_order()
    client = signed_in()
    no_room()
    answer = client.get(f"/patients/{order.patient_id}/")
    assert answer.status_code == 503
    assert order.patient.patient_id not in answer.content.decode()
    assert "audit trail" in answer.content.decode()


def test_a_call_that_cannot_be_recorded_is_answered_in_json(no_room: Callable[[], None]) -> None:
    order = an_order()
    client = Client(headers={"Authorization": f"Bearer {tokens.create_token(somebody('anna', 'scheduler'), 'tests')}"})
    no_room()
    answer = client.get(f"/api/v1/orders/{order.accession_number}")
    assert answer.status_code == 503
    assert "audit trail" in answer.json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_who_cannot_be_recorded_is_not_signed_in(client: Client, no_room: Callable[[], None]) -> None:
    User.objects.create_user("anna", password=PASSWORD)
    no_room()
    for password in (PASSWORD, "wrong"):
        answer = client.post("/sign-in/", {"username": "anna", "password": password})
        assert answer.status_code == 503
        assert "You are not signed in. Try again in a moment." in answer.content.decode()
        assert "audit trail" in answer.content.decode()
        assert client.get("/worklist/").status_code == 302
    assert not Session.objects.exists() or "_auth_user_id" not in Session.objects.get().get_decoded()


@pytest.mark.django_db(transaction=True)
def test_who_cannot_be_recorded_as_leaving_is_told_that_they_have_not_left(signed_in: SignIn, no_room: Callable[[], None]) -> None:
    client = signed_in()
    no_room()
    answer = client.post("/sign-out/")
    assert answer.status_code == 503
    assert "You are still signed in" in answer.content.decode()
    assert client.get("/account/").status_code == 200


def in_words(answer: Any) -> str:
    """What a 503 says, without its elements."""
    assert answer.status_code == 503
    return unescape(answer.content.decode())


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "failure", [OperationalError("database or disk is full"), IntegrityError("a row"), InternalError("the relation is not to be written")]
)
def test_a_change_that_cannot_be_recorded_is_not_made_and_says_so(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    site, client, waiting = a_site(), signed_in(), steps_of(an_order())[0]
    before = everything()
    monkeypatch.setattr(auditing, "insert_one", Mock(side_effect=failure))
    forms: list[tuple[str, dict[str, object]]] = [
        ("/patients/new/", {"family": "Walker", "given": "Ann"}),
        (f"/steps/{waiting.pk}/arrive/", {"version": waiting.version}),
        (f"/steps/{waiting.pk}/schedule/", {"place": "CT01", "start": in_hospital_words(site), "minutes": 20, "version": waiting.version}),
    ]
    for address, form in forms:
        said = in_words(client.post(address, form))
        assert "Nothing was changed" in said, address
        assert "audit trail" in said, address
    assert not changed(before, everything())


def in_hospital_words(site: Site) -> str:
    """A start of tomorrow as it is typed."""
    return times.moment_text(clock.now(site) + timedelta(days=1))


@pytest.mark.parametrize("failure", [OperationalError("database or disk is full"), InternalError("the relation is not to be written")])
def test_a_call_whose_change_cannot_be_recorded_changes_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    order, anna = an_order(), somebody("anna", "scheduler")
    client = Client(headers={"Authorization": f"Bearer {tokens.create_token(anna, 'tests')}"})
    before = everything()
    monkeypatch.setattr(auditing, "insert_one", Mock(side_effect=failure))
    answer = client.post(f"/api/v1/scheduled-steps/{steps_of(order)[0].pk}/arrive", {}, content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (503, ["detail"])
    assert "Nothing was changed" in answer.json()["detail"]
    assert "audit trail" in answer.json()["detail"]
    assert not changed(before, everything())


@pytest.mark.django_db(transaction=True)
def test_a_call_that_was_done_and_cannot_be_shown_says_that_it_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its change is recorded; only that it was seen cannot be. Whoever sends it again would do it twice."""
    step, anna = steps_of(an_order())[0], somebody("anna", "scheduler")
    client = Client(headers={"Authorization": f"Bearer {tokens.create_token(anna, 'tests')}"})
    monkeypatch.setattr(disclosure, "record_reading", Mock(side_effect=OperationalError("database or disk is full")))
    answer = client.post(f"/api/v1/scheduled-steps/{step.pk}/arrive", {}, content_type="application/json")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("What you sent was done.")
    step.refresh_from_db()
    assert step.status == "ARRIVED"


def test_what_was_only_asked_to_be_read_is_not_said_to_be_done(signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """By POST, as files are: they were not given, and nothing was done."""
    a_site()
    query = Dataset()
    query.PatientName, query.PatientID = "WALKER^ANN", "P1"
    message, client = a_query(query), signed_in("integrator")
    monkeypatch.setattr(disclosure, "record_reading", Mock(side_effect=OperationalError("database or disk is full")))
    said = in_words(client.post(f"/associations/{message.association_id}/messages/{message.pk}/files/", {"without": ""}))
    assert ("it is not shown" in said, "was done" in said) == (True, False)


def test_a_page_whose_database_lacks_something_says_what(signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    a_site()
    client = signed_in()
    monkeypatch.setattr(patients, "register_patient", Mock(side_effect=OperationalError("database is locked")))
    assert "the database is busy" in in_words(client.post("/patients/new/", {"family": "Walker", "given": "Ann"}))
    client.raise_request_exception = False
    monkeypatch.setattr(patients, "register_patient", Mock(side_effect=OperationalError("no such column: x")))
    assert client.post("/patients/new/", {"family": "Walker", "given": "Ann"}).status_code == 500, "a fault is no shortage"


PROXY, STRANGER = "10.0.0.1", "203.0.113.50"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (PROXY, "198.51.100.7", "198.51.100.7"),
        (PROXY, "192.0.2.66, 198.51.100.7", "198.51.100.7"),
        (STRANGER, "198.51.100.7", STRANGER),
    ],
    ids=["what a trusted proxy says", "what was written before the trusted proxy", "what a stranger says of itself"],
)
def test_where_somebody_is_said_to_be_is_believed_of_a_trusted_proxy_alone(
    signed_in: SignIn, settings: Any, peer: str, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = networks.parsed([PROXY])
    from_there = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    order, client = an_order(), signed_in()
    User.objects.create_user("anna", password=PASSWORD)
    token = tokens.create_token(somebody("bob", "scheduler"), "tests")
    client.get(f"/patients/{order.patient_id}/", **from_there)
    client.get("/users/", **from_there)
    client.post("/patients/new/", {"family": "Walker", "given": "Ann"}, **from_there)
    for password in ("wrong", PASSWORD):
        Client().post("/sign-in/", {"username": "anna", "password": password}, **from_there)
    for bearer in ("sw_wrong", token):
        Client(headers={"Authorization": f"Bearer {bearer}"}).get("/api/v1/procedures", **from_there)
    rows = AuditRecord.objects.exclude(address="")
    assert {(row.event, row.outcome) for row in rows} == {
        (audit.PATIENT, audit.SUCCESS),
        (audit.REFUSED, audit.SERIOUS),
        (audit.SIGN_IN, audit.SERIOUS),
        (audit.SIGN_IN, audit.SUCCESS),
        (audit.TOKEN, audit.SERIOUS),
        (audit.TOKEN, audit.SUCCESS),
    }
    assert {row.address for row in rows} == {address}
    assert {row.actor for row in rows if row.actor_kind == auditing.CLAIMANT} == {
        f"Somebody at {address}, as anna",
        f"Somebody at {address}, not signed in",
    }
    assert {(row.action, row.address) for row in entered(audit.PATIENT)} == {(audit.READ, address), (audit.CREATE, address)}
