"""Why an exam is, or is not, an answer: the rules before the keys, and the keys by the predicate that decides."""

from datetime import timedelta
from random import Random
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from dimse.entries import now
from dimse.models import Association, Message
from dimse.policy import accept_all, calling_ae_title_unknown
from ris import clock, queries
from ris.actions import orders
from ris.actions.orders import OrderRequest
from ris.errors import InvalidInput
from ris.models import ScheduledProcedureStep, Site, Station
from tests.support.hospital import ACTOR, a_patient_data, a_procedure, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.journal import a_query, an_association
from tests.support.worklist import found, identifier
from worklist import captured, explanation
from worklist.explanation import Explanation
from worklist.models import WorklistEntry

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

STATION, DATE = "ScheduledStationAETitle", "ScheduledProcedureStepStartDate"


def a_step(minutes: int = 10, **patient: object) -> ScheduledProcedureStep:
    return queries.step(a_site(), steps_of(an_order(start=in_minutes(minutes), **patient))[0].pk)


def explained(step: ScheduledProcedureStep, calling: str = "CT01", policy=accept_all) -> Explanation:
    return explanation.explain(step, explanation.of_station(calling, step), policy)


def against(one: Explanation) -> dict[str, str]:
    return {verdict.key: verdict.why for verdict in one.excluding}


def test_the_last_query_of_the_station_is_explained_key_by_key() -> None:
    a_station("CT02")
    step = a_step(name="DOE^Jane")
    a_query(identifier({STATION: "CT01"}), at=now() - timedelta(minutes=5), answers=1)
    a_query(identifier({STATION: "CT02", "Modality": "CT", DATE: ""}, PatientName="doe*", PatientID=""))
    one = explained(step)
    assert not one.is_shown
    assert against(one) == {STATION: "Not equal. CT02 is another station"}
    assert [(v.key, v.asked, v.has, v.matches) for v in one.verdicts if v.tag] == [
        ("Modality", "CT", "CT", True),
        (STATION, "CT02", "CT01", False),
        (DATE, "", step.worklist_entry.local_date, True),
        ("PatientName", "doe*", "DOE^Jane", True),
        ("PatientID", "", step.requested_procedure.order.patient.patient_id, True),
    ]
    assert one.summary.endswith("this exam is no answer. Scheduled Station AE Title = CT02.")


@pytest.mark.parametrize(
    ("keys", "key", "why"),
    [
        ({STATION: "CT9"}, STATION, "Not equal. No station here is called CT9"),
        ({STATION: "ct01"}, STATION, "Not equal. Only upper and lower case differ, and in AE titles they count"),
        ({"PatientName": "ROE*"}, "PatientName", "Does not fit the pattern"),
        (
            {"ScheduledPerformingPhysicianName": "ROE"},
            "ScheduledPerformingPhysicianName",
            "The exam has no value; only a key without value",
        ),
        ({"ScheduledProcedureStepStatus": "STARTED"}, "ScheduledProcedureStepStatus", "Not equal"),
        ({"RequestedProcedureCodeSequence.CodeValue": "NO"}, "RequestedProcedureCodeSequence", "No item has all that is asked"),
        ({DATE: "19990101-19991231"}, DATE, "Outside the range"),
    ],
)
def test_typed_keys_say_in_words_why_they_exclude(keys: dict[str, str], key: str, why: str) -> None:
    step = a_step(name="DOE^Jane")
    one = explanation.explain(step, explanation.of_keys(keys, "CT01"), accept_all)
    assert list(against(one)) == [key]
    assert against(one)[key].startswith(why)


