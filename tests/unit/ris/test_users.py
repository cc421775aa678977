"""Accounts: who may be locked out, what a password must be, what the history says, and that two who act at once are told."""

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from ris import permissions
from ris.accounts import account_of
from ris.actions import passwords, tokens, users
from ris.actions.membership import set_site
from ris.actions.users import UserData
from ris.actor import SYSTEM_NAMES, Actor
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, NotFound
from ris.models import ApiToken, RecordChange
from tests.support.addresses import somebody
from tests.support.hospital import ACTOR, a_site, a_station
from tests.support.sites import another_site

GOOD = "three green herons"


@pytest.fixture(autouse=True)
def _quick_digests(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def an_administrator(name: str = "root") -> User:
    return somebody(name, permissions.ADMIN)


def fresh(user: User) -> User:
    return User.objects.select_related("account").get(pk=user.pk)


@pytest.mark.django_db
def test_an_account_is_made_with_roles_and_a_password_that_is_kept_as_a_digest_alone() -> None:
    user, password = passwords.create(UserData("jo", "Jo", "Moreau", "jo@example.org", ("scheduler", "biller")), "", ACTOR)
    assert user.check_password(password)
    assert users.data_of(fresh(user)) == UserData("jo", "Jo", "Moreau", "jo@example.org", ("scheduler", "biller"))
    assert account_of(fresh(user)).must_change_password
    change = RecordChange.objects.get(subject="user", subject_id=user.pk)
    assert (change.verb, change.actor, change.detail["roles"]) == ("create user", "test", ["", "scheduler, biller"])
    assert password not in str(change.detail) and user.password not in str(change.detail)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "field", "why"),
    [
        (UserData(""), "username", "is empty"),
        (UserData("jo moreau"), "username", "letters, digits"),
        (UserData("jo\x07moreau"), "username", "letters, digits"),
        (UserData("-"), "username", "no letter and no digit"),
        (UserData("@_.+"), "username", "no letter and no digit"),
        (UserData(" \t"), "username", "is empty"),
        (UserData("API"), "username", "a part of the system"),
        (UserData("demo_hospital"), "username", "a part of the system"),
        (UserData("import-worklist"), "username", "a part of the system"),
        (UserData("\u0441arla"), "username", "mixes letters of Cyrillic and Latin"),
        (UserData("j" * 151), "username", "151 characters"),
        (UserData("ROOT"), "username", "is taken: there is an account root"),
        (UserData("jo", "J\x07"), "given_name", "control character"),
        (UserData("jo", email="jo at home"), "email", "no e-mail address"),
        (UserData("jo", roles=("boss",)), "roles", "known roles are scheduler"),
    ],
)
def test_what_is_wrong_with_an_account_is_named_and_nothing_is_made(data: UserData, field: str, why: str) -> None:
    an_administrator()
    with pytest.raises(InvalidInput) as refused:
        passwords.create(data, GOOD, ACTOR)
    assert why in refused.value.errors[field]
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "is shorter than 10 characters"),
        (" " * 14, "has fewer than 5 different characters"),
        ("abab abab abab", "has fewer than 5 different characters"),
        ("password123", "everybody tries first"),
        ("jo.moreau.1", "too much like the user name"),
        ("x" * 129, "longer than 128"),
        ("nul\0in the middle", "cannot be typed"),
    ],
)
def test_a_password_keeps_the_rules(password: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        passwords.checked(password, UserData("jo.moreau"))
    assert why in refused.value.errors["password"]


@pytest.mark.django_db
def test_the_second_of_two_changes_sees_that_there_was_a_first() -> None:
    a_site()
    user = somebody("jo", "scheduler")
    seen = account_of(fresh(user)).version
    users.change_user(user.pk, UserData("jo", roles=("biller",)), ACTOR, seen)
    for late in (
        lambda: users.change_user(user.pk, UserData("jo"), ACTOR, seen),
        lambda: users.switch_user(user.pk, False, ACTOR, seen),
        lambda: users.end_sessions(user.pk, ACTOR, seen),
        lambda: passwords.reset(user.pk, "", ACTOR, seen),
        lambda: passwords.require_change(user.pk, ACTOR, seen),
    ):
        with pytest.raises(ChangedMeanwhile, match=r"test at .*: roles “scheduler” → “biller”"):
            late()
    assert users.roles_held(fresh(user)) == ("biller",)
    with pytest.raises(NotFound):
        users.switch_user(user.pk + 99, False, ACTOR)


@pytest.mark.django_db
def test_saving_what_is_there_already_changes_nothing() -> None:
    user = somebody("jo", "scheduler")
    users.change_user(user.pk, users.data_of(user), ACTOR)
    assert not RecordChange.objects.filter(subject="user").exists()


@pytest.mark.django_db
def test_groups_that_are_no_roles_stay_as_they_are() -> None:
    user = somebody("jo", "scheduler", "night shift")
    users.change_user(user.pk, UserData("jo", roles=("biller",)), ACTOR)
    assert set(user.groups.values_list("name", flat=True)) == {"biller", "night shift"}


@pytest.mark.django_db
def test_nobody_locks_themselves_out() -> None:
    one, _ = an_administrator("one"), an_administrator("two")
    me = Actor.user(one)
    for attempt in (lambda: users.switch_user(one.pk, False, me), lambda: users.change_user(one.pk, UserData("one"), me)):
        with pytest.raises(Conflict, match="your own account"):
            attempt()
    with pytest.raises(Conflict, match="your own account"):
        passwords.reset(one.pk, "", me)


def a_superuser(name: str = "chief") -> User:
    return somebody(name, is_superuser=True)


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "make"), [("administrator", an_administrator), ("superuser", a_superuser)])
def test_the_last_active_one_stays_one(kind: str, make: Callable[[str], User]) -> None:
    last, off = make("last"), make("off")
    users.switch_user(off.pk, False, ACTOR)
    if kind == "superuser":
        an_administrator("of one hospital")
    for attempt in (lambda: users.switch_user(last.pk, False, ACTOR), lambda: users.change_user(last.pk, UserData("last"), ACTOR)):
        with pytest.raises(Conflict, match=f"last active {kind}"):
            attempt()
    make("another")
    users.change_user(last.pk, UserData("last", roles=("biller",)), ACTOR)
    assert permissions.roles_of(fresh(last)) == {"biller"}


