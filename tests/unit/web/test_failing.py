"""What answers say that fail for want of the database: what became of what was sent, the same on pages and in REST."""

from collections.abc import Callable
from html import unescape
from unittest.mock import Mock

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, InterfaceError, OperationalError
from django.test import Client

from ris import deeds, queries
from ris.actions import tokens
from ris.actions.auditing import NotRecorded
from ris.api import steps as step_calls
from ris.db import action
from ris.models import Patient
from ris.web.failing import failure
from tests.support.addresses import somebody
from tests.support.hospital import a_site, an_order, steps_of

SignIn = Callable[..., Client]
pytestmark = pytest.mark.django_db(databases=["default", "journal"])
FULL = OperationalError("database or disk is full")
NOT_RECORDED = NotRecorded("Nothing was changed, since it could not be entered.")


def nothing() -> None:
    """No action was begun."""


@action
def succeeds() -> None:
    """An action that is done."""


@action
def fails() -> None:
    raise FULL


def in_vain() -> None:
    with pytest.raises(OperationalError):
        fails()


@pytest.mark.parametrize(
    ("before", "error", "said"),
    [
        (nothing, FULL, "the disk of the database is full. Nothing was changed. Try again"),
        (in_vain, FULL, "saved whole or not at all: look at it before"),
        (succeeds, FULL, "was done, at least in part: look at it before"),
        (nothing, InterfaceError("connection already closed"), "the database does not answer. Nothing was changed."),
        (in_vain, NOT_RECORDED, "Nothing was changed, since it could not be entered."),
        (succeeds, NOT_RECORDED, "in its audit trail. What you sent was done, at least in part"),
    ],
    ids=["untouched", "begun", "done", "away", "not recorded", "the second not recorded"],
)
def test_a_failure_says_what_became_of_what_was_sent(before: Callable[[], None], error: Exception, said: str) -> None:
    with deeds.watched():
        before()
        found = failure(error)
    assert found
    assert said in found.reason


def test_a_fault_is_nothing_that_is_over_in_a_while() -> None:
    assert failure(OperationalError("no such column: x")) is None
    assert failure(ValueError("disk is full")) is None


def with_token() -> Client:
    return Client(headers={"Authorization": f"Bearer {tokens.create_token(somebody('anna', 'scheduler'), 'tests')}"})


@pytest.mark.parametrize(
    ("failing", "status"),
    [(OperationalError("database is locked"), 503), (InterfaceError("connection already closed"), 503), (IntegrityError("a row"), 409)],
    ids=["busy", "away", "raced"],
)
def test_a_call_that_is_done_and_fails_afterwards_says_to_look_first(
    monkeypatch: pytest.MonkeyPatch, failing: Exception, status: int
) -> None:
    step, client = steps_of(an_order())[0], with_token()
    monkeypatch.setattr(step_calls, "show_step", Mock(side_effect=failing))
    answer = client.post(f"/api/v1/scheduled-steps/{step.pk}/arrive", {}, content_type="application/json")
    step.refresh_from_db()
    told = answer.json()["detail"].lower()
    assert (step.status, answer.status_code) == ("ARRIVED", status)
    assert ("nothing was" in told, "look " in told, "before you" in told) == (False, True, True), told


@pytest.mark.parametrize(
    ("failing", "status", "said"),
    [
        (InterfaceError("connection already closed"), 503, "the database does not answer"),
        (OperationalError("database is locked"), 503, "the database is busy"),
        (OperationalError("no such column: x"), 500, "a fault of the server"),
    ],
    ids=["away", "busy", "a fault"],
)
def test_a_call_says_what_the_database_lacks_as_pages_do(
    monkeypatch: pytest.MonkeyPatch, failing: Exception, status: int, said: str
) -> None:
    order, client = an_order(), with_token()
    monkeypatch.setattr(queries, "order", Mock(side_effect=failing))
    answer = client.get(f"/api/v1/orders/{order.accession_number}")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, "5" if status == 503 else None)
    assert said in answer.json()["detail"]


PATIENT = {"family": "Walker", "given": "Ann"}


@pytest.mark.parametrize(
    ("part", "failing", "status", "said", "registered"),
    [
        ("load", OperationalError("unable to open database file"), 503, "the database cannot be opened. Nothing was changed.", 0),
        ("load", InterfaceError("connection already closed"), 503, "the database does not answer. Nothing was changed.", 0),
        ("save", FULL, 503, "What you sent was done, at least in part: look at it", 1),
        ("save", OperationalError("no such column: x"), 500, "The fault is the simulator’s", 1),
    ],
    ids=["unreadable", "away", "no room", "a fault"],
)
def test_what_lies_around_the_pages_fails_in_words_that_are_true(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch, part: str, failing: Exception, status: int, said: str, registered: int
) -> None:
    a_site()
    client = signed_in()
    client.raise_request_exception = False
    client.cookies["stepwise_theme"] = "dark"
    monkeypatch.setattr(SessionStore, part, Mock(side_effect=failing))
    answer = client.post("/patients/new/", PATIENT)
    assert (answer.status_code, Patient.objects.count()) == (status, registered)
    page = unescape(answer.content.decode())
    assert (said in page, 'data-theme="dark"' in page) == (True, True)


@pytest.mark.parametrize(
    ("failing", "status", "said"),
    [(FULL, 503, "Nothing was changed."), (ValueError("a fault"), 500, "a fault of the server")],
    ids=["no room", "a fault"],
)
def test_what_lies_around_the_calls_fails_in_json(
    signed_in: SignIn, monkeypatch: pytest.MonkeyPatch, failing: Exception, status: int, said: str
) -> None:
    client = signed_in()
    client.raise_request_exception = False
    monkeypatch.setattr(SessionStore, "load", Mock(side_effect=failing))
    answer = client.get("/api/v1/")
    assert answer.status_code == status
    assert said in answer.json()["detail"]
