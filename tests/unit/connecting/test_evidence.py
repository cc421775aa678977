"""What the journal, the performed steps and the charges prove of a station, line by line."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from pydicom.dataset import Dataset

from billing.models import Charge
from dimse import journal
from dimse.encode import encode
from dimse.entries import AssociationStarted, MessageEntry, now
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, AssociationInfo, Verb
from mpps.actions import n_set
from mpps.models import PerformedProcedureStep, StepLink
from ris.actions import connecting
from ris.actions.renaming import Renaming, rename_station
from ris.actions.stations import StationData, data_of, save_station
from ris.models import ConnectionCheck, Station
from stepwise.connecting import evidence, heard, lines
from stepwise.connecting.line import PASS, WAITING, WARNING, Line, kept
from tests.support.hospital import ACTOR, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.journal import a_query, an_association
from tests.support.mpps import a_create, a_series, an_end, received
from tests.support.performing import begin, end
from tests.support.worklist import identifier

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
OWN_LIST = {"ScheduledStationAETitle": "CT01", "ScheduledProcedureStepID": "", "ScheduledProcedureStepStartDate": ""}
OF_MR = OWN_LIST | {"Modality": "MR"}


@pytest.fixture
def check() -> ConnectionCheck:
    a_station("CT01")
    return connecting.begin(a_site(), "CT01", ACTOR)


def line(check: ConnectionCheck, key: str) -> Line:
    fresh = ConnectionCheck.objects.select_related("site", "order").get(pk=check.pk)
    found = lines.lines(evidence.gather(fresh, Station.objects.prefetch_related("modalities").get(ae_title=fresh.ae_title)))
    return next(one for one in found if one.key == key)


def said(verb: str, performed: PerformedProcedureStep, dataset: Dataset, at: datetime | None = None, calling: str = "CT01") -> None:
    """A message about the performed step, which was taken, as the journal has it."""
    common = {
        "association_id": an_association(calling, at=at),
        "verb": verb,
        "message_id": 3,
        "sop_class_uid": MODALITY_PERFORMED_PROCEDURE_STEP,
        "sop_instance_uid": performed.sop_instance_uid,
        "transfer_syntax": EXPLICIT_VR_LITTLE_ENDIAN,
    }
    began = at or now()
    request = MessageEntry(**common, time=began, incoming=True, data=encode(dataset, EXPLICIT_VR_LITTLE_ENDIAN))
    journal.write([request, MessageEntry(**common, time=began, incoming=False, status=0)])


def begun(minutes: int = 10, **more: object) -> PerformedProcedureStep:
    """An exam of the worklist that the station has begun."""
    order = an_order(start=in_minutes(minutes))
    performed = begin(steps_of(order), **more)
    said("N-CREATE", performed, a_create(steps_of(order)[0]))
    return performed


def ended(performed: PerformedProcedureStep) -> None:
    said("N-SET", performed, an_end(PerformedSeriesSequence=[a_series()]))
    end(performed)


class TestWhatWasProvedStaysSo:
    def test_a_query_behind_many_that_got_nothing(self, check: ConnectionCheck) -> None:
        an_order()
        a_query(identifier(OWN_LIST), answers=1)
        for _ in range(6):
            a_query(identifier(OF_MR), answers=0)
        found = line(check, "query")
        assert found.look == PASS
        assert "got 0 of 1" in found.later

    def test_an_n_create_and_an_n_set_behind_hundreds_of_queries(self, check: ConnectionCheck) -> None:
        ended(begun())
        of_today = now()
        journal.write(
            MessageEntry(
                association_id=an_association(at=of_today),
                verb="C-FIND",
                message_id=number,
                sop_class_uid=MODALITY_WORKLIST,
                transfer_syntax=EXPLICIT_VR_LITTLE_ENDIAN,
                time=of_today + timedelta(milliseconds=number),
                incoming=False,
                status=0,
                answer_count=0,
            )
            for number in range(201)
        )
        assert [line(check, key).look for key in ("reaches_us", "create", "set", "charge")] == [PASS] * 4

    def test_an_association_behind_hundreds_that_were_rejected(self, check: ConnectionCheck) -> None:
        good = an_association()
        for _ in range(evidence.MOST + 1):
            an_association(rejection="called AE title not recognized (1/1/7): called AE title 'RIS' is not served here")
        found = line(check, "reaches_us")
        assert (found.look, found.call) == (PASS, good)
        assert "called STEPWISE" in found.said and found.later


class TestAQueryIsJudgedByTheListsOfItsTime:
    """Of a station that was renamed, or sees another list no more."""

    def test_of_a_title_that_is_accepted_no_more(self, check: ConnectionCheck) -> None:
        an_order()
        a_query(identifier(OWN_LIST), answers=1)
        rename_station(a_site(), Renaming("CT01"), "CT-EAST", ACTOR)
        assert line(check, "query").look == PASS
        rename_station(a_site(), Renaming("CT-EAST", given_up=["CT01"]), "CT-EAST", ACTOR)
        assert line(check, "query").look == PASS
        a_query(identifier(OWN_LIST), "CT-EAST", answers=1)
        found = line(check, "query")
        assert (found.look, "asked for the list of CT01" in found.later) == (PASS, True)

    def test_of_an_alias_that_was_taken_away(self, check: ConnectionCheck) -> None:
        station = data_of(Station.objects.get())
        save_station(a_site(), replace(station, aliases=("CT09", "CT08")), ACTOR)
        a_query(identifier(OWN_LIST | {"ScheduledStationAETitle": "CT08"}), answers=1)
        assert line(check, "query").look == PASS
        save_station(a_site(), replace(station, aliases=("CT07",)), ACTOR)
        save_station(a_site(), station, ACTOR)
        assert line(check, "query").look == PASS

    def test_of_another_station_s_list_that_became_its_own_later(self, check: ConnectionCheck) -> None:
        a_query(identifier(OWN_LIST | {"ScheduledStationAETitle": "CT08"}), answers=1)
        save_station(a_site(), replace(data_of(Station.objects.get()), aliases=("CT08",)), ACTOR)
        assert "asked for the list of CT08" in line(check, "query").said


def test_its_title_is_proved_behind_hundreds_of_calls_under_the_former_one(check: ConnectionCheck) -> None:
    rename_station(a_site(), Renaming("CT01"), "CT-EAST", ACTOR)
    good = an_association("CT-EAST")
    for _ in range(heard.MOST + 1):
        an_association("CT01")
    found = line(check, "title")
    assert (found.look, found.call, "its former one" in found.later) == (PASS, good, True)


class TestACheckThatIsOver:
    def test_queries_that_came_afterwards_neither_show_nor_hide_anything(self, check: ConnectionCheck) -> None:
        an_order()
        a_query(identifier(OWN_LIST), answers=1)
        _end(check)
        before = line(check, "query")
        for _ in range(6):
            a_query(identifier(OF_MR), answers=0)
        assert line(check, "query") == before
        assert before.look == PASS

    def test_an_end_that_came_afterwards_counts_for_nothing(self, check: ConnectionCheck) -> None:
        performed = begun()
        said("N-SET", performed, Dataset())
        _end(check)
        end(performed)
        assert line(check, "set").look == WARNING
        assert line(check, "charge").look == WAITING


def test_who_is_named_in_lines_that_were_kept_is_disclosed_as_in_those_of_now(check: ConnectionCheck) -> None:
    performed = begin(steps_of(an_order()))
    connecting.end(check.pk, ACTOR, 0, "", [kept(replace(line(check, "create"), performed=performed.pk))])
    over = ConnectionCheck.objects.select_related("site", "order").get()
    assert evidence.disclosed(over, evidence.gather(over, Station.objects.get())) == [performed]


def _end(check: ConnectionCheck) -> None:
    connecting.end(check.pk, ACTOR, 0, "of old", [])


class TestOnlyWhatTheModalitySentProves:
    def test_an_exam_that_a_person_linked_is_not_green(self, check: ConnectionCheck) -> None:
        performed = begin([])
        said("N-CREATE", performed, a_create())
        ended(performed)
        StepLink.objects.update(step=steps_of(an_order())[0], how=StepLink.How.HAND)
        found = line(check, "create")
        assert (found.look, "A person linked it" in found.said) == (WARNING, True)
        assert (line(check, "charge").look, "A person linked" in line(check, "charge").said) == (WARNING, True)

    def test_a_performed_step_that_somebody_else_ended_is_not_green(self, check: ConnectionCheck) -> None:
        performed = begun()
        said("N-SET", performed, Dataset())
        n_set(received(Verb.N_SET, performed.sop_instance_uid, an_end(PerformedSeriesSequence=[a_series()]), "CT02"))
        found = line(check, "set")
        assert (found.look, "none of its own had a final status" in found.said) == (WARNING, True)

    def test_a_charge_of_before_is_not_green(self, check: ConnectionCheck) -> None:
        ended(begun())
        assert line(check, "charge").look == PASS
        Charge.objects.update(created_at=check.begun_at - timedelta(minutes=1))
        found = line(check, "charge")
        assert (found.look, "captured at another time" in found.said) == (WARNING, True)

    def test_an_end_by_who_has_its_former_title_now_is_not_green(self, check: ConnectionCheck) -> None:
        performed = begun()
        ended_by_another = begun(60)
        rename_station(a_site(), Renaming("CT01", keeps=False), "CT-EAST", ACTOR)
        save_station(a_site(), StationData("CT01", ("CT",)), ACTOR)
        for one, calling in ((ended_by_another, "CT01"), (performed, "CT-EAST")):
            said("N-SET", one, an_end(PerformedSeriesSequence=[a_series()]), calling="CT-EAST")
            n_set(received(Verb.N_SET, one.sop_instance_uid, an_end(PerformedSeriesSequence=[a_series()]), calling))
            assert (line(check, "set").look == PASS) == (one == performed)

    def test_its_own_study_uid_is_not_green_until_it_sends_the_worklist_s(self, check: ConnectionCheck) -> None:
        order = an_order()
        created = a_create(steps_of(order)[0])
        item = created.ScheduledStepAttributesSequence[0]
        item.StudyInstanceUID = "1.2.3"
        said("N-CREATE", begin(steps_of(order), ScheduledStepAttributesSequence=[item]), created)
        found = line(check, "create")
        assert (found.look, "must make none of its own" in found.next) == (WARNING, True)
        begun(60)
        assert line(check, "create").look == PASS


def test_nobody_hides_behind_a_stranger_who_calls_without_end(check: ConnectionCheck) -> None:
    an_association("ct01", rejection="calling AE title not recognized (1/1/3): calling AE title 'ct01' is not known here")
    for _ in range(evidence.MOST + 1):
        an_association("NOISY", address="10.0.0.99", rejection="calling AE title not recognized (1/1/3)")
    calls = evidence.strangers(check.site, check.begun_at)
    assert [(call.calling, call.address) for call in calls] == [("NOISY", "10.0.0.99"), ("ct01", "10.0.0.7")]
    assert [times for _, times in evidence.callers(check.site, check.begun_at, 5)] == [evidence.MOST + 1, 1]
    Station.objects.update(host="10.0.0.7")
    assert line(check, "title").said.startswith("ct01 called from 10.0.0.7")


def test_a_context_that_was_accepted_counts_before_one_that_was_not(check: ConnectionCheck) -> None:
    refused = (MODALITY_WORKLIST, "", "transfer syntaxes not supported")
    accepted = (MODALITY_WORKLIST, EXPLICIT_VR_LITTLE_ENDIAN, "accepted")
    for contexts in ((refused, accepted), (accepted, refused)):
        journal.write([AssociationStarted(AssociationInfo(uuid4(), "CT01", "STEPWISE", "10.0.0.7", 5), now(), "X", contexts=contexts)])
        found = line(check, "query")
        assert (found.look, "asked nothing" in found.said) == (WAITING, True)


def test_an_association_of_before_counts_by_what_was_said_in_it_since(check: ConnectionCheck) -> None:
    info = AssociationInfo(uuid4(), "CT01", "STEPWISE", "10.0.0.7", 5)
    common = {"association_id": info.id, "verb": "C-ECHO", "message_id": 1, "sop_class_uid": "1.2.840.10008.1.1", "transfer_syntax": "1.2"}
    before = check.begun_at - timedelta(minutes=5)
    journal.write([AssociationStarted(info, before, "X"), MessageEntry(**common, time=before, incoming=False, status=0)])
    assert line(check, "reaches_us").look != PASS
    journal.write([MessageEntry(**common, time=now(), incoming=False, status=0)])
    assert (line(check, "reaches_us").look, "C-ECHO received" in line(check, "reaches_us").said) == (PASS, True)


def test_it_takes_no_more_queries_however_many_exams_were_done(check: ConnectionCheck) -> None:
    ended(begun(10))
    ended(begun(60))
    few = _queries(check)
    for number in range(2, 6):
        ended(begun(10 + 50 * number))
    assert _queries(check) == few


def _queries(check: ConnectionCheck) -> int:
    with CaptureQueriesContext(connections["default"]) as asked, CaptureQueriesContext(connections["journal"]) as of_the_journal:
        line(check, "create")
    return len(asked) + len(of_the_journal)
