"""The explainer and the findings over REST."""

import pytest
from django.contrib.auth.models import Group, User

from mpps.errors import Refused
from ris.actions import tokens
from ris.models import AuditedPatient
from tests.support.hospital import an_order, in_minutes, steps_of
from tests.support.journal import a_query
from tests.support.performing import begin
from tests.support.worklist import a_faulty_step, identifier, observed
from tests.unit.api.conftest import Rest, an_order_body
from worklist import backlog, lint_rules
from worklist.backlog import Backlog
from worklist.findings import Code

pytestmark = [pytest.mark.usefixtures("hospital"), pytest.mark.django_db(databases=["default", "journal"])]

STATION = "ScheduledStationAETitle"


@pytest.fixture
def step(hospital: None) -> int:
    return steps_of(an_order(name="DOE^Jane"))[0].pk


def test_a_step_is_explained_by_the_last_query_by_a_message_and_by_typed_keys(rest: Rest, step: int) -> None:
    first = a_query(identifier({STATION: "CT01"}), answers=1)
    last = a_query(identifier({STATION: "CT2"}))
    path = f"/scheduled-steps/{step}/explanation"
    status, told = rest.get(path, station="CT01")
    assert (status, told["shown"], told["excluded_by"], told["query"]["message"]) == (200, False, [STATION], last.pk)
    assert told["query"]["answer_count"] == 0
    verdict = next(one for one in told["verdicts"] if one["key"] == STATION)
    assert (verdict["tag"], verdict["asked"], verdict["has"], verdict["matches"]) == ("(0040,0001)", "CT2", "CT01", False)
    told = rest.get(path, station="CT01", message=first.pk)[1]
    assert (told["shown"], told["excluded_by"], told["query"]["message"]) == (True, [], first.pk)
    told = rest.get(path, station="CT01", PatientName="ROE*", **{"RequestedProcedureCodeSequence.CodeValue": "CTCHEST"})[1]
    assert (told["excluded_by"], told["query"]["message"]) == (["PatientName"], None)


def test_what_cannot_be_explained_is_refused_by_name(rest: Rest, step: int) -> None:
    path = f"/scheduled-steps/{step}/explanation"
    assert rest.get(path)[1]["errors"] == {"station": "is missing"}
    assert rest.get(path, station="")[0] == 422
    assert rest.get("/scheduled-steps/999999/explanation", station="CT01")[0] == 404
    assert rest.get(path, station="CT01", message=4711)[0] == 404
    assert "message" in rest.get(path, station="CT01", message="x")[1]["errors"]
    assert "patientname" in rest.get(path, station="CT01", patientname="x")[1]["errors"]
    assert "leave it out" in rest.get(path, station="CT01", message=1, PatientName="x")[1]["errors"]["message"]


def test_queries_of_a_station_with_what_each_key_excluded(rest: Rest, step: int) -> None:
    a_query(identifier({STATION: "CT01"}), answers=1)
    a_query(identifier({STATION: "CT2"}))
    status, told = rest.get("/stations/CT01/queries")
    assert (status, told["count"], [one["got"] for one in told["items"]]) == (200, 2, [0, 1])
    empty = told["items"][0]
    assert (empty["of"], empty["now"], empty["cut"]) == (1, 0, False)
    assert empty["summary"].endswith("got 0 of 1: Scheduled Station AE Title = CT2")
    assert [(one["key"], one["asked"], one["excludes"], one["alone"]) for one in empty["excluded_by"]] == [(STATION, "CT2", 1, 1)]
    assert empty["missed"] == [{"step": step, "excluded_by": ["Scheduled Station AE Title"]}]
    assert rest.get("/stations/CT01/queries", limit=1, offset=1)[1]["items"][0]["got"] == 1
    assert rest.get("/stations/NOBODY/queries")[1] == {"items": [], "count": 0}
    assert [rest.get(f"/stations/%00/{what}")[1]["detail"] for what in ("queries", "findings")] == [
        "ae_title: holds a control character; type it again as plain text"
    ] * 2
    assert rest.get("/stations/CT01/queries", day="x")[0] == 422


def test_a_query_that_was_canceled_is_told_in_data(rest: Rest, step: int) -> None:
    a_query(identifier({STATION: "CT01"}), answers=0, status=0xFE00)
    one = rest.get("/stations/CT01/queries")[1]["items"][0]
    assert (one["query"]["ending"], one["query"]["status"], one["got"], one["now"]) == ("canceled", "FE00", 0, 1)
    explained = rest.get(f"/scheduled-steps/{step}/explanation", station="CT01")[1]
    assert (explained["query"]["ending"], explained["shown"], explained["excluded_by"]) == ("canceled", False, ["canceled"])
    typed = rest.get(f"/scheduled-steps/{step}/explanation", station="CT01", PatientName="*")[1]
    assert (typed["query"]["ending"], typed["shown"]) == (None, True)


def test_an_exam_in_the_tray_is_explained(rest: Rest) -> None:
    made = rest.post("/orders", an_order_body())[1]["steps"][0]["id"]
    assert rest.get(f"/scheduled-steps/{made}/explanation", station="CT01")[1]["excluded_by"] == ["query", "schedule"]


