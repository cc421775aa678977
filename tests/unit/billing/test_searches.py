"""What is unbilled and who is quiet is searched by indexes, so that it costs the same after years: with the years' work in the tables."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from typing import Any, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import unbilled
from billing.causes import Facts
from billing.models import Charge
from billing.outages import outages
from billing.transitions import POSTED
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.models import ScheduledProcedureStep, Site
from ris.transitions import COMPLETED
from tests.support.hospital import a_site, an_order, in_minutes, steps_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

STEPS, PERFORMED, CHARGES = (model._meta.db_table for model in (ScheduledProcedureStep, PerformedProcedureStep, Charge))
SEARCHES: Final[dict[str, dict[str, str]]] = {
    "NOT_CAPTURED": {STEPS: "status_at"},
    "NOT_POSTED": {CHARGES: "status"},
    "WITHOUT_ORDER": {PERFORMED: "received_at"},
    "OVERDUE": {STEPS: "start", PERFORMED: "received_at"},
    "TOO_LONG": {STEPS: "status"},
    "outages": {STEPS: "start", PERFORMED: "received_at"},
}
"""Of each search the tables that grow with the years, and the column whose index bounds what is read of them. Of the statuses that are
asked for few rows are there at any time: what is under way, what is not posted."""
_YEARS, _ROWS = 3, 1500


@pytest.fixture
def years() -> Site:
    """Years of exams that ended, were performed and posted; three that are due today at a station with a history, three at a new one."""
    site, now = a_site(), clock.now(a_site())
    for minutes, station in product((130, 100, 70), ("CT01", "CT02")):
        late = ScheduledProcedureStep.objects.filter(pk=steps_of(an_order(station=station))[0].pk)
        late.update(start=in_minutes(-minutes), end=in_minutes(30 - minutes))
    procedure = steps_of(an_order())[0].requested_procedure
    moments = [now - timedelta(days=_YEARS * 365) * (n / _ROWS) for n in range(_ROWS)]
    common: dict[str, Any] = {"site": site, "requested_procedure": procedure}
    ScheduledProcedureStep.objects.bulk_create(
        ScheduledProcedureStep(**common, scheduled_procedure_step_id=f"OLD{n}", start=at, end=at, status=COMPLETED, status_at=at)
        for n, at in enumerate(moments)
    )
    Charge.objects.bulk_create(
        Charge(**common, revision=n + 1, control_id=f"O{n}", status=POSTED, created_at=at, service_at=at, next_attempt_at=at, reason="old")
        for n, at in enumerate(moments)
    )
    weekly = [now - timedelta(weeks=week, minutes=10 * count - 30) for week in range(1, 5) for count in range(6)]
    PerformedProcedureStep.objects.bulk_create(
        PerformedProcedureStep(site=site, sop_instance_uid=f"1.2.{n}", station_ae_title="CT01", received_at=at, updated_at=at)
        for n, at in enumerate([*moments, *weekly])
    )
    if connection.vendor == "postgresql":  # SQLite plans without statistics, as it does in production
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return site


def search(name: str, site: Site) -> Callable[[], object]:
    if name == "outages":
        return lambda: outages(site)
    return lambda: list(unbilled.KINDS[name].find(site, clock.now(site), Facts(site)))


def conditions(run: Callable[[], object], table: str) -> list[str]:
    """How the rows of the table are found, each time that the search reads them by itself: the condition of the index, "" without one."""
    with CaptureQueriesContext(connection) as asked:
        run()
    selects = [query["sql"][query["sql"].index("SELECT") :] for query in asked if "SELECT" in query["sql"]]
    return [found for sql in selects if f'FROM "{table}"' in sql for found in _entered(sql, table)]


def _entered(sql: str, table: str) -> Iterator[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("EXPLAIN QUERY PLAN " + sql.replace("%", "%%"))
            for (line,) in [row[3:] for row in cursor.fetchall()]:
                if re.match(rf"(SCAN|SEARCH) {table}\b", line):
                    yield line.partition("(")[2]
        else:
            cursor.execute("EXPLAIN (FORMAT JSON) " + sql.replace("%", "%%"))
            [(plan,)] = cursor.fetchall()
            yield from _scans(json.loads(plan)[0]["Plan"] if isinstance(plan, str) else plan[0]["Plan"], table)


def _scans(node: dict[str, Any], table: str) -> Iterator[str]:
    """Of each reading of the table in a plan of PostgreSQL; those of subqueries by another name are of single rows."""
    below = node.get("Plans", [])
    if node.get("Relation Name") == table and node.get("Alias") == table:
        yield " ".join(_index_conditions(node))
    for one in below:
        yield from _scans(one, table)


def _index_conditions(node: dict[str, Any]) -> Iterator[str]:
    yield node.get("Index Cond", "")
    for below in node.get("Plans", []):
        yield from _index_conditions(below)


def test_no_search_reads_a_whole_table_of_work(years: Site) -> None:
    sought = [(name, table, column) for name, tables in SEARCHES.items() for table, column in tables.items()]
    assert [(one, found) for one in sought if (found := _without(years, *one))] == []
    for table, column in {one[1:] for one in sought}:
        _drop_indexes(table, column)
    assert [one for one in sought if not _without(years, *one)] == [], "it is told when the index is not there"


def _without(site: Site, name: str, table: str, column: str) -> list[str]:
    """The ways in which the search reads the table that are not bounded by the column."""
    found = conditions(search(name, site), table)
    return [one for one in found if not re.search(rf"\b{column}\b", one)] if found else ["not at all"]


def _drop_indexes(table: str, column: str) -> None:
    with connection.cursor() as cursor:
        for name, one in connection.introspection.get_constraints(cursor, table).items():
            if one["index"] and column in one["columns"] and not one["unique"]:
                cursor.execute(f'DROP INDEX "{name}"')
