"""Unbilled work: each kind by a scenario that makes exactly its row, and the mend that takes it away."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from billing import unbilled
from billing.actions import capturing, deciding, delivering
from billing.models import Charge, DeliveryAttempt
from billing.outages import MIN_EXAMS, outages
from billing.unbilled import Row
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actor import Actor
from ris.models import Heartbeat, ProcedureStepTemplate, ScheduledProcedureStep
from ris.transitions import COMPLETED
from tests.support.hospital import a_procedure, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.performing import begin, code_items, end, perform

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
Result = DeliveryAttempt.Result
BILLER = Actor.system("test")


def found() -> list[Row]:
    return unbilled.rows(a_site())


def only(kind: str) -> Row:
    rows = found()
    assert [row.kind for row in rows] == [kind]
    return rows[0]


def a_late_step(minutes: int) -> ScheduledProcedureStep:
    """Planned for so long ago. It was booked then: nobody books into the past."""
    step = steps_of(an_order())[0]
    ScheduledProcedureStep.objects.filter(pk=step.pk).update(start=in_minutes(-minutes), end=in_minutes(30 - minutes))
    step.refresh_from_db()
    return step


def answered(charge: Charge, result: DeliveryAttempt.Result, text: str) -> Charge:
    claimed = delivering.claim(charge.pk)
    assert claimed is not None
    delivering.record(claimed, delivering.Attempt(result, text, 1))
    charge.refresh_from_db()
    return charge


def test_exam_that_ended_without_a_charge_is_a_row_until_it_is_captured() -> None:
    step = a_late_step(30)
    ScheduledProcedureStep.objects.filter(pk=step.pk).update(status=COMPLETED)  # as an import stores it
    row = only("NOT_CAPTURED")
    assert (row.amount, row.url_name, row.pk) == (step.requested_procedure.price, "step", step.pk)
    assert "imported" in row.causes[0]
    capturing.capture_after_change_by_hand(step.requested_procedure_id)
    assert [row.kind for row in found()] == ["NOT_POSTED"]


def test_work_that_a_rule_decided_to_be_free_is_not_at_risk() -> None:
    perform([a_late_step(30)], "DISCONTINUED", images=0, reason=("110514", "DCM", "Incorrect worklist entry selected"))
    assert "NOT_CAPTURED" not in [row.kind for row in found()]


def test_refused_charge_is_a_row_with_the_receivers_words_until_it_is_posted() -> None:
    perform([a_late_step(10)])
    charge = answered(Charge.objects.get(), Result.REFUSED, "AE account closed")
    row = only("NOT_POSTED")
    assert (row.amount, row.action) == (charge.amount, "Send again")
    assert "account closed" in row.causes[0]
    deciding.retry_failed(charge, BILLER)
    answered(charge, Result.ACCEPTED, "AA")
    assert found() == []


def test_charge_on_hold_is_a_row_that_says_what_to_check() -> None:
    perform([a_late_step(10)], "DISCONTINUED", images=3, reason=("99", "LOCAL", "Bad day"))
    row = only("NOT_POSTED")
    assert row.causes[0].startswith("On hold: No rule decides")
    deciding.release_hold(Charge.objects.get(), BILLER)
    assert found() == []


def test_charge_that_waits_for_a_dead_worker_says_so() -> None:
    perform([a_late_step(10)])
    assert found() == []
    Charge.objects.update(created_at=in_minutes(-2))
    assert "Redis, is down" in only("NOT_POSTED").causes[0]
    Heartbeat.objects.create(process="worker", at=clock.wall())
    assert only("NOT_POSTED").causes == ("It is to be sent; no try has failed.",)


def test_work_without_an_order_is_a_row_with_the_catalogues_price_of_what_was_reported() -> None:
    a_station()
    procedure = a_procedure()
    codes = code_items((procedure.code, procedure.scheme, procedure.meaning))
    performed = end(begin([], ProcedureCodeSequence=codes))
    row = only("WITHOUT_ORDER")
    assert (row.amount, row.action, row.pk) == (procedure.price, "Look at what was done", performed.pk)


def test_work_without_an_order_is_worth_all_that_was_reported_and_names_the_accession_number_sent() -> None:
    a_station()
    first, second = a_procedure(), a_procedure("CTHEAD", steps=("CT head",))
    codes = code_items(*((one.code, one.scheme, one.meaning) for one in (first, second)), ("X9", "99X", "Not known"))
    performed = end(begin([], ProcedureCodeSequence=codes))
    [item] = performed.attributes["00400270"]["Value"]  # Scheduled Step Attributes Sequence
    item["00080050"] = {"vr": "SH", "Value": ["TYPED-7"]}
    performed.save(update_fields=["attributes"])
    row = only("WITHOUT_ORDER")
    assert (row.amount, row.accession_number) == (first.price + second.price, "TYPED-7")


def test_work_without_an_order_is_worth_what_its_protocols_are_in_the_catalogue() -> None:
    a_station()
    procedure = a_procedure()
    ProcedureStepTemplate.objects.filter(procedure=procedure).update(protocol_code="P7", protocol_scheme="99PROT")
    end(begin([]), PerformedProtocolCodeSequence=code_items(("P7", "99PROT", "Protocol 7")))
    assert only("WITHOUT_ORDER").amount == procedure.price


def test_exam_in_progress_too_long_at_a_station_that_spoke_since_says_so() -> None:
    step = a_late_step(120)
    begin([step])
    ScheduledProcedureStep.objects.update(status_at=in_minutes(-95))
    assert only("TOO_LONG").causes == ("CT01 has sent MPPS since, not the end of this exam.",)


def test_work_without_an_order_that_made_nothing_is_no_row() -> None:
    a_station()
    end(begin([]), "DISCONTINUED", images=0)
    assert found() == []


def test_overdue_exam_is_a_row_until_it_is_begun() -> None:
    step = a_late_step(61)
    row = only("OVERDUE")
    assert (row.amount, row.station) == (step.requested_procedure.price, "CT01")
    assert row.causes == ("No MPPS from CT01 in the last 31 days.", "The patient has not been marked as arrived.")
    begin([step])
    assert found() == []


def test_exam_that_is_late_by_less_than_an_hour_is_no_row() -> None:
    a_late_step(58)
    assert found() == []


def test_overdue_exam_at_a_station_that_reported_others_is_likelier_a_missing_patient() -> None:
    a_late_step(90)
    begin([steps_of(an_order())[0]])
    assert only("OVERDUE").causes == ("The patient has not been marked as arrived.", "CT01 has sent MPPS since, not for this exam.")


def test_exam_in_progress_too_long_is_a_row_until_it_ends() -> None:
    step = a_late_step(120)
    performed = begin([step])
    ScheduledProcedureStep.objects.update(status_at=in_minutes(-95))
    PerformedProcedureStep.objects.update(received_at=in_minutes(-95))
    assert only("TOO_LONG").causes[0].startswith("No MPPS from CT01 since")
    end(performed)
    assert found() == []


def a_history(weeks: int = 4, each: int = 6, station: str = "CT01") -> None:
    """So many exams, ten minutes apart, around this time of day in the weeks before."""
    now = clock.now(a_site())
    moments = [now - timedelta(weeks=week, minutes=10 * count - 30) for week in range(1, weeks + 1) for count in range(each)]
    PerformedProcedureStep.objects.bulk_create(
        PerformedProcedureStep(site=a_site(), sop_instance_uid=f"1.2.{n}", station_ae_title=station, received_at=at, updated_at=at)
        for n, at in enumerate(moments)
    )


@pytest.fixture
def due() -> list[ScheduledProcedureStep]:
    return [a_late_step(minutes) for minutes in (130, 100, 50)]


def test_station_whose_exams_are_due_and_none_begun_is_quiet_until_one_begins(due: list[ScheduledProcedureStep]) -> None:
    a_history()
    [outage] = outages(a_site())
    assert (outage.station, outage.due, outage.since, outage.interval) == ("CT01", 3, None, 30)
    begin(due[:1])
    assert outages(a_site()) == []


def test_new_station_is_quiet_by_the_rhythm_of_today(due: list[ScheduledProcedureStep]) -> None:
    now = clock.now(a_site())
    for minutes in (150, 140, 130, 120):
        at = now - timedelta(minutes=minutes)
        PerformedProcedureStep.objects.create(
            site=a_site(), sop_instance_uid=f"1.2.9.{minutes}", station_ae_title="CT01", received_at=at, updated_at=at
        )
    assert outages(a_site()) == [], "three intervals of 45 minutes are not over"
    PerformedProcedureStep.objects.create(
        site=a_site(), sop_instance_uid="1.2.9.1", station_ae_title="CT01", received_at=now - timedelta(minutes=115), updated_at=now
    )
    [outage] = outages(a_site())
    assert (outage.station, outage.interval) == ("CT01", 36)


def test_new_station_is_not_called_quiet(due: list[ScheduledProcedureStep]) -> None:
    a_history(weeks=1, each=MIN_EXAMS - 1)
    assert outages(a_site()) == []


def test_station_without_exams_is_not_called_quiet() -> None:
    a_station()
    a_history()
    assert outages(a_site()) == []


def test_quiet_station_is_named_on_every_page_and_by_rest(due: list[ScheduledProcedureStep], admin_client: Client) -> None:
    a_history()
    page = admin_client.get("/unbilled/").content.decode()
    assert "CT01 has gone quiet" in page
    assert "usually one starts every 30 minutes" in page
    assert "No MPPS from CT01" in page


def test_rest_gives_the_rows_and_the_sums_of_all_kinds(due: list[ScheduledProcedureStep], settings: Settings, client: Client) -> None:
    a_history()
    settings.API_TOKEN = "a-token"
    answer = client.get("/api/v1/unbilled?kind=overdue&limit=1", headers={"Authorization": "Bearer a-token"}).json()
    assert (answer["count"], len(answer["items"])) == (2, 1)
    assert answer["items"][0]["causes"][0].startswith("No MPPS from CT01 since")
    assert {kind["kind"]: kind["count"] for kind in answer["kinds"]}["OVERDUE"] == 2
    assert answer["outages"][0] | {"due": 0} == {"station_ae_title": "CT01", "due": 0, "last_mpps_at": None, "interval_minutes": 30}


def test_empty_page_says_what_was_checked(admin_client: Client) -> None:
    a_site()
    page = admin_client.get("/unbilled/").content.decode()
    assert "Nothing is unbilled" in page
    assert "Every charge was acknowledged within a minute" in page
    assert "has gone quiet" not in page


def test_what_is_dropped_hides_nothing_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """More broken off with nothing made than are held at once, then one that made images."""
    monkeypatch.setattr(unbilled, "_CHUNK", 2)
    a_station()
    for _ in range(5):
        end(begin([]), "DISCONTINUED", images=0)
    made = end(begin([]))
    assert only("WITHOUT_ORDER").pk == made.pk


def test_page_counts_all_and_shows_a_part_that_leads_to_the_rest(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.unbilled_page.MAX_SHOWN", 2)
    prices = sum(a_late_step(minutes).requested_procedure.price for minutes in (64, 63, 62))
    page = admin_client.get("/unbilled/?kind=OVERDUE").content.decode()
    assert "1 to 2 of 3 unbilled" in page
    assert f"{prices:,.2f}" in page
    assert 'id="after" href="/unbilled/?kind=OVERDUE&amp;begin=2"' in page
    rest = admin_client.get("/unbilled/?kind=OVERDUE&begin=2").content.decode()
    assert "3 to 3 of 3 unbilled" in rest
    assert 'id="before" href="/unbilled/?kind=OVERDUE"' in rest
    assert "3 to 3 of 3 unbilled" in admin_client.get("/unbilled/?kind=OVERDUE&begin=99999999").content.decode()


def test_page_is_narrowed_by_days(admin_client: Client) -> None:
    late = a_late_step(3 * 24 * 60)
    assert late.start is not None
    day = clock.local(late.start).date()
    assert "1 unbilled" in admin_client.get(f"/unbilled/?from={day}&to={day}").content.decode()
    assert "Nothing is unbilled of what is asked for" in admin_client.get(f"/unbilled/?from={day + timedelta(days=1)}").content.decode()
    assert "Nothing is unbilled of what is asked for" in admin_client.get(f"/unbilled/?to={day - timedelta(days=1)}").content.decode()
    assert "1 unbilled" in admin_client.get("/unbilled/?begin=-1").content.decode()