@pytest.mark.parametrize(("role", "expected"), [("scheduler", 200), ("technologist", 200), ("integrator", 200), ("biller", 403)])
def test_who_may_ask(step: int, role: str, expected: int) -> None:
    user = User.objects.create_user("somebody")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    client = Rest(tokens.create_token(user, "tests"))
    assert client.get(f"/scheduled-steps/{step}/explanation", station="CT01")[0] == expected
    assert client.get("/stations/CT01/queries")[0] == expected


def test_findings_over_rest(rest: Rest) -> None:
    step = a_faulty_step()
    status, told = rest.get(f"/scheduled-steps/{step.pk}/findings")
    assert (status, told["count"]) == (200, 2)
    assert [(one["code"], one["attribute"], one["station_ae_title"]) for one in told["items"]] == [
        ("MISSING_IDENTIFIER", "StudyInstanceUID", None),
        ("NOT_IN_CHARACTER_SET", "PatientName", "CT01"),
    ]
    observed(step, "MISSING_IDENTIFIER", "StudyInstanceUID")
    observed(None, Code.TOLERATED_IN_QUERY, minutes=1)
    status, told = rest.get("/stations/CT01/findings")
    assert (status, told["count"]) == (200, 2)
    assert [(one["code"], one["step"], one["count"], one["is_past"]) for one in told["items"]] == [
        ("TOLERATED_IN_QUERY", None, 1, False),
        ("MISSING_IDENTIFIER", step.pk, 1, False),
    ]
    assert (told["waiting"], told["left"]) == (0, 0)
    assert rest.get("/stations/NOBODY/findings")[1]["count"] == 0
    backlog.record("a:1", [Backlog((step.site_id, "CT01"), 9_500, 7, step.status_at)])
    told = rest.get("/stations/CT01/findings")[1]
    assert (told["count"], told["waiting"], told["left"]) == (2, 9_500, 7)
    assert rest.get("/scheduled-steps/999999/findings")[0] == 404


def test_findings_of_a_station_are_those_of_its_page_newest_first_and_paged(rest: Rest) -> None:
    step = a_faulty_step()
    observed(step, "MISSING_IDENTIFIER", "StudyInstanceUID", minutes=-3)
    observed(None, Code.TOLERATED_IN_QUERY, minutes=-2)
    sound = steps_of(an_order(start=in_minutes(120)))
    performed = begin(sound, PatientID="SOMEBODY-ELSE")
    for _ in range(2):
        with pytest.raises(Refused):
            begin(sound, PerformedProcedureStepStatus="COMPLETED")
    status, told = rest.get("/stations/CT01/findings")
    assert (status, told["count"]) == (200, len(told["items"]))
    assert [one["last_seen"] for one in told["items"]] == sorted((one["last_seen"] for one in told["items"]), reverse=True)
    about = {one["about"]: one for one in told["items"]}
    assert list(about) == ["REFUSED", "PERFORMED", "QUERY", "ANSWER"]
    assert {name: about["REFUSED"][name] for name in ("code", "status", "count", "step", "performed_step", "is_past")} == {
        "code": "N_CREATE_REFUSED",
        "status": "0106",
        "count": 2,
        "step": None,
        "performed_step": None,
        "is_past": False,
    }
    assert "SOMEBODY-ELSE" in about["PERFORMED"]["text"] and about["PERFORMED"]["performed_step"] == performed.sop_instance_uid
    assert about["PERFORMED"]["paragraph"] and about["PERFORMED"]["advice"] and about["PERFORMED"]["status"] is None
    assert about["ANSWER"]["step"] == step.pk
    assert about["QUERY"]["status"] is None
    parts = [rest.get("/stations/CT01/findings", limit=1, offset=offset)[1]["items"] for offset in range(told["count"] + 1)]
    assert [one for part in parts for one in part] == told["items"] and not parts[-1]
    assert rest.get("/stations/CT02/findings")[1]["count"] == 0
    assert rest.get("/stations/CT01/findings", page=2)[0] == 422


@pytest.mark.parametrize("code", [code for code, rule in lint_rules.OF_QUERIES.items() if rule.status])
def test_a_query_that_was_refused_is_a_finding_with_its_status_the_rule_and_what_to_tell_the_vendor(rest: Rest, code: str) -> None:
    rule = lint_rules.OF_QUERIES[code]
    observed(None, code, "(0029,1002)")
    (told,) = rest.get("/stations/CT01/findings")[1]["items"]
    assert [told[name] for name in ("about", "code", "attribute", "status")] == ["QUERY", code, "(0029,1002)", f"{rule.status:04X}"]
    assert (told["advice"], told["paragraph"]) == (rule.advice, rule.paragraph)


def test_whom_the_queries_name_that_a_step_is_held_against_is_recorded(rest: Rest, step: int) -> None:
    other = an_order(name="ROE^Jon", station="CT02").patient
    a_query(identifier({STATION: "CT01"}, PatientID=other.patient_id))
    for path, asked in ((f"/scheduled-steps/{step}/explanation", {"station": "CT01"}), ("/stations/CT01/queries", {})):
        status, told = rest.get(path, **asked)
        assert (status, other.patient_id in str(told)) == (200, True)
    assert AuditedPatient.objects.filter(patient_key=other.pk).count() == 2
