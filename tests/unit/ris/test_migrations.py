"""Migrations that change rows which people have, on what they may have: rows that the present schema forbids."""

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from ris import clock
from ris.models import Account, ApiToken, RecordChange

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
ONE_OF_A_NAME = "one_active_token_of_a_name"


@pytest.fixture
def without_the_constraint(transactional_db: None) -> Iterator[None]:
    """The table as it was before, and as it is again afterwards, whatever becomes of the migration."""
    constraint = next(one for one in ApiToken._meta.constraints if one.name == ONE_OF_A_NAME)
    with connection.schema_editor() as editor:
        editor.remove_constraint(ApiToken, constraint)
    yield
    ApiToken.objects.all().delete()
    if ONE_OF_A_NAME not in _constraints():
        with connection.schema_editor() as editor:
            editor.add_constraint(ApiToken, constraint)


def _constraints() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, ApiToken._meta.db_table))


def _apply(name: str) -> None:
    """As `migrate` does: rows and schema in one transaction."""
    migration = import_module(f"ris.migrations.{name}").Migration(name, "ris")
    before = MigrationLoader(connection).project_state(migration.dependencies[0])
    with connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(before, editor)


def test_tokens_of_one_name_are_numbered_and_all_stay_good(without_the_constraint: None) -> None:
    anna, bob = (User.objects.create_user(name) for name in ("anna", "bob"))
    long = "n" * 64
    rows = [
        (anna, "scripts", "scripts"),
        (anna, "scripts", "scripts (3)"),
        (anna, "scripts", "scripts (4)"),
        (anna, "scripts (2)", "scripts (2)"),  # somebody had numbered one by hand
        (bob, "scripts", "scripts"),
        (bob, long, long),
        (bob, long, f"{'n' * 60} (2)"),
    ]
    since = clock.wall() - timedelta(days=1)
    for number, (user, name, _) in enumerate(rows):
        ApiToken.objects.create(user=user, name=name, digest=f"{number:064d}", created_at=since + timedelta(minutes=number))
    for number in (90, 91):
        ApiToken.objects.create(user=anna, name="scripts", digest=f"{number:064d}", created_at=since, revoked_at=clock.wall())
    assert ONE_OF_A_NAME not in _constraints()
    _apply("0021_one_active_token_of_a_name")
    found = ApiToken.objects.filter(revoked_at=None).order_by("digest")
    assert [(one.user, one.name) for one in found] == [(user, name) for user, _, name in rows]
    assert set(ApiToken.objects.exclude(revoked_at=None).values_list("name", flat=True)) == {"scripts"}, "what is over keeps its name"
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.create(user=anna, name="scripts (4)", digest="x" * 64, created_at=since)


def test_whose_password_the_demo_gave_last_is_known_from_the_history() -> None:
    by = {
        "demo": [("create user", "system", "demo hospital")],
        "given-anew": [("create user", "system", "jo at the shell"), ("reset password", "system", "demo hospital, by jo at the shell")],
        "own": [("create user", "system", "demo hospital"), ("change password", "user", "own")],
        "named-so": [("create user", "user", "demo hospital")],
        "moved": [("create user", "system", "demo hospital"), ("edit user", "user", "chief")],
        "unknown": [],
    }
    for name, changes in by.items():
        user = User.objects.create_user(name)
        Account.objects.create(user=user)
        for verb, kind, actor in changes:
            RecordChange.objects.create(
                at=clock.wall(), verb=verb, subject="user", subject_id=user.pk, actor_kind=kind, actor=actor, detail={}
            )
    mark = import_module("ris.migrations.0025_passwords_of_the_demo").mark
    mark(apps, None)
    assert set(Account.objects.filter(demo_password=True).values_list("user__username", flat=True)) == {"demo", "given-anew", "moved"}
