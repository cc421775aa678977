"""The conformance report about real clients: DCMTK, dcmjs-dimse and a virtual modality with the habits of real ones, over the network."""

import json
from dataclasses import replace
from html import unescape
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dimse.models import Association
from dimse.server import DicomServer
from dimse.services import Verb
from ris import clock
from ris.actions.stations import data_of, save_station
from ris.models import Site
from stepwise.modality_report import report
from stepwise.modality_report.report import Report
from tests.support.addresses import somebody
from tests.support.dcmtk import ran
from tests.support.foreign import ForeignModality, foreign
from tests.support.hospital import ACTOR, a_station, an_order, in_minutes
from tests.support.mpps import a_create, a_series, an_end, an_item
from tests.support.wait import wait_until
from training.modality import Modality
from training.profiles import Profile
from training.query import Question
from training.quirks import habits
from training.store import TransientStore
from training.target import Target

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])
RETURNED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyInstanceUID", "RequestedProcedureID")


def today(site: Site) -> str:
    return f"{clock.today(site):%Y%m%d}"


def heard(site: Site, ae_title: str, associations: int) -> Report:
    """The report of today, once the journal has the associations with their ends."""
    own = Association.objects.filter(calling=ae_title)
    wait_until(lambda: own.exclude(ended=None).count() == associations or None, 10, f"{associations} associations of {ae_title}")
    return report.of(site, ae_title, *clock.day_bounds(clock.today(site), site))


def told(found: Report) -> dict[str, str]:
    """What was wrong first, by check."""
    return {one.check.code: one.examples[0].verdict.text for one in found.results if one.failed}


def passed(found: Report) -> set[str]:
    return {one.check.code for one in found.results if one.passed and not one.failed}


def keys(site: Site, station: str = "CT01") -> list[str]:
    step = {
        "ScheduledStationAETitle": station,
        "ScheduledProcedureStepStartDate": today(site),
        "ScheduledProcedureStepID": "",
        "Modality": "",
    }
    asked = [*RETURNED, *(f"(0040,0100)[0].{name}={value}" for name, value in step.items())]
    return [part for key in asked for part in ("-k", key)]


def test_dcmtk_that_asks_well_passes_and_one_that_does_not_is_told_what_to_mend(site: Site, ours: DicomServer) -> None:
    a_station("CT02")
    an_order(station="CT01")
    where = ("-aec", "STEPWISE", "127.0.0.1", str(ours.port))
    assert ran("echoscu", "-aet", "CT01", *where)
    assert ran("findscu", "-W", "-aet", "CT01", *where, *keys(site))
    found = heard(site, "CT01", 2)
    assert told(found) == {}
    assert passed(found) == {
        "ACCEPTED", "RELEASED", "QUERY_ACCEPTED", "QUERY_WELL_FORMED", "ONE_STEP_ITEM", "NARROWED", "RETURN_KEYS", "NOT_IN_A_RUSH",
    }  # fmt: skip

    ran("echoscu", "-aet", "CT02", "-aec", "RIS", *where[2:])
    ran("echoscu", "--abort", "-aet", "CT02", *where)
    for _ in range(2):
        ran(
            "findscu",
            "-W",
            "-aet",
            "CT02",
            *where,
            "-k",
            "PatientName",
            "-k",
            "(0040,0100)[0].Modality=ct",
            "-k",
            "(0040,0100)[1].Modality=MR",
        )
    ran("findscu", "-W", "-aet", "CT02", *where, "-k", "(0040,0100)[0].ScheduledProcedureStepStartDate=today")
    ran("findscu", "-W", "-aet", "CT02", *where, "-k", "PatientName")
    wrong = told(heard(site, "CT02", 6))
    assert wrong.keys() == {
        "ACCEPTED", "RELEASED", "QUERY_ACCEPTED", "QUERY_WELL_FORMED", "ONE_STEP_ITEM", "NARROWED", "RETURN_KEYS", "NOT_IN_A_RUSH",
    }  # fmt: skip
    assert "'RIS' is not served here" in wrong["ACCEPTED"]
    assert "'today' is no date (YYYYMMDD)" in wrong["QUERY_ACCEPTED"]
    assert "StudyInstanceUID" in wrong["RETURN_KEYS"] and "PatientName" not in wrong["RETURN_KEYS"]


def query(site: Site, **more: Any) -> dict[str, Any]:
    step = {
        "ScheduledStationAETitle": "CT01",
        "ScheduledProcedureStepStartDate": today(site),
        "ScheduledProcedureStepID": "",
        "Modality": "",
    }
    return dict.fromkeys(RETURNED, "") | {"ScheduledProcedureStepSequence": [step]} | more


