"""Each kind of query seeks by an index that leads to what can match: what it costs does not grow with what cannot."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ris.models import ScheduledProcedureStep
from tests.support.hospital import a_site, an_order, steps_of
from tests.support.worklist import asking
from worklist import find, projection
from worklist.models import WorklistEntry, WorklistEntryStation
from worklist.scope import EVERYTHING, Scope

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]

ENTRIES, STATIONS, A_DAY = 2400, 10, 120
FIRST_DAY = datetime(2026, 7, 6, tzinfo=UTC)
STEP: dict[str, dict[str, Any]] = {
    "a station's day": {"ScheduledStationAETitle": "CT03", "ScheduledProcedureStepStartDate": "20260709"},
    "a station's days": {"ScheduledStationAETitle": "CT03", "ScheduledProcedureStepStartDate": "20260709-20260711"},
    "a station from a day on": {"ScheduledStationAETitle": "CT03", "ScheduledProcedureStepStartDate": "20260720-"},
    "a station": {"ScheduledStationAETitle": "CT03"},
    "a modality's day": {"Modality": "MR", "ScheduledProcedureStepStartDate": "20260709"},
    "a day": {"ScheduledProcedureStepStartDate": "20260709"},
    "days": {"ScheduledProcedureStepStartDate": "20260709-20260711"},
    "days at an hour": {"ScheduledProcedureStepStartDate": "20260709-20260711", "ScheduledProcedureStepStartTime": "0800-1000"},
    "a step": {"ScheduledProcedureStepID": "S00042"},
}
ROOT: dict[str, dict[str, Any]] = {
    "a patient ID": {"PatientID": "P00042"},
    "an accession number": {"AccessionNumber": "A00042"},
    "the beginning of one": {"AccessionNumber": "A0004*"},
    "a requested procedure": {"RequestedProcedureID": "R00042"},
    "studies": {"StudyInstanceUID": "1.2.42\\1.2.43"},
    "a name": {"PatientName": "NAME00042^ANN"},
    "the beginning of a name": {"PatientName": "name0004*"},
}
SETTINGS: dict[str, tuple[dict[str, Any], Scope]] = {
    "a day of a station that sees two more lists": (STEP["a station's day"], Scope("CT03", ("CT04", "CT05"))),
    "days of such a station": (STEP["a station's days"], Scope("CT03", ("CT04", "CT05"))),
    "all of such a station": (STEP["a station"], Scope("CT03", ("CT04", "CT05"))),
    "whatever such a station sees": ({}, Scope("CT03", ("CT04", "CT05"), own_list_only=True)),
    "what is not too old": ({}, Scope("CT03", oldest=("20260720", "080000.000000"))),
    "a station's that is not too old": (STEP["a station"], Scope("CT03", oldest=("20260720", "080000.000000"))),
}
QUERIES = {
    **{name: (step, {}, EVERYTHING) for name, step in STEP.items()},
    **{name: ({}, root, EVERYTHING) for name, root in ROOT.items()},
    **{name: (step, {}, scope) for name, (step, scope) in SETTINGS.items()},
}


@pytest.fixture
def many_entries(db: None) -> None:
    """Twenty days of the read model, all of them copies of one exam with their own keys."""
    step = steps_of(an_order(name="NAME^ANN"))[0]
    model = projection.build(step)
    assert model is not None
    ScheduledProcedureStep.objects.bulk_create(
        ScheduledProcedureStep(
            site=step.site,
            requested_procedure=step.requested_procedure,
            scheduled_procedure_step_id=f"S{number:05d}",
            status_at=FIRST_DAY,
        )
        for number in range(ENTRIES)
    )
    WorklistEntry.objects.all().delete()
    entries, stations = [], []
    for number, pk in enumerate(ScheduledProcedureStep.objects.exclude(pk=step.pk).order_by("pk").values_list("pk", flat=True)):
        start = FIRST_DAY + timedelta(days=number // A_DAY, hours=7, minutes=number % A_DAY)
        ae_title, day = f"CT{number % STATIONS:02d}", f"{start:%Y%m%d}"
        columns = {field.attname: getattr(model.entry, field.attname) for field in WorklistEntry._meta.concrete_fields}
        columns |= {"step_id": pk, "start": start, "local_date": day, "local_time": f"{start:%H%M}00.000000", "station_ae_titles": ae_title}
        columns |= {"modality": ("CT", "MR", "US")[number % 3], "patient_id": f"P{number:05d}", "accession_number": f"A{number:05d}"}
        columns |= {"patient_name": f"NAME{number:05d}^ANN", "name_alphabetic": f"name{number:05d}^ann"}
        columns |= {"requested_procedure_id": f"R{number:05d}", "scheduled_procedure_step_id": f"S{number:05d}"}
        entries.append(WorklistEntry(**columns | {"study_instance_uid": f"1.2.{number}"}))
        stations.append(WorklistEntryStation(entry_id=pk, site=step.site, ae_title=ae_title, start=start, local_date=day))
    WorklistEntry.objects.bulk_create(entries)
    WorklistEntryStation.objects.bulk_create(stations)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # SQLite plans without statistics, as it does in production
            cursor.execute("ANALYZE worklist_worklistentry, worklist_worklistentrystation")


def plans_of(step: dict[str, Any], root: dict[str, Any], scope: Scope) -> list[str]:
    """How the database goes about each page of the query."""
    with CaptureQueriesContext(connection) as captured:
        assert sum(map(len, find.find(a_site(), asking(step, **root).under(scope)))) > 0
    pages = [one["sql"] for one in captured if "worklist_worklistentry" in one["sql"]]
    with connection.cursor() as cursor:
        return [_plan(cursor, sql) for sql in pages]


def _plan(cursor: Any, sql: str) -> str:
    cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + sql)
    return "\n".join(row[-1] for row in cursor.fetchall())


def seeks(plan: str) -> bool:
    """Whether every table is entered by an index, with more than the site to seek."""
    if connection.vendor == "sqlite":
        found = re.findall(r"SEARCH \S+ USING .*?\((.*)\)$", plan, re.MULTILINE)
        return "SCAN" not in plan and bool(found) and all(condition != "site_id=?" for condition in found)
    conditions = re.findall(r"Index Cond: (.*)$", plan, re.MULTILINE)
    return "Seq Scan" not in plan and bool(conditions) and all(" AND " in one or "step_id" in one for one in conditions)


def test_every_kind_of_query_seeks_by_an_index(many_entries: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "FIRST_PAGE", 7)  # pages behind the first seek too
    monkeypatch.setattr(find, "PAGE", 40)
    a_site()
    wrong = {name: [plan for plan in plans_of(*query) if not seeks(plan)] for name, query in QUERIES.items()}
    assert {name: plans for name, plans in wrong.items() if plans} == {}