@pytest.mark.django_db
def test_an_administrator_changes_nobody_who_became_a_superuser_or_went_elsewhere_meanwhile() -> None:
    a_site()
    me = Actor.user(an_administrator())
    chief, gone = a_superuser(), somebody("gone", "scheduler")
    set_site(gone, another_site(), ACTOR)
    for user in (chief, gone):
        for attempt in (
            lambda pk: users.change_user(pk, UserData("mine"), me),
            lambda pk: users.switch_user(pk, False, me),
            lambda pk: users.end_sessions(pk, me),
            lambda pk: passwords.reset(pk, GOOD, me),
            lambda pk: passwords.require_change(pk, me),
        ):
            with pytest.raises(NotFound):
                attempt(user.pk)
    passwords.reset(gone.pk, GOOD, Actor.user(chief))
    assert fresh(gone).check_password(GOOD)


@pytest.mark.django_db
def test_a_reset_password_is_told_once_and_ends_sessions() -> None:
    user = somebody("jo", "scheduler")
    made = passwords.reset(user.pk, "", ACTOR)
    assert fresh(user).check_password(made)
    assert (account_of(fresh(user)).sessions, account_of(fresh(user)).must_change_password) == (1, True)
    passwords.reset(user.pk, GOOD, ACTOR, must_change=False)
    assert fresh(user).check_password(GOOD)
    assert not account_of(fresh(user)).must_change_password
    with pytest.raises(InvalidInput):
        passwords.reset(user.pk, "jo", ACTOR)
    assert fresh(user).check_password(GOOD)
    verbs = RecordChange.objects.filter(subject="user", subject_id=user.pk)
    assert [change.verb for change in verbs] == ["reset password"] * 2
    assert not any(made in str(change.detail) or GOOD in str(change.detail) for change in verbs)