def carried(item: dict[str, Any], **changes: object) -> Any:
    """An N-CREATE with what the worklist item said, as the library read it."""
    (step,) = item["ScheduledProcedureStepSequence"]
    of_item = {name: item[name] for name in ("StudyInstanceUID", "AccessionNumber", "RequestedProcedureID")}
    relation = an_item(**of_item, ScheduledProcedureStepID=step["ScheduledProcedureStepID"])
    of_patient = {name: item[name] for name in ("PatientID", "PatientBirthDate", "PatientSex")}
    of_patient["PatientName"] = item["PatientName"][0]["Alphabetic"]
    return a_create(ScheduledStepAttributesSequence=[relation], **(of_patient | changes))


def test_a_foreign_client_asks_creates_and_sets_and_is_told_what_it_did_right_and_wrong(site: Site, ours: DicomServer) -> None:
    # The library takes FF01H for the end of the answers, and asks for a key of its own that no worklist has.
    save_station(site, replace(data_of(a_station("CT01")), strict=False, only_ff00=True), ACTOR)
    an_order(station="CT01", patient_id="SECRET-1", name="SMITH^Jane")
    an_order(station="CT01", start=in_minutes(60), patient_id="SECRET-2", name="MÜLLER^Jörg")
    with foreign() as process:
        modality = ForeignModality(process, ours.port, "CT01", "STEPWISE")
        good, bad = modality.find(**query(site))
        uid = modality.begin(carried(good))
        ends = {"PerformedProtocolCodeSequence": [], "PerformedProcedureTypeDescription": "CT chest"}
        assert modality.set(uid, an_end(PerformedSeriesSequence=[a_series()], **ends)).status == 0
        assert told(heard(site, "CT01", 3)) == {
            "QUERY_WELL_FORMED": "PregnancyStatus '0' is no value that it can have; it is taken for an empty key"
        }
        assert {"CARRIES_STUDY", "CARRIES_ACCESSION", "CARRIES_PROCEDURE", "CARRIES_STEP", "CARRIES_PATIENT"} <= passed(
            heard(site, "CT01", 3)
        )

        uid = modality.begin(carried(bad, PatientID="typed", PerformedProcedureStepStartDate="20200101"))
        modality.create(carried(bad), uid)
        modality.set(uid, an_end(PatientID="typed again", PerformedSeriesSequence=[]))
        modality.set(uid, an_end())
        modality.set("1.2.3.4", an_end())
    found = heard(site, "CT01", 8)
    assert told(found).keys() >= {"CARRIES_PATIENT", "CREATED_ONCE", "UNCHANGED", "SERIES", "NOT_AFTER_FINAL", "SET_AFTER_CREATE", "TIMES"}
    assert {"CARRIES_STUDY", "CARRIES_STEP", "ENDED", "RELEASED", "SAME_CALLER", "UID_GIVEN"} <= passed(found)

    client = Client()
    client.force_login(somebody("engineer", "integrator"))
    shown = unescape(client.get(reverse("station-report", args=["CT01"])).content.decode())
    assert "typed" in shown and "Take a performed step that was ended for closed" in shown
    for kind in ("html", "csv", "json"):
        sent = client.post(reverse("station-report-file", args=["CT01"]), {"kind": kind, "mask": "on"}).content.decode()
        assert not [value for value in ("typed", "SECRET", "SMITH", "Jörg") if value in sent]
    checks = json.loads(sent)["checks"]
    assert [one["failed"] for one in checks if one["check"] == "CREATED_ONCE"] == [1]


def test_a_virtual_modality_with_habits_is_told_each_of_them(site: Site, ours: DicomServer) -> None:
    a_station("CT01", strict=False)
    an_order(station="CT01")
    profile = Profile("odd", "Odd", tells=("own_study_uid",), habits=(habits.CREATES_TWICE, habits.ENDS_TWICE, habits.ABORTS))
    machine = Modality("CT01", Target("127.0.0.1", ours.port, "STEPWISE"), TransientStore(), profile=profile, chance=Random(1))
    (item,) = machine.worklist(Question("CT01"))
    exam, _ = machine.start_items([item])
    machine.complete(exam.name)
    own = Association.objects.filter(calling="CT01", ended=None)
    wait_until(lambda: (Association.objects.filter(calling="CT01").exists() and not own.exists()) or None, 10, "all ended")
    found = report.of(site, "CT01", *clock.day_bounds(clock.today(site), site))
    assert found.failing == {"RELEASED", "CARRIES_STUDY", "CREATED_ONCE", "NOT_AFTER_FINAL"}, told(found)
    assert Verb.N_CREATE.value in "".join(one.check.advice for one in found.results if one.check.code == "CREATED_ONCE")
