"""Who is let in, and who may do what."""

from importlib import import_module
from io import StringIO
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory

from ris import clock, permissions
from ris.actions import tokens
from ris.actions.membership import set_site
from ris.api.auth import Bearer
from ris.errors import Conflict, InvalidInput, NotFound, NotPermitted
from ris.models import ApiToken, StepChange
from ris.throttling import TOKEN as TOKENS
from tests.support.hospital import ACTOR, an_order, steps_of
from tests.support.sites import another_site
from tests.unit.api.conftest import TOKEN, Rest, an_order_body, row_counts

pytestmark = [pytest.mark.usefixtures("hospital"), pytest.mark.django_db(databases=["default", "journal"])]


def a_user(*roles: str, **fields: object) -> User:
    user = User.objects.create_user(f"user{User.objects.count()}", **fields)
    for role in roles:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def a_client(*roles: str, **fields: object) -> Rest:
    return Rest(tokens.create_token(a_user(*roles, **fields), "tests"))


@pytest.mark.parametrize("token", [None, "", "wrong", f"{TOKEN}x", "sw_unknown", "é\u20ac", "a b"])
def test_a_missing_or_unknown_token_is_401_in_words(rest: Rest, token: str | None) -> None:
    for path in ("/", "/procedures", "/orders/X", "/nowhere"):
        status, body = Rest(token).get(path)
        assert status == 401
        assert "token" in body["detail"].lower()


def test_without_an_installation_token_an_empty_bearer_is_refused(db: None) -> None:
    assert Rest("").get("/procedures")[0] == 401


def test_the_installation_token_may_do_everything_and_acts_as_the_system(rest: Rest) -> None:
    order = an_order()
    step = steps_of(order)[0]
    assert rest.post(f"/scheduled-steps/{step.pk}/arrive")[0] == 200
    change = StepChange.objects.filter(step=step).last()
    assert change is not None
    assert (change.actor_kind, change.actor) == ("system", "api")


def test_a_token_acts_as_its_user(rest: Rest) -> None:
    client = a_client("technologist")
    step = steps_of(an_order())[0]
    assert client.post(f"/scheduled-steps/{step.pk}/arrive")[0] == 200
    change = StepChange.objects.filter(step=step).last()
    assert change is not None and change.user is not None
    assert (change.actor_kind, change.actor) == ("user", change.user.username)


def test_a_missing_permission_is_403_before_the_input_is_read_and_nothing_is_written(rest: Rest) -> None:
    client = a_client("biller")
    before = row_counts()
    status, body = client.post("/orders", {"nonsense": True})
    assert status == 403
    assert "orders.place" in body["detail"]
    assert "scheduler" in body["detail"]
    assert row_counts() == before


def test_a_revoked_token_and_that_of_a_switched_off_account_are_401(rest: Rest) -> None:
    user = a_user("scheduler")
    client = Rest(tokens.create_token(user, "tests"))
    assert client.get("/procedures")[0] == 200
    user.is_active = False
    user.save()
    assert client.get("/procedures")[0] == 401
    user.is_active = True
    user.save()
    tokens.revoke_token(user, "tests")
    status, body = client.get("/procedures")
    assert status == 401
    assert "revoked" in body["detail"]


def test_roles_in_the_table_exist_and_the_administrator_has_them_all() -> None:
    for name, permission in permissions.PERMISSIONS.items():
        assert permission.roles <= set(permissions.ROLES), name
        assert permissions.ADMIN in permission.roles, name


def test_an_operation_that_declares_nothing_refuses_everybody(rest: Rest, rf: RequestFactory) -> None:
    with pytest.raises(NotPermitted, match="does not say which permission"):
        Bearer()(rf.get("/api/v1/", headers={"Authorization": f"Bearer {TOKEN}"}))


def test_nobody_and_a_misspelled_permission() -> None:
    assert not permissions.allowed(AnonymousUser(), "steps.view")
    with pytest.raises(KeyError):
        permissions.allowed(AnonymousUser(), "steps.veiw")
    with pytest.raises(KeyError):
        Bearer("steps.veiw")


