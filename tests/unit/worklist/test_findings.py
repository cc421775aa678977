"""Facts about queries and answers: gathered in memory, one row each, none lost while the database is away."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError

import worklist.tasks  # noqa: F401  (registers its task)
from ris.models import ScheduledProcedureStep
from stepwise.celery import app
from tests.support.hospital import a_site, an_order, steps_of
from worklist import findings
from worklist.findings import Code, Gathering, Observed
from worklist.models import WorklistFinding

NOON = datetime(2026, 7, 6, 12, 0, tzinfo=UTC)


def a_fact(**changes: object) -> Observed:
    values: dict[str, object] = {
        "site_id": a_site().pk,
        "station_ae_title": "CT01",
        "code": Code.NOT_IN_CHARACTER_SET,
        "attribute": "PatientName",
        "text": "it has a letter",
        "seen": NOON,
    }
    return Observed(**(values | changes))  # type: ignore[arg-type]


def rows() -> list[tuple[str, int | None, str, int]]:
    found = WorklistFinding.objects.order_by("pk").values_list("station_ae_title", "step_id", "attribute", "count")
    return list(found)


@pytest.mark.both_databases
@pytest.mark.django_db
def test_the_same_fact_is_one_row_with_its_last_text() -> None:
    step = steps_of(an_order())[0]
    findings.record([a_fact(), a_fact(step_id=step.pk), a_fact(attribute="PatientAddress", count=3)])
    later = NOON + timedelta(hours=1)
    findings.record([a_fact(seen=later, text="it has another letter", count=2), a_fact(step_id=step.pk)])
    assert sorted(rows(), key=str) == sorted(
        [("CT01", None, "PatientName", 3), ("CT01", step.pk, "PatientName", 2), ("CT01", None, "PatientAddress", 3)], key=str
    )
    about_station = WorklistFinding.objects.get(step=None, attribute="PatientName")
    assert (about_station.first_seen, about_station.last_seen, about_station.text) == (NOON, later, "it has another letter")


@pytest.mark.both_databases
@pytest.mark.django_db
def test_a_fact_about_a_step_that_is_gone_is_left_out() -> None:
    findings.record([a_fact(step_id=4711), a_fact()])
    assert rows() == [("CT01", None, "PatientName", 1)]


@pytest.mark.django_db
def test_findings_go_with_their_step() -> None:
    step = steps_of(an_order())[0]
    findings.record([a_fact(step_id=step.pk)])
    ScheduledProcedureStep.objects.filter(pk=step.pk).delete()
    assert rows() == []


@pytest.mark.django_db
def test_what_gathers_is_counted_and_written_once() -> None:
    gathering = Gathering()
    for _ in range(1000):
        gathering.put(a_fact())
    gathering.write()
    gathering.write()
    assert rows() == [("CT01", None, "PatientName", 1000)]


@pytest.mark.django_db
def test_a_gathering_that_is_full_counts_what_it_drops(caplog: pytest.LogCaptureFixture) -> None:
    gathering = Gathering(capacity=1)
    gathering.put(a_fact())
    gathering.put(a_fact(attribute="PatientAddress"))
    gathering.put(a_fact())
    gathering.write()
    assert (rows(), gathering.dropped) == ([("CT01", None, "PatientName", 2)], 1)
    assert "1 findings of the worklist were lost" in caplog.text


@pytest.mark.django_db
def test_while_the_database_is_away_facts_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(observed: object) -> None:
        raise OperationalError("the database is away")

    gathering = Gathering()
    gathering.put(a_fact())
    with monkeypatch.context() as broken:
        broken.setattr(findings, "record", away)
        gathering.write()
    gathering.put(a_fact())
    gathering.write()
    assert (rows(), gathering.dropped) == ([("CT01", None, "PatientName", 2)], 0)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_fact_that_cannot_be_written_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    gathering = Gathering()
    gathering.put(a_fact())
    gathering.put(a_fact(site_id=4711))
    gathering.write()
    assert (rows(), gathering.dropped) == ([("CT01", None, "PatientName", 1)], 1)
    assert "cannot be written: IntegrityError" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_thread_writes_what_waits_when_it_is_stopped() -> None:
    gathering = Gathering(interval=60)
    gathering.start()
    gathering.put(a_fact())
    gathering.stop()
    assert rows() == [("CT01", None, "PatientName", 1)]


@pytest.mark.django_db
def test_findings_not_met_again_are_forgotten(settings) -> None:
    now = datetime.now(UTC)
    findings.record([a_fact(seen=now - timedelta(days=15)), a_fact(seen=now - timedelta(days=1), attribute="PatientAddress")])
    settings.JOURNAL_DAYS = 14
    app.tasks[settings.CELERY_BEAT_SCHEDULE["forget old findings"]["task"]]()
    assert rows() == [("CT01", None, "PatientAddress", 1)]