@pytest.mark.django_db
def test_one_s_own_password_needs_the_present_one_and_becomes_another() -> None:
    user = somebody("jo", "scheduler", password="the-first-of-them")
    for present, wanted, field in (("wrong", GOOD, "present"), ("the-first-of-them", "the-first-of-them", "password")):
        with pytest.raises(InvalidInput) as refused:
            passwords.change_own(user, present, wanted)
        assert field in refused.value.errors
    passwords.require_change(user.pk, ACTOR)
    assert passwords.change_own(user, "the-first-of-them", GOOD) == 1
    assert fresh(user).check_password(GOOD)
    assert not account_of(fresh(user)).must_change_password


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_take_the_role_from_each_other_leave_one() -> None:
    a_site()
    one, two = an_administrator("one"), an_administrator("two")
    barrier, refused = threading.Barrier(2), []

    def demote(actor: User, other: User) -> None:
        try:
            barrier.wait(10)
            users.change_user(other.pk, UserData(other.username, roles=("biller",)), Actor.user(actor))
        except Conflict as error:
            refused.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [user.username for user in users.administrators()] in (["one"], ["two"])
    assert len(refused) == 1 and "last active administrator" in refused[0]


@pytest.mark.django_db
def test_nobody_takes_what_the_former_hospital_knows_along_to_another_one() -> None:
    home, chief, anna = a_site(), somebody("chief", is_superuser=True), somebody("anna", "scheduler")
    set_site(anna, another_site(), ACTOR)
    tokens.create_token(anna, "made there")
    before = account_of(fresh(anna))
    users.change_user(anna.pk, users.data_of(fresh(anna)), Actor.user(chief), site=home)
    after = account_of(fresh(anna))
    assert ApiToken.objects.get().revoked_at is not None
    assert (after.sessions, after.must_change_password) == (before.sessions + 1, True)
    told = RecordChange.objects.filter(actor="chief").order_by("pk").values_list("verb", flat=True)
    assert list(told) == ["revoke token", "set site", "end sessions"]
    users.change_user(anna.pk, UserData("anna", "Anna", roles=("scheduler",)), Actor.user(chief), site=home)
    assert account_of(fresh(anna)).sessions == after.sessions, "who stays where they are stays signed in"


@pytest.mark.django_db
def test_a_token_is_made_by_nobody_who_has_nothing_to_do_with_the_account_by_now() -> None:
    a_site()
    anna, boss = somebody("anna", "scheduler"), an_administrator("boss")
    set_site(anna, another_site(), ACTOR)
    with pytest.raises(InvalidInput) as refused:
        tokens.create_token(anna, "too late", Actor.user(boss))
    assert "another hospital" in refused.value.errors["user"]
    assert not ApiToken.objects.exists()


@pytest.mark.django_db
def test_how_a_taken_name_is_spelled_is_told_to_who_has_to_do_with_that_account() -> None:
    a_site()
    set_site(somebody("Secret.Name", "scheduler"), another_site(), ACTOR)
    somebody("Own.Name", "scheduler")
    boss = Actor.user(an_administrator("boss"))
    told = []
    for name in ("secret.name", "own.name"):
        with pytest.raises(InvalidInput) as refused:
            users.create_user(UserData(name), "!", boss)
        told.append(refused.value.errors["username"])
    assert told == ["is taken; choose another one", "is taken: there is an account Own.Name; choose another one"]


@pytest.mark.django_db
def test_nobody_is_called_as_a_station_is_and_who_was_before_may_be_edited() -> None:
    jo, _ = passwords.create(UserData("ct01"), GOOD, ACTOR)
    a_station("CT01")
    with pytest.raises(InvalidInput) as refused:
        passwords.create(UserData("Ct01"), GOOD, ACTOR)
    assert "AE title of a station" in refused.value.errors["username"]
    assert users.change_user(jo.pk, UserData("ct01", "Jo"), ACTOR).first_name == "Jo"


def test_every_part_of_the_system_has_its_name_to_itself() -> None:
    root = Path(permissions.__file__).parent.parent
    files = (file for room in ("ris", "billing", "worklist", "mpps", "training", "stepwise") for file in (root / room).rglob("*.py"))
    said = {name for file in files for name in re.findall(r'Actor\.system\("([^"{}]+)"\)', file.read_text())}
    assert {name.casefold().replace("_", " ") for name in said} <= SYSTEM_NAMES
    assert {"api", "housekeeping"} <= said