def test_a_token_is_kept_as_a_digest_only_and_one_name_serves_once(db: None) -> None:
    user = a_user("biller")
    clear = tokens.create_token(user, "  night import ")
    row = ApiToken.objects.get()
    assert row.name == "night import"
    assert clear not in (row.digest, row.name)
    with pytest.raises(Conflict):
        tokens.create_token(user, "night import")
    tokens.revoke_token(user, "night import")
    with pytest.raises(NotFound):
        tokens.revoke_token(user, "night import")
    assert tokens.create_token(user, "night import") != clear
    for name in ("", "x" * 65, "a\tb"):
        with pytest.raises(InvalidInput):
            tokens.create_token(user, name)


def test_the_command_prints_a_token_that_works_once_and_revokes_it(rest: Rest) -> None:
    user = a_user("scheduler")
    out, err = StringIO(), StringIO()
    call_command("api_token", user.username, name="scripts", stdout=out, stderr=err)
    client = Rest(out.getvalue().strip())
    assert client.post("/orders", an_order_body())[0] == 201
    assert "not shown again" in err.getvalue()
    with pytest.raises(CommandError):
        call_command("api_token", user.username, name="scripts", stdout=out, stderr=err)
    with pytest.raises(CommandError):
        call_command("api_token", "nobody", name="scripts", stdout=out, stderr=err)
    call_command("api_token", user.username, "--revoke", name="scripts", stdout=out, stderr=err)
    assert client.get("/procedures")[0] == 401


def test_a_method_that_a_call_does_not_take_is_refused_in_json(rest: Rest) -> None:
    answer = Client().delete("/api/v1/associations")
    assert (answer.status_code, answer["Content-Type"], answer["Allow"]) == (405, "application/json", "GET")
    assert answer.json() == {"detail": "/api/v1/associations does not take DELETE; it takes GET."}
    assert rest.post("/messages")[0] == 405


def test_a_token_answers_for_the_hospital_of_its_user(rest: Rest) -> None:
    user = a_user("scheduler")
    client = Rest(tokens.create_token(user, "tests"))
    assert client.get("/stations")[1]["count"] == rest.get("/stations")[1]["count"] == 3
    set_site(user, another_site(), ACTOR)
    assert client.get("/stations")[0] == 401, "what was made for one hospital opens no other one"
    assert Rest(tokens.create_token(user, "there")).get("/stations")[1]["count"] == 0
    assert rest.get("/stations")[1]["count"] == 3


@pytest.mark.parametrize(("token", "status"), [("a", 429), ("x" * 32, 200)])
def test_a_short_token_of_the_installation_waits_with_those_that_guess_it(monkeypatch: pytest.MonkeyPatch, token: str, status: int) -> None:
    monkeypatch.setattr(settings, "API_TOKEN", token)
    guesses = [Rest(f"guess {number}").get("/procedures")[0] for number in range(TOKENS.free + 1)]
    assert guesses == [401] * TOKENS.free + [429]
    assert Rest(token).get("/procedures")[0] == status


@pytest.mark.both_databases
def test_the_later_of_two_who_make_a_token_of_one_name_at_one_moment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    user = a_user("scheduler")

    def between(token: str) -> str:
        """Past the look whether there is one, somebody else's is there."""
        ApiToken.objects.create(user=user, name="import", digest="of the other one", created_at=clock.wall())
        return "of this one"

    monkeypatch.setattr(tokens, "digest_of", between)
    with pytest.raises(Conflict, match="has a token 'import' already"):
        tokens.create_token(user, "import")


def test_tokens_of_one_name_from_before_are_numbered() -> None:
    numbering = import_module("ris.migrations.0021_one_active_token_of_a_name")
    kept: list[tuple[int, str]] = []
    rows = [
        SimpleNamespace(user_id=user, name=name)
        for user, name in ((1, "a"), (1, "a (2)"), (1, "a"), (2, "a"), (1, "a"), (1, "x" * 64), (1, "x" * 64))
    ]
    for row in rows:
        row.save = lambda update_fields, row=row: kept.append((row.user_id, row.name))
    found = SimpleNamespace(order_by=lambda *names: rows)
    objects = SimpleNamespace(using=lambda alias: SimpleNamespace(filter=lambda revoked_at: found))
    apps = SimpleNamespace(get_model=lambda room, name: SimpleNamespace(objects=objects))
    numbering.number_the_later_ones(apps, SimpleNamespace(connection=SimpleNamespace(alias="default")))
    assert [row.name for row in rows] == ["a", "a (2)", "a (3)", "a", "a (4)", "x" * 64, "x" * 60 + " (2)"]
    assert kept == [(1, "a (3)"), (1, "a (4)"), (1, "x" * 60 + " (2)")]
