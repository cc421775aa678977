import re
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from ris import audit, shell
from ris.accounts import account_of, new_password
from ris.actions import passwords
from ris.actions.users import UserData, change_user
from ris.models import AuditRecord, RecordChange
from tests.support.hospital import ACTOR
from training.accounts import DEMO, FULL_NAMES, ensure_demo_accounts, weakness

pytestmark = pytest.mark.django_db
OWN = "three green herons"
ROLES = {"scheduler", "technologist", "biller", "integrator", "instructor", "trainee", "admin"}


@pytest.fixture(autouse=True)
def quick_digests(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def own_choice(pk: int) -> None:
    passwords.change_own(User.objects.get(pk=pk), "open-sesame-42", OWN)


def test_every_role_gets_an_account_with_its_group_and_a_full_name(settings):
    settings.DEMO_PASSWORD = ""
    made = ensure_demo_accounts()

    assert set(made) == set(FULL_NAMES) == ROLES
    assert len(set(made.values())) == len(ROLES)
    for user in User.objects.all():
        assert [group.name for group in user.groups.all()] == [user.username]
        assert " " in user.get_full_name()
        assert (user.is_superuser, user.is_staff) == (user.username == "admin",) * 2
    assert authenticate(username="scheduler", password=made["scheduler"]) is not None


def test_passwords_are_told_once_and_kept_as_digests_only(settings):
    settings.DEMO_PASSWORD = ""
    made = ensure_demo_accounts()

    assert ensure_demo_accounts() == dict.fromkeys(ROLES)
    for name, password in made.items():
        assert password is not None
        assert password not in User.objects.get(username=name).password
        assert authenticate(username=name, password=password) is not None


def test_one_password_for_all_when_it_is_configured(settings):
    settings.DEMO_PASSWORD = "open-sesame-42"

    assert set(ensure_demo_accounts().values()) == {"open-sesame-42"}


def test_a_configured_password_holds_for_accounts_made_earlier_too(settings):
    settings.DEMO_PASSWORD = "open-sesame-42"
    ensure_demo_accounts()
    settings.DEMO_PASSWORD = "close-sesame-43"
    ensure_demo_accounts()

    assert authenticate(username="biller", password="open-sesame-42") is None
    assert authenticate(username="biller", password="close-sesame-43") is not None


@pytest.mark.parametrize("change", [lambda pk: passwords.reset(pk, OWN, ACTOR), lambda pk: own_choice(pk)], ids=["reset", "own"])
def test_a_password_that_somebody_set_in_the_pages_is_not_undone(settings, change):
    settings.DEMO_PASSWORD = "open-sesame-42"
    ensure_demo_accounts()
    change(User.objects.get(username="biller").pk)
    settings.DEMO_PASSWORD = "close-sesame-43"
    assert [name for name, password in ensure_demo_accounts().items() if password is None] == ["biller"]
    assert authenticate(username="biller", password=OWN) is not None


def test_an_account_that_an_administrator_made_under_such_a_name_is_left_alone(settings):
    passwords.create(UserData("scheduler"), OWN, ACTOR, must_change=False)
    settings.DEMO_PASSWORD = "open-sesame-42"
    assert [name for name, password in ensure_demo_accounts().items() if password is None] == ["scheduler"]
    scheduler = User.objects.get(username="scheduler")
    assert (scheduler.check_password(OWN), scheduler.groups.count()) == (True, 0)


def test_what_is_made_and_given_to_demo_accounts_is_in_their_history(settings):
    settings.DEMO_PASSWORD = "open-sesame-42"
    ensure_demo_accounts()
    settings.DEMO_PASSWORD = "close-sesame-43"
    ensure_demo_accounts()
    admin = User.objects.get(username="admin")
    changes = RecordChange.objects.filter(subject="user", subject_id=admin.pk)
    assert [(change.verb, change.actor) for change in changes] == [("create user", DEMO.name), ("reset password", DEMO.name)]
    assert account_of(admin).sessions == 1, "whoever was signed in with the former one is not any more"
    ensure_demo_accounts()
    assert RecordChange.objects.filter(subject="user").count() == 2 * len(ROLES)


@pytest.mark.parametrize(("password", "why"), [("a", "shorter than 10"), ("scheduler-1", "too much like the user name")])
def test_in_production_the_password_keeps_the_rules_and_in_the_demo_it_is_told(settings, password, why):
    settings.DEMO_PASSWORD = password
    assert why in weakness()
    settings.HTTPS = True
    with pytest.raises(CommandError, match=f"RIS_DEMO_PASSWORD .*{why}"):
        ensure_demo_accounts()
    assert not User.objects.exists()
    settings.HTTPS = False
    assert set(ensure_demo_accounts().values()) == {password}


def test_an_account_that_lost_its_role_gets_it_back():
    ensure_demo_accounts()
    User.objects.get(username="biller").groups.clear()

    ensure_demo_accounts()

    assert User.objects.get(username="biller").groups.filter(name="biller").exists()


def test_what_an_administrator_decided_holds():
    ensure_demo_accounts()
    biller = User.objects.get(username="biller")
    change_user(biller.pk, UserData("biller", roles=("scheduler",)), ACTOR)

    ensure_demo_accounts()

    assert [group.name for group in biller.groups.all()] == ["scheduler"]


def test_passwords_can_be_typed_and_differ():
    made = {new_password() for _ in range(50)}

    assert len(made) == 50
    assert all(re.fullmatch(r"[a-z2-9]{4}(-[a-z2-9]{4}){2}", password) for password in made)


def test_the_command_prints_name_and_password_once_and_never_one_that_was_chosen(settings):
    settings.DEMO, settings.DEMO_PASSWORD = True, ""
    first, second, third = StringIO(), StringIO(), StringIO()
    call_command("demo_accounts", stdout=first)
    call_command("demo_accounts", stdout=second)
    settings.DEMO_PASSWORD = "open-sesame-42"
    call_command("demo_accounts", stdout=third)

    assert len(re.findall(r" [a-z2-9]{4}(?:-[a-z2-9]{4}){2}$", first.getvalue(), re.MULTILINE)) == len(ROLES)
    assert second.getvalue().count("exists already") == len(ROLES)
    assert third.getvalue().count("the password is RIS_DEMO_PASSWORD") == len(ROLES)
    assert "open-sesame-42" not in third.getvalue()


def test_what_the_command_makes_is_entered_under_who_ran_it(settings):
    settings.DEMO, settings.DEMO_PASSWORD = True, ""
    call_command("demo_accounts", stdout=StringIO())
    who = f"demo hospital, by {shell.who().name}"
    entered = AuditRecord.objects.filter(place="manage.py demo_accounts", event=audit.ROLES, action=audit.CREATE, actor=who)
    assert sorted(of for row in entered for of in row.detail["of"]) == sorted(f"user {role}" for role in ROLES)
    assert set(RecordChange.objects.filter(subject="user").values_list("actor", flat=True)) == {who}


def test_outside_of_a_demo_the_command_makes_nobody(settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match=r"RIS_DEMO=1.*Nothing was made.*createsuperuser"):
        call_command("demo_accounts")
    assert not User.objects.exists()
