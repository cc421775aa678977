"""The writer of the audit trail, and the database that lets nobody else near it."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from ris import append_only, audit
from ris.actions import auditing, orders, patients, steps
from ris.actions.auditing import Claimant, Place, claimed
from ris.actions.orders import OrderRequest
from ris.actor import Actor
from ris.audit import Subject
from ris.models import AuditedPatient, AuditRecord, RecordChange, StepChange
from ris.models.history import AppendOnlyError
from tests.support.hospital import a_patient_data, a_procedure, a_site, a_station, an_order, in_minutes, steps_of

pytestmark = pytest.mark.django_db

HERE = Place("10.0.0.5", "patient")


@pytest.fixture
def anna(db: None) -> Actor:
    return Actor.user(User.objects.create_user("anna"))


def entered() -> list[AuditRecord]:
    return list(AuditRecord.objects.order_by("pk"))


@pytest.mark.parametrize("nobody", [None, "", "anna", AnonymousUser()])
def test_nobody_is_anonymous_to_it(nobody: Any) -> None:
    with pytest.raises(ValueError, match="nobody"):
        auditing.record(nobody, audit.PATIENT, audit.READ, site=None)
    assert entered() == []


def test_somebody_who_says_nothing_and_comes_from_nowhere_is_anonymous() -> None:
    with pytest.raises(ValueError, match="anonymous"):
        Claimant("", " ")
    assert Claimant("10.0.0.5").name == "Somebody at 10.0.0.5"
    assert Claimant("", claimed("anna", is_known=True)).name == "Somebody at an unknown address, as anna"


def test_what_no_account_is_called_may_be_a_password_and_is_not_kept() -> None:
    assert "hunter22" not in claimed("hunter22!", is_known=False)
    assert claimed("", is_known=False) == "without a name"


@pytest.mark.parametrize(("event", "action", "outcome"), [("tea", "R", 0), (audit.PATIENT, "X", 0), (audit.PATIENT, "R", 5)])
def test_it_takes_what_its_table_knows(anna: Actor, event: str, action: str, outcome: int) -> None:
    with pytest.raises(ValueError, match="knows no"):
        auditing.record(anna, event, action, site=None, outcome=outcome)


def test_a_long_list_names_so_many_and_counts_all(anna: Actor) -> None:
    about = [Subject(key, f"P{key}", "A1") for key in range(1, 301)]
    row = auditing.record(anna, audit.LIST, audit.READ, site=a_site(), place=HERE, about=about)
    assert (row.total, row.patients.count(), row.address, row.place) == (300, auditing.MOST_PATIENTS, "10.0.0.5", "patient")


def a_record(anna: Actor) -> tuple[AuditRecord, AuditedPatient]:
    row = auditing.record(anna, audit.PATIENT, audit.READ, site=a_site(), place=HERE, about=[Subject(7, "P7")])
    return row, row.patients.get()


def test_the_code_has_no_way_to_change_or_delete(anna: Actor) -> None:
    for row in a_record(anna):
        with pytest.raises(AppendOnlyError):
            row.save()
        with pytest.raises(AppendOnlyError):
            row.delete()


@pytest.mark.both_databases
@pytest.mark.parametrize("model", [AuditRecord, AuditedPatient])
def test_the_database_refuses_to_change_and_to_delete(anna: Actor, model: type[Model]) -> None:
    a_record(anna)
    before = list(model._default_manager.values())
    table = model._meta.db_table
    replace = [f"REPLACE INTO {table} SELECT * FROM {table}"] if connection.vendor == "sqlite" else []
    for statement in (f"UPDATE {table} SET id = id + 1000", f"DELETE FROM {table}", *replace):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert list(model._default_manager.values()) == before


@pytest.mark.parametrize("model", [AuditRecord, AuditedPatient])
def test_a_connection_of_another_program_cannot_replace_a_row(anna: Actor, model: type[Model]) -> None:
    """Its REPLACE fires no trigger of DELETE: it asked for no recursive triggers. Rows that are added keep being so."""
    a_record(anna)
    table = model._meta.db_table
    with connection.cursor() as ours, closing(sqlite3.connect(":memory:")) as foreign:
        for (made_by,) in ours.execute("SELECT sql FROM sqlite_master WHERE tbl_name = %s AND sql != '' ORDER BY type != 'table'", [table]):
            foreign.execute(made_by)
        row = ours.execute(f"SELECT * FROM {table} ORDER BY id LIMIT 1").fetchone()
        values, others = f"VALUES ({', '.join('?' * len(row))})", ", ".join(field.column for field in model._meta.fields[1:])
        foreign.execute(f"INSERT INTO {table} {values}", row)
        foreign.execute(f"INSERT INTO {table} ({others}) SELECT {others} FROM {table}")
        before = foreign.execute(f"SELECT * FROM {table}").fetchall()
        assert len(before) == 2
        for statement in (f"REPLACE INTO {table} {values}", f"INSERT OR REPLACE INTO {table} {values}", f"INSERT INTO {table} {values}"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                foreign.execute(statement, row)
        assert foreign.execute(f"SELECT * FROM {table}").fetchall() == before


@pytest.mark.both_databases
def test_every_table_that_is_append_only_has_its_guards() -> None:
    sql = "SELECT name FROM sqlite_master WHERE type = 'trigger'" if connection.vendor == "sqlite" else "SELECT tgname FROM pg_trigger"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found = {name for (name,) in cursor.fetchall()}
    assert {name for table in append_only.PROTECTED for name in append_only.names(connection.vendor, table)} <= found
    assert {AuditRecord._meta.db_table, AuditedPatient._meta.db_table} <= set(append_only.PROTECTED)


def test_what_a_person_changes_is_recorded_with_the_rows_of_the_histories_and_where(anna: Actor) -> None:
    step = steps_of(an_order())[0]
    before = AuditRecord.objects.count()
    with auditing.at(lambda: HERE):
        steps.change_status(step.pk, "cancel", anna, "Patient did not come")
    (row,) = entered()[before:]
    change = StepChange.objects.latest("pk")
    assert (row.event, row.action, row.outcome, row.actor, row.address) == (audit.PROCEDURE, audit.UPDATE, 0, "anna", "10.0.0.5")
    assert row.detail == {"changes": [["ris.stepchange", change.pk, "cancel"]], "reason": "Patient did not come"}
    (about,) = row.patients.all()
    order = step.requested_procedure.order
    assert (about.patient_key, about.patient_id, about.accession_number) == (
        order.patient_id,
        order.patient.patient_id,
        order.accession_number,
    )


def test_one_transaction_has_one_record_for_each_kind_of_record(anna: Actor) -> None:
    a_station("CT01")
    request = OrderRequest([a_procedure(steps=("CT chest", "CT head")).code], station_ae_title="CT01", start=in_minutes(10))
    orders.place_order(a_site(), a_patient_data(), request, anna)
    found = [(row.event, row.action) for row in entered()]
    assert len(found) == len(set(found))
    assert (audit.PATIENT, audit.CREATE) in found


def test_what_is_no_person_s_deed_stays_in_the_histories() -> None:
    step = steps_of(an_order())[0]
    steps.change_status(step.pk, "start", Actor.modality("CT01"))
    assert entered() == []


def test_the_installation_s_token_is_recorded_over_the_web() -> None:
    with auditing.at(lambda: HERE):
        patients.register_patient(a_site(), a_patient_data(), Actor.system("api"))
    assert [(row.actor_kind, row.actor, row.event) for row in entered()] == [("system", "api", audit.PATIENT)]


@pytest.mark.both_databases
def test_a_change_that_cannot_be_recorded_does_not_happen(anna: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    site, before = a_site(), RecordChange.objects.count()

    def no_room(row: Model) -> None:
        raise DatabaseError("disk is full")

    monkeypatch.setattr(auditing, "insert_one", no_room)
    with pytest.raises(DatabaseError):
        patients.register_patient(site, a_patient_data(), anna)
    assert RecordChange.objects.count() == before
