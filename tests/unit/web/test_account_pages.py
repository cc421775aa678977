"""Accounts, passwords and tokens in the pages: what is shown once, what is refused, and what everybody may do for themselves."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ris import clock, queries
from ris.accounts import account_of
from ris.actions import passwords, tokens, users
from ris.actions.membership import set_site
from ris.models import ApiToken, EnvironmentToken, RecordChange
from ris.permissions import PERMISSIONS
from ris.web import account
from tests.support.addresses import somebody
from tests.support.hospital import ACTOR, a_site
from tests.support.sites import another_site

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]
FIRST, SECOND = "three green herons", "five blue herons"


@pytest.fixture(autouse=True)
def _quick_digests(settings: Any, db: None) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    a_site()


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def the_secret(answer: Any) -> str:
    match = re.search(r'id="secret">([^<]+)<', answer.content.decode())
    assert match
    return match[1]


def person(name: str = "jo") -> User:
    return User.objects.select_related("account").get(username=name)


def a_form(**changes: Any) -> dict[str, Any]:
    names = {"username": "jo", "given_name": "Jo", "family_name": "Moreau"}
    return names | {"roles": ["scheduler"], "how": "made", "must_change": "on"} | changes


def call(token: str, path: str = "/procedures") -> Any:
    return Client().get(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"})


def test_an_account_is_made_and_its_password_shown_once_and_never_again(signed_in: SignIn) -> None:
    client = signed_in("admin")
    answer = client.post("/users/new/", a_form())
    password = the_secret(answer)
    assert "no-store" in answer["Cache-Control"]
    assert person().check_password(password)
    again = client.post("/users/new/", a_form())
    assert (again.status_code, person().check_password(password)) == (422, True)
    assert "is taken: there is an account jo" in text(again)
    for page in (again, client.get("/users/"), client.get(f"/users/{person().pk}/"), client.get("/users/new/")):
        assert password not in page.content.decode()


def test_a_typed_password_is_not_shown_at_all(signed_in: SignIn) -> None:
    client = signed_in("admin")
    answer = client.post("/users/new/", a_form(how="typed", password=FIRST))
    assert answer["Location"] == f"/users/{person().pk}/"
    assert person().check_password(FIRST)
    refused = client.post("/users/new/", a_form(username="mo", how="typed", password="mo"))
    assert refused.status_code == 422 and "Password is shorter than 10 characters" in text(refused)
    assert "Type the password, or have one made" in text(client.post("/users/new/", a_form(username="mo", how="typed")))
    assert "At least 10 characters" in text(client.get("/users/new/"))


def test_the_list_finds_accounts_by_any_of_their_names(signed_in: SignIn) -> None:
    client = signed_in("admin")
    passwords.create(users.UserData("jo", "Josephine", "Moreau", roles=("biller",)), FIRST, ACTOR)
    shown = text(client.get("/users/"))
    assert "Biller" in shown and "has to change the password" in shown
    for q, hit in (("moreau", True), ("jos mor", True), ("zzz", False)):
        found = client.post("/users/", {"q": q}, follow=True)
        assert ("Josephine" in text(found)) is hit, q
    assert "No account is called so" in text(found)


def test_roles_are_changed_and_the_second_who_saves_is_told(signed_in: SignIn) -> None:
    client = signed_in("admin")
    jo = somebody("jo", "scheduler")
    version = account_of(person()).version
    answer = client.post(f"/users/{jo.pk}/edit/", a_form(roles=["biller", "trainee"], version=version), follow=True)
    assert "Roles</dt><dd>Biller, Trainee" in text(answer).replace("<dd> ", "<dd>")
    late = client.post(f"/users/{jo.pk}/edit/", a_form(roles=["admin"], version=version))
    assert late.status_code == 422 and "Somebody else changed this account meanwhile" in text(late)
    assert users.roles_held(person()) == ("biller", "trainee")
    assert "roles Biller" not in text(answer) and "roles biller, trainee, before scheduler" in text(answer)


def test_a_password_is_reset_once_however_often_the_form_is_sent(signed_in: SignIn) -> None:
    client = signed_in("admin")
    jo = somebody("jo", "scheduler")
    form = {"how": "made", "must_change": "on", "version": account_of(person()).version}
    made = the_secret(client.post(f"/users/{jo.pk}/password/", form))
    again = client.post(f"/users/{jo.pk}/password/", form)
    assert again.status_code == 422 and 'id="secret"' not in again.content.decode()
    assert person().check_password(made)


def test_an_account_is_switched_off_and_on_and_signed_out(signed_in: SignIn) -> None:
    client = signed_in("admin")
    jo = somebody("jo", "scheduler")
    for verb, said in (
        ("switch-off", "jo is switched off"),
        ("switch-on", "jo is switched on"),
        ("end-sessions", "jo is signed out everywhere"),
        ("require-password", "jo has to choose another password"),
    ):
        version = account_of(person()).version
        answer = client.post(f"/users/{jo.pk}/{verb}/", {"version": version}, follow=True)
        assert said in text(answer)
    late = client.post(f"/users/{jo.pk}/switch-off/", {"version": 1}, follow=True)
    assert late.status_code == 409 and "Somebody else changed this account" in text(late)
    assert person().is_active
    assert client.post(f"/users/{jo.pk}/promote/").status_code == 404


def test_one_s_own_account_offers_nothing_that_locks_out(signed_in: SignIn) -> None:
    client = signed_in("admin")
    me = person("a-admin")
    shown = client.get(f"/users/{me.pk}/").content.decode()
    assert "switch-off" not in shown and f"/users/{me.pk}/password/" not in shown
    answer = client.post(f"/users/{me.pk}/switch-off/", {"version": 1}, follow=True)
    assert "This is your own account" in text(answer)
    assert client.post(f"/users/{me.pk}/edit/", a_form(username="a-admin", roles=[])).status_code == 422


def test_who_has_to_choose_a_password_gets_nowhere_before(signed_in: SignIn) -> None:
    jo = somebody("jo", "scheduler", password=FIRST)
    client = Client()
    client.force_login(jo)
    passwords.require_change(jo.pk, ACTOR)
    assert client.get("/worklist/")["Location"] == "/account/password/"
    assert client.post("/patients/new/", {"family": "Doe"})["Location"] == "/account/password/"
    assert client.get("/pulse/", headers={"HX-Request": "true"}).status_code == 204
    assert "First a password of your own" in text(client.get("/account/password/"))
    answer = client.post("/account/password/", {"present": FIRST, "password": SECOND, "again": SECOND})
    assert answer["Location"] == "/account/"
    assert client.get("/worklist/").status_code == 200


def test_a_password_of_one_s_own_ends_all_sessions_but_this(signed_in: SignIn) -> None:
    jo = somebody("jo", "scheduler", password=FIRST)
    here, there = Client(), Client()
    for client in (here, there):
        client.force_login(jo)
    form = {"present": FIRST, "password": SECOND, "again": SECOND}
    for wrong, why in (
        ({"present": "no"}, "Present password is not right"),
        ({"again": "other"}, "The two new passwords differ"),
        ({"password": "jo", "again": "jo"}, "New password is shorter than 10"),
        ({"password": FIRST, "again": FIRST}, "is the present one"),
    ):
        refused = here.post("/account/password/", form | wrong)
        assert refused.status_code == 422 and why in text(refused)
        assert FIRST not in refused.content.decode() and SECOND not in refused.content.decode()
    assert here.post("/account/password/", form).status_code == 302
    assert here.get("/help/").status_code == 200
    assert there.get("/help/").status_code == 302
    assert person().check_password(SECOND)


def test_the_present_password_is_guessed_no_faster_than_at_the_sign_in(signed_in: SignIn) -> None:
    jo = somebody("jo", "scheduler", password=FIRST)
    client = Client()
    client.force_login(jo)
    guesses = [*["guess"] * 5, FIRST]
    answers = [client.post("/account/password/", {"present": guess, "password": SECOND, "again": SECOND}) for guess in guesses]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert "Too many passwords were wrong. Wait 5 seconds" in text(answers[-1])
    assert answers[-1]["Retry-After"] == "5"
    assert person("jo").check_password(FIRST)


def test_a_stranger_who_tries_at_the_sign_in_keeps_nobody_from_changing_the_password() -> None:
    jo = somebody("jo", "scheduler", password=FIRST)
    client, stranger = Client(), Client(REMOTE_ADDR="203.0.113.9")
    client.force_login(jo)
    tried = [stranger.post("/sign-in/", {"username": "jo", "password": "guess"}).status_code for _ in range(6)]
    assert tried[-1] == 429
    form = {"present": FIRST, "password": SECOND, "again": SECOND}
    assert client.post("/account/password/", form).status_code == 302
    assert stranger.post("/sign-in/", {"username": "jo", "password": "guess"}).status_code == 429, "nor is the stranger's count forgotten"


@pytest.mark.parametrize(
    "meanwhile", [lambda pk: passwords.reset(pk, SECOND, ACTOR), lambda pk: users.end_sessions(pk, ACTOR)], ids=["reset", "ended"]
)
@pytest.mark.parametrize("asked", ["password", "end-sessions"])
def test_what_an_administrator_does_meanwhile_has_the_last_word(monkeypatch: pytest.MonkeyPatch, meanwhile: Any, asked: str) -> None:
    """A request that was let in before, with the present password looked at already, saves neither its session nor its password."""
    jo = somebody("jo", "scheduler", password=FIRST)
    client = Client()
    client.force_login(jo)
    late = (passwords, "make_password") if asked == "password" else (account, "_me")
    done = getattr(*late)

    def after(*args: Any) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(*late, done)
            meanwhile(jo.pk)
        return done(*args)

    monkeypatch.setattr(*late, after)
    sent = {"present": FIRST, "password": "seven red herons", "again": "seven red herons"}
    answer = client.post(f"/account/{asked}/", sent)
    monkeypatch.undo()
    assert answer.status_code == 409 and "meanwhile" in text(answer)
    assert not person("jo").check_password("seven red herons")
    assert client.get("/account/").status_code == 302, "its session is over"


def test_signing_out_everywhere_else_leaves_this_session(signed_in: SignIn) -> None:
    client = signed_in("biller")
    other = Client()
    other.force_login(person("a-biller"))
    client.post("/account/end-sessions/")
    assert (client.get("/help/").status_code, other.get("/help/").status_code) == (200, 302)


def test_somebody_without_a_role_is_told_whom_to_ask() -> None:
    client = Client()
    client.force_login(somebody("new"))
    assert client.get("/")["Location"] == "/account/"
    assert "Your account has no role yet" in text(client.get("/account/"))


def test_a_token_is_shown_once_and_never_again(signed_in: SignIn) -> None:
    client = signed_in("admin")
    somebody("jo", "scheduler")
    form = {"user": "jo", "name": "night import", "limits": "all"}
    answer = client.post("/tokens/new/", form)
    token = the_secret(answer)
    assert "no-store" in answer["Cache-Control"]
    assert call(token).status_code == 200
    again = client.post("/tokens/new/", form)
    assert again.status_code == 422 and "has a token &#x27;night import&#x27; already" in text(again)
    assert ApiToken.objects.count() == 1
    listed = client.get("/tokens/").content.decode()
    assert token not in listed and token[:7] in listed
    assert token not in str(RecordChange.objects.get(verb="create token").detail)


def test_a_token_is_limited_to_what_is_ticked_and_to_what_its_account_may(signed_in: SignIn) -> None:
    client = signed_in("admin")
    jo = somebody("jo", "scheduler")
    form = {"user": "jo", "name": "reader", "limits": "some", "scope": ["steps.view", "patients.view"]}
    token = the_secret(client.post("/tokens/new/", form))
    assert call(token, "/scheduled-steps").status_code == 200
    refused = call(token, "/stations")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "This needs the permission 'stations.view'; the token is limited to patients.view, steps.view.",
    )
    users.change_user(jo.pk, users.UserData("jo"), ACTOR)
    assert call(token, "/scheduled-steps").status_code == 403, "what the account lost its token has lost"
    users.change_user(jo.pk, users.UserData("jo", roles=("scheduler",)), ACTOR)
    for wrong, why in (
        ({"scope": []}, "Permissions is empty"),
        ({"scope": ["charges.rules"]}, "jo may not do this itself: change what discontinued work is charged"),
        ({"expires": "01-Jan-2020"}, "Last day is over already"),
        ({"user": "nobody"}, "nobody"),
        ({"name": ""}, "Fill this in"),
    ):
        answer = client.post("/tokens/new/", form | {"name": "another"} | wrong)
        assert answer.status_code == 422 and why in text(answer), why


def test_a_token_ends_by_itself_after_its_last_day(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.wall()
    token = tokens.create_token(somebody("jo", "scheduler"), "short", expires_at=now + timedelta(days=1))
    assert call(token).status_code == 200
    monkeypatch.setattr(clock, "wall", lambda: now + timedelta(days=1))
    answer = call(token)
    assert answer.status_code == 401 and "“short” expired, its last day was" in answer.json()["detail"]


@pytest.mark.parametrize("tokens_too", [True, False])
@pytest.mark.parametrize("how", ["password", "end-sessions"])
def test_tokens_end_with_a_password_or_sessions_unless_they_are_to_stay(signed_in: SignIn, how: str, tokens_too: bool) -> None:
    jo = somebody("jo", "scheduler")
    token = tokens.create_token(jo, "night import")
    client = signed_in("admin")
    page = client.get(f"/users/{jo.pk}/" if how == "end-sessions" else f"/users/{jo.pk}/password/").content.decode()
    assert re.search(r'name="tokens_too"[^>]* checked', page), "it is asked, and proposed"
    sent = {"version": account_of(person()).version, "how": "made"} | ({"tokens_too": "on"} if tokens_too else {})
    assert client.post(f"/users/{jo.pk}/{how}/", sent).status_code in (200, 302)
    assert call(token).status_code == (401 if tokens_too else 200)
    assert RecordChange.objects.filter(verb="revoke token").count() == tokens_too


def test_a_token_waits_until_its_account_has_chosen_another_password(signed_in: SignIn) -> None:
    jo = somebody("jo", "scheduler", password=FIRST)
    token = tokens.create_token(jo, "night import")
    passwords.require_change(jo.pk, ACTOR)
    refused = call(token)
    assert refused.status_code == 401 and "has to choose another password first" in refused.json()["detail"]
    passwords.change_own(person(), FIRST, SECOND)
    assert call(token).status_code == 200


def test_the_use_of_a_token_is_noted_once_a_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.wall()
    monkeypatch.setattr(clock, "wall", lambda: now)
    token = tokens.create_token(somebody("jo", "scheduler"), "scripts")
    call(token)
    first = ApiToken.objects.get().last_used_at
    assert first == now
    now += timedelta(minutes=14)
    call(token)
    assert ApiToken.objects.get().last_used_at == first
    now += timedelta(minutes=1)
    call(token)
    assert ApiToken.objects.get().last_used_at == now


def test_everybody_sees_and_revokes_their_own_tokens_and_no_other(signed_in: SignIn) -> None:
    client = signed_in("biller")
    me, other = person("a-biller"), somebody("jo", "scheduler")
    token = tokens.create_token(me, "of mine")
    tokens.create_token(other, "of jo")
    shown = client.get("/account/").content.decode()
    assert "of mine" in shown and "of jo" not in shown
    foreign = ApiToken.objects.get(name="of jo")
    assert client.post(f"/account/tokens/{foreign.pk}/revoke/").status_code == 404
    own = ApiToken.objects.get(name="of mine")
    assert "is revoked; its next call is refused" in text(client.post(f"/account/tokens/{own.pk}/revoke/", follow=True))
    assert call(token, "/charges").status_code == 401
    foreign.refresh_from_db()
    assert foreign.revoked_at is None
    assert "was revoked already" in text(client.post(f"/account/tokens/{own.pk}/revoke/", follow=True))


def test_a_token_is_revoked_after_saying_what_stops_working(signed_in: SignIn) -> None:
    client = signed_in("admin")
    token = tokens.create_token(somebody("jo", "scheduler"), "night import", scope=["steps.view"])
    row = ApiToken.objects.get()
    listed = client.get("/tokens/").content.decode()
    assert 'method="post" action="/tokens/' not in listed and f'href="/tokens/{row.pk}/revoke/"' in listed
    asked = text(client.get(f"/tokens/{row.pk}/revoke/"))
    for said in ("night import", "jo", row.prefix, "see the worklist and its exams", "No call with it was noted yet", "its next call"):
        assert said in asked, said
    assert call(token, "/scheduled-steps").status_code == 200, "to ask is not to do"
    assert "Something calls with it: that stops working" in text(client.get(f"/tokens/{row.pk}/revoke/"))
    ApiToken.objects.update(last_used_at=clock.wall() - timedelta(days=8))
    assert "Nothing has called with it for a week or longer" in text(client.get(f"/tokens/{row.pk}/revoke/"))
    User.objects.filter(username="jo").update(is_active=False)
    assert "it is refused already" in text(client.get(f"/tokens/{row.pk}/revoke/"))
    assert "is revoked; its next call is refused" in text(client.post(f"/tokens/{row.pk}/revoke/", follow=True))
    late = client.get(f"/tokens/{row.pk}/revoke/", follow=True)
    assert late.redirect_chain == [("/tokens/", 302)] and "was revoked already, by a-admin at " in text(late)


def test_the_last_day_that_is_shown_is_the_one_that_was_typed(signed_in: SignIn) -> None:
    client = signed_in("admin")
    somebody("jo", "scheduler")
    token = the_secret(client.post("/tokens/new/", {"user": "jo", "name": "short", "limits": "all", "expires": "31-Dec-2030"}))
    row = ApiToken.objects.get()
    for address in ("/tokens/", f"/tokens/{row.pk}/revoke/", f"/users/{row.user_id}/"):
        shown = text(client.get(address))
        assert "31-Dec-2030" in shown and "01-Jan-2031" not in re.sub(r'title="[^"]*"', "", shown), address
    assert row.expires_at is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "wall", lambda: row.expires_at - timedelta(seconds=1))
        assert call(token).status_code == 200
        patched.setattr(clock, "wall", lambda: row.expires_at)
        assert "its last day was 31-Dec-2030" in call(token).json()["detail"]


def test_the_token_of_the_environment_is_listed_with_its_last_use_and_without_its_secret(signed_in: SignIn, settings: Any) -> None:
    client = signed_in("admin")
    assert "RIS_API_TOKEN" not in text(client.get("/tokens/"))
    settings.API_TOKEN = "walk-to-the-river"
    shown = text(client.get("/tokens/"))
    for said in ("RIS_API_TOKEN", "in the environment", "Revoked by unsetting it and restarting", f"everything, at {a_site().name}"):
        assert said in shown, said
    assert "Not yet" in shown
    assert call("walk-to-the-river").status_code == 200
    used = EnvironmentToken.objects.get()
    again = text(client.get("/tokens/"))
    assert "Not yet" not in again and "walk" not in again and "walk" not in used.mark
    EnvironmentToken.objects.update(last_used_at=used.last_used_at - timedelta(minutes=16))
    call("walk-to-the-river")
    call("walk-to-the-river")
    assert EnvironmentToken.objects.get().last_used_at >= used.last_used_at
    settings.API_TOKEN = "another-one"
    assert "Not yet" in text(client.get("/tokens/")), "what another value was used for says nothing of this one"
    set_site(person("a-admin"), another_site(), ACTOR)
    assert "RIS_API_TOKEN" not in text(client.get("/tokens/")), "it works for another hospital"


def test_tokens_that_were_made_before_may_all_that_their_user_may(signed_in: SignIn) -> None:
    token = tokens.create_token(somebody("jo", "scheduler"), "old")
    ApiToken.objects.update(prefix="", scope=None)
    assert call(token).status_code == 200
    assert "all that its user may" in text(signed_in("admin").get("/tokens/"))


def test_the_page_of_roles_is_the_table(signed_in: SignIn) -> None:
    shown = text(signed_in("trainee").get("/roles/"))
    for name in PERMISSIONS:
        assert f'<tr role="row" id="{name}">' in shown
    assert "POST /orders" in shown and "/charges/&lt;int:pk&gt;/void/" in shown
    yes = sum(len(permission.roles) for permission in PERMISSIONS.values())
    assert shown.count(">Yes<") == yes


def test_an_administrator_has_to_do_with_the_own_hospital_and_a_superuser_with_all(signed_in: SignIn) -> None:
    south = another_site()
    client = signed_in("admin")
    stranger = somebody("stranger", "scheduler")
    set_site(stranger, south, ACTOR)
    tokens.create_token(stranger, "of the south")
    assert "stranger" not in client.get("/users/").content.decode()
    assert "of the south" not in client.get("/tokens/").content.decode()
    assert client.post("/tokens/new/", {"user": "stranger", "name": "mine", "limits": "all"}).status_code == 422
    client.post("/users/new/", a_form(how="typed", password=FIRST, site="south"))
    assert queries.site_of(person()) == a_site(), "nobody but a superuser chooses another hospital"
    chief = Client()
    chief.force_login(somebody("chief", is_superuser=True))
    assert "stranger" in chief.get("/users/").content.decode()
    chief.post("/users/new/", a_form(username="mo", how="typed", password=FIRST, site="south"))
    assert queries.site_of(person("mo")) == south
    version = account_of(person()).version
    answer = chief.post(f"/users/{person().pk}/edit/", a_form(site="south", version=version), follow=True)
    assert queries.site_of(person()) == south
    assert "Southbridge General" in text(answer) and account_of(person()).version == version + 1