def test_a_day_too_early_is_said_in_days() -> None:
    step = a_step()
    before = clock.local(step.start, step.site).date() - timedelta(days=1)
    one = explanation.explain(step, explanation.of_keys({DATE: f"{before:%Y%m%d}"}, "CT01"), accept_all)
    assert against(one) == {DATE: "Not equal. The exam is 1 day later"}


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"PatientNam": "DOE"}, "is it PatientName?"),
        ({DATE: "2026-13"}, "is no date"),
        ({"PregnancyStatus": "four"}, "is no value of US"),
        ({"PregnancyStatus": "70000"}, "is a number that its VR cannot hold"),
        ({"ScheduledProcedureStepSequence": "CT"}, "type the keys of its item"),
        ({"PatientName.CodeValue": "CT"}, "PatientName is no sequence"),
        ({"PatientName": "DOE\udcff"}, "is no value of PN"),
    ],
)
def test_typed_keys_that_are_none_are_refused_by_name(keys: dict[str, str], named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        explanation.of_keys(keys, "CT01")


def test_a_status_that_is_not_shown_and_an_unsupported_key_are_told() -> None:
    step = a_step()
    ScheduledProcedureStep.objects.filter(pk=step.pk).update(status="COMPLETED")
    WorklistEntry.objects.filter(pk=step.pk).update(status="COMPLETED")
    one = explanation.explain(step, explanation.of_keys({"PatientID": "", "PixelData": ""}, "CT01"), accept_all)
    assert against(one) == {"statuses_shown": "Not shown unless the query asks for this status. Scheduled, Arrived, Ready are shown"}
    assert one.asking.notes == ("PixelData(7FE0,0010) is not supported: it filters nothing",)


def test_a_station_that_never_asked_is_told_so_and_its_own_list_is_supposed() -> None:
    step = a_step()
    assert against(explained(step)) == {"query": "CT01 has not asked for a worklist yet: the journal is empty"}
    an_association("MR01")
    assert "since" in against(explained(step))["query"]
    assert {STATION, DATE} <= {verdict.key for verdict in explained(step).verdicts}


def test_a_query_that_failed_excludes_everything_and_says_how() -> None:
    step = a_step()
    a_query(identifier({DATE: "2026-13-45"}), status=0xA900, comment=f"{DATE} '2026-13-45' is no date (YYYYMMD")
    why = against(explained(step))["query"]
    assert why == (
        f"It was answered A900 Identifier does not match SOP class: {DATE} '2026-13-45' is no date (YYYYMMDD) or range of dates. "
        "No exam is an answer to it"
    )
    a_query(b"\x10\x00\x10\x00\xff\xff\xff", status=0xC002)
    assert "cannot be decoded" in against(explained(step))["query"]


def test_a_query_whose_data_set_was_not_kept_says_so() -> None:
    step = a_step()
    asked = a_query(identifier({STATION: "CT01"}))
    Message.objects.filter(pk=asked.pk).update(data=b"", remark="data set of 600000 bytes not kept")
    assert "600000 bytes not kept" in against(explained(step))["query"]


def test_an_association_that_is_rejected_is_the_reason() -> None:
    step = a_step()
    a_query(identifier({STATION: "CT01"}), at=now() - timedelta(minutes=1), answers=1)
    assert explained(step).is_shown
    an_association(rejection="calling AE title not recognized (1/1/3): not known")
    assert "was rejected: calling AE title not recognized" in against(explained(step))["association"]

    def strict(calling: str, called: str, address: str):
        return calling_ae_title_unknown(calling)

    assert "'CT99' is not known here" in against(explained(step, "CT99", strict))["association"]


def test_a_station_that_is_disabled_is_answered_all_the_same() -> None:
    step = a_step()
    a_query(identifier({STATION: "CT01"}), answers=1)
    Station.objects.update(enabled=False)
    one = explained(step)
    assert one.is_shown
    assert one.verdicts[0].why == "Its associations are accepted; it is disabled, which only keeps new exams from it"


def test_an_exam_in_the_tray_is_on_no_worklist_and_says_what_it_waits_for() -> None:
    order = orders.place_order(a_site(), a_patient_data(), OrderRequest([a_procedure().code]), ACTOR)
    step = queries.step(a_site(), steps_of(order)[0].pk)
    a_query(identifier({STATION: "CT01"}))
    assert against(explained(step)) == {"schedule": "It waits for a station and a time, and is on no worklist before it has them"}


def test_an_exam_of_another_hospital_is_told_so() -> None:
    step = a_step()
    other = Site.objects.create(code="other", name="Other", ae_title="OTHER", time_zone="Europe/Berlin")
    asking = explanation.of_keys({STATION: "CT01"}, "CT01")
    one = explanation.explain(step, explanation.Asking("CT01", "OTHER", other, asking.query), accept_all)
    assert list(against(one)) == ["hospital"]


def test_a_query_whose_association_was_lost_is_still_explained() -> None:
    step = a_step()
    asked = a_query(identifier({STATION: "CT02"}))
    Association.objects.filter(pk=asked.association_id)._raw_delete("journal")
    message = captured.by_id(asked.pk)
    assert message is not None and message.association is None
    assert against(explanation.explain(step, explanation.of_message(message, "CT01"), accept_all)) == {
        STATION: "Not equal. No station here is called CT02"
    }


def test_the_number_of_the_response_names_its_request_too() -> None:
    asked = a_query(identifier({STATION: "CT02"}))
    answer = Message.objects.get(association=asked.association_id, direction="out")
    assert captured.by_id(answer.pk).message.pk == asked.pk
    assert captured.by_id(10**9) is None


def test_the_explanation_is_what_the_search_decides() -> None:
    """Random queries: a step is found exactly when no verdict is against it."""
    random = Random(5)
    steps = [a_step(30 * number + 10, name=f"{random.choice('ABC')}{number}^X", sex=random.choice("MF")) for number in range(6)]
    WorklistEntry.objects.filter(pk=steps[0].pk).update(status="STARTED")
    for _ in range(40):
        keys = {
            name: random.choice(choices)
            for name, choices in {
                "PatientName": ["A*", "*1^X", "", "B2^X"],
                "PatientSex": ["M", "F", ""],
                STATION: ["CT01", "CT02", ""],
                "RequestedProcedureCodeSequence.CodeValue": ["CTCHEST", "X", "CT*"],
                DATE: ["", f"{clock.today():%Y%m%d}-", "19990101"],
            }.items()
            if random.random() < 0.5
        }
        if not keys:
            continue
        asking = explanation.of_keys(keys, "CT01")
        shown = {step.pk for step in steps if explanation.explain(step, asking, accept_all).is_shown}
        assert shown == {one.step_id for one in found(asking.query)}, keys


def test_the_command_tells_and_exits(capsys: pytest.CaptureFixture[str]) -> None:
    step = a_step(name="DOE^Jane")
    name = step.scheduled_procedure_step_id
    a_query(identifier({STATION: "CT01"}), answers=1)
    call_command("explain", name, station="CT01", exit_code=True)
    assert "this exam is an answer" in capsys.readouterr().out
    call_command("explain", f"id:{step.pk}", station="CT01", key=["PatientName=ROE*"])
    told = capsys.readouterr().out
    assert "would not be shown this exam. Patient's Name = ROE*." in told
    with pytest.raises(SystemExit) as ended:
        call_command("explain", str(step.pk), station="CT01", key=["PatientName=ROE*"], exit_code=True)
    assert ended.value.code == 1


@pytest.mark.parametrize(
    ("step", "options", "says"),
    [
        ("NOPE", {}, "No scheduled step has the ID 'NOPE'"),
        ("id:x", {}, "No scheduled step has the ID 'id:x'"),
        ("", {}, "No scheduled step has the ID ''"),
        ("THE-ONE", {"message": 4711}, "no C-FIND with the number 4711"),
        ("THE-ONE", {"key": ["PatientName"]}, "write it as KEYWORD=VALUE"),
        ("THE-ONE", {"key": ["Nonsense=1"]}, "no keyword"),
        ("THE-ONE", {"message": 1, "key": ["PatientName=A"]}, "leave it out"),
        ("THE-ONE", {"station": " "}, "Which scanner is it"),
    ],
)
def test_the_command_says_what_it_cannot_tell(step: str, options: dict[str, object], says: str) -> None:
    one = a_step()
    ScheduledProcedureStep.objects.filter(pk=one.pk).update(scheduled_procedure_step_id="THE-ONE")
    with pytest.raises(CommandError, match=says) as failed:
        call_command("explain", step, **{"station": "CT01", **options})
    assert failed.value.returncode == 2


def test_the_command_names_steps_that_share_an_id() -> None:
    steps = [a_step(), a_step(60)]
    ScheduledProcedureStep.objects.all().update(scheduled_procedure_step_id="TWICE")
    with pytest.raises(CommandError, match=f"2 steps have the ID 'TWICE'; give one of id:{steps[0].pk}"):
        call_command("explain", "TWICE", station="CT01")


def test_the_command_refuses_a_message_of_another_station() -> None:
    step = a_step()
    asked = a_query(identifier({STATION: "CT01"}), calling="MR01")
    with pytest.raises(CommandError, match="was sent by MR01, not by CT01"):
        call_command("explain", step.scheduled_procedure_step_id, station="CT01", message=asked.pk)


def test_an_exam_behind_the_answer_limit_of_the_station_is_told_so() -> None:
    a_station("CT01")
    first, second = a_step(10), a_step(60)
    Station.objects.filter(ae_title="CT01").update(answer_limit=1)
    Site.objects.update(stations_revision=uuid4())
    a_query(identifier({STATION: "CT01"}), answers=1)
    assert explained(first).is_shown
    assert against(explained(second)) == {"answer_limit": "It is behind the first 1, in order of start, that are sent"}
    Station.objects.filter(ae_title="CT01").update(answer_limit=None)
    Site.objects.update(stations_revision=uuid4())
    assert explained(second).is_shown


def test_an_exam_behind_those_that_a_canceled_query_got_is_told_so() -> None:
    first, second = a_step(10), a_step(60)
    a_query(identifier({STATION: "CT01"}), answers=1, status=0xFE00)
    one = explained(first)
    assert one.is_shown
    assert any(verdict.why.endswith("was understood; canceled by the modality after 1 answer") for verdict in one.verdicts)
    sent = "It is behind the first 1, in order of start, that were sent before the modality canceled its query"
    assert against(explained(second)) == {"canceled": sent}
    assert "Canceled" in explained(second).summary
