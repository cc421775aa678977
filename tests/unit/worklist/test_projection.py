from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from ris.actions import patients, stations, steps
from ris.actions.stations import StationData
from ris.models import ScheduledProcedureStep
from tests.support.hospital import ACTOR, a_patient_data, a_pool, a_procedure, a_site, a_station, an_order, steps_of
from worklist import projection, queries
from worklist.models import WorklistEntry, WorklistEntryStation

pytestmark = pytest.mark.django_db


def booked(**patient: object) -> ScheduledProcedureStep:
    start = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    return steps_of(an_order(start=start, **patient))[0]


def entry_of(step: ScheduledProcedureStep) -> WorklistEntry:
    return WorklistEntry.objects.get(pk=step.pk)


def test_an_ordered_step_is_on_the_worklist_in_the_same_transaction() -> None:
    step = booked(name="MÜLLER^Jürgen=山田^太郎", patient_id="P1")
    entry = entry_of(step)
    assert (entry.local_date, entry.local_time, entry.status) == ("20261123", "093000.000000", "SCHEDULED")
    assert (entry.patient_id, entry.modality, entry.station_ae_titles) == ("P1", "CT", "CT01")
    assert (entry.name_alphabetic, entry.name_ideographic) == ("muller^jurgen", "山田^太郎")
    assert list(entry.stations.values_list("ae_title", "local_date")) == [("CT01", "20261123")]


def test_the_item_holds_what_the_records_say() -> None:
    step = booked(name="MÜLLER^Jürgen", birth_date="1961-02-03", allergies=["Latex", "Iodine"], pregnancy_status=4)
    item = queries.item_for(step)
    inside = item.ScheduledProcedureStepSequence[0]
    assert str(item.PatientName) == "MÜLLER^Jürgen"
    assert (item.PatientBirthDate, list(item.Allergies), item.PregnancyStatus) == ("19610203", ["Latex", "Iodine"], 4)
    assert item.StudyInstanceUID == step.requested_procedure.study_instance_uid
    assert item.RequestedProcedureCodeSequence[0].CodeValue == "CTCHEST"
    assert (inside.ScheduledProcedureStepStartDate, inside.ScheduledProcedureStepStartTime) == ("20261123", "093000")
    assert (inside.ScheduledProcedureStepEndTime, inside.ScheduledStationName) == ("100000", "CT01")
    assert inside.ScheduledProtocolCodeSequence[0].CodeMeaning == "CT chest"


def test_a_pool_serves_the_step_to_each_of_its_stations() -> None:
    a_pool("ANYCT", a_station("CT01"), a_station("CT02"))
    step = steps_of(an_order(station="CT01"))[0]
    steps.schedule(step.pk, "ANYCT", datetime(2026, 11, 24, 15, 0, tzinfo=UTC), ACTOR)
    assert set(WorklistEntryStation.objects.filter(entry=step.pk).values_list("ae_title", flat=True)) == {"CT01", "CT02"}


def test_changes_of_status_booking_and_patient_show_at_once() -> None:
    step = booked()
    steps.arrive(step.pk, ACTOR)
    assert entry_of(step).status == "ARRIVED"
    steps.schedule(step.pk, "CT01", datetime(2026, 11, 25, 4, 15, tzinfo=UTC), ACTOR)
    assert (entry_of(step).local_date, entry_of(step).local_time) == ("20261124", "231500.000000")
    patients.update_patient(step.requested_procedure.order.patient, a_patient_data(name="NEW^Name", patient_id="P9"), ACTOR)
    assert (entry_of(step).patient_id, entry_of(step).name_alphabetic) == ("P9", "new^name")


def test_a_step_in_the_tray_is_on_no_worklist() -> None:
    step = booked()
    ScheduledProcedureStep.objects.filter(pk=step.pk).update(start=None, end=None)
    projection.rebuild([step.pk])
    assert not WorklistEntry.objects.exists()


def test_an_impossible_received_date_is_served_as_it_is_and_stands_at_the_nearest_day() -> None:
    step = booked()
    step.start = step.end = None
    step.received_item = {"00400100": {"vr": "SQ", "Value": [{"00400002": {"vr": "DA", "Value": ["20260230"]}}]}}
    step.save()
    projection.rebuild([step.pk])
    assert entry_of(step).local_date == "20260230"
    assert entry_of(step).start.date().isoformat() == "2026-02-28"


def test_differences_are_found_and_rebuilding_mends_them() -> None:
    kept, stale, missing = booked(), steps_of(an_order(a_procedure("CTHEAD"), station="CT02"))[0], steps_of(an_order(station="CT03"))[0]
    WorklistEntry.objects.filter(pk=stale.pk).update(patient_id="other", start=kept.start + timedelta(days=9))
    WorklistEntry.objects.filter(pk=missing.pk).delete()
    assert dict(projection.differences()) == {stale.pk: "differs in start, patient_id", missing.pk: "has no entry"}
    assert projection.rebuild_all() == 3
    assert dict(projection.differences()) == {}
    assert a_site().pk == kept.site_id


def test_a_renamed_station_and_another_time_zone_show_at_once(settings) -> None:
    step = booked()
    stations.save_station(a_site(), StationData("CT01", ("CT",), name="CT EAST"), ACTOR)
    assert queries.item_for(step).ScheduledProcedureStepSequence[0].ScheduledStationName == "CT EAST"
    settings.TIME_ZONE = "Europe/Berlin"
    a_site()
    assert (entry_of(step).local_date, entry_of(step).local_time) == ("20261123", "153000.000000")


def test_the_command_compares_and_rebuilds(capsys: pytest.CaptureFixture[str]) -> None:
    step = booked()
    WorklistEntry.objects.update(modality="XX")
    with pytest.raises(SystemExit) as ended:
        call_command("rebuild_worklist", "--check")
    assert ended.value.code == 1
    assert f"step {step.pk}: its entry differs in modality" in capsys.readouterr().out
    call_command("rebuild_worklist")
    call_command("rebuild_worklist", "--check")
    assert "1 worklist entries, 0 differ from their source" in capsys.readouterr().out
