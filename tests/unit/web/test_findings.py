"""Findings on the pages of an exam and of a station, and over REST."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from mpps import checking, finding_rules, matching
from mpps.errors import Refused
from mpps.models import Finding
from ris import clock
from ris.models import ScheduledProcedureStep
from stepwise.web import findings
from tests.support.hospital import a_site, an_order, in_minutes, steps_of
from tests.support.mpps import an_item
from tests.support.performing import begin
from tests.support.worklist import a_faulty_step, observed
from worklist import backlog
from worklist.backlog import Backlog
from worklist.findings import Code

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

SignIn = Callable[..., Client]


@pytest.fixture
def step(db: None) -> ScheduledProcedureStep:
    return a_faulty_step()


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_page_of_an_exam_shows_what_is_wrong_with_its_item(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    shown = text(signed_in(), reverse("step", args=[step.pk]))
    assert "Study Instance UID has no value; some devices drop such an item" in shown
    assert "has characters that ISO_IR 100 lacks" in shown
    assert reverse("station-findings", args=["CT01"]) in shown
    assert "some devices drop such an item" not in text(signed_in("biller"), reverse("step", args=[step.pk]))


def test_the_page_of_a_station_shows_the_latest_first_and_what_was_put_right(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    assert "Nothing odd so far" in text(signed_in("integrator"), "/stations/CT01/findings/")
    observed(step, "MISSING_IDENTIFIER", "StudyInstanceUID")
    observed(step, "TOO_LONG", "PatientID", minutes=1)
    observed(None, Code.TOLERATED_IN_QUERY, "PatientName", minutes=2)
    shown = text(signed_in(), "/stations/CT01/findings/")
    assert shown.index("text of TOLERATED_IN_QUERY") < shown.index("text of TOO_LONG") < shown.index("text of MISSING_IDENTIFIER")
    assert shown.count("Put right since") == 1
    assert "Put right since" in shown[shown.index("text of TOO_LONG") : shown.index("text of MISSING_IDENTIFIER")]


def test_that_the_lint_is_behind_is_told_on_the_page_of_the_station(signed_in: SignIn) -> None:
    site, seen = a_site(), clock.now()
    backlog.record("a:1", [Backlog((site.pk, "CT01"), 9_500, 0, seen), Backlog((site.pk, "CT02"), 1, 0, seen)])
    backlog.record("a:2", [Backlog((site.pk, "CT01"), 0, 7, seen)])
    client = signed_in("integrator")
    shown = text(client, "/stations/CT01/findings/")
    assert "9500 answers to CT01 wait to be looked at, since" in shown
    assert "7 answers to CT01 were not looked at." in shown
    assert "1 answer to CT02 waits to be looked at" in text(client, "/stations/CT02/findings/")
    assert "looked at, since" not in text(client, "/stations/CT03/findings/")


def test_the_page_of_a_station_shows_what_was_odd_about_its_performed_steps_and_what_was_refused(signed_in: SignIn) -> None:
    steps = steps_of(an_order())
    begin(steps, PatientID="SOMEBODY-ELSE")
    with pytest.raises(Refused):
        begin(steps, PerformedProcedureStepStatus="COMPLETED")
    shown = text(signed_in("integrator"), "/stations/CT01/findings/")
    assert "The modality sent patient ID SOMEBODY-ELSE" in shown and "lock it at the console" in shown
    assert "N-CREATE refused, 0106 Invalid attribute value" in shown
    assert "Nothing odd so far" in text(signed_in("scheduler"), "/stations/CT02/findings/")


def test_a_message_that_was_refused_is_told_with_the_attribute_the_rule_and_the_advice_of_its_cause(signed_in: SignIn) -> None:
    steps = steps_of(an_order())
    for items in ([], [an_item(StudyInstanceUID="2.25.1.007.4")]):
        with pytest.raises(Refused):
            begin(steps, ScheduledStepAttributesSequence=items)
    told = {one.attribute: one for one in findings.noted(a_site(), "CT01", 0, 10)[0]}
    assert told.keys() == {"ScheduledStepAttributesSequence", "StudyInstanceUID"}
    assert told["ScheduledStepAttributesSequence"].rule == finding_rules.BY_CODE["VALUE_MISSING"].paragraph
    uid, rule = told["StudyInstanceUID"], finding_rules.BY_CODE["UID_INVALID"]
    assert "its component '007' has a leading zero" in uid.text
    assert (uid.rule, uid.tell) == ("PS3.5 9.1", rule.tell)
    assert "None of its own" not in text(signed_in("integrator"), "/stations/CT01/findings/")


def test_worklist_and_performed_steps_are_one_list_the_latest_first(signed_in: SignIn, step: ScheduledProcedureStep) -> None:
    observed(None, Code.TOLERATED_IN_QUERY, "PatientName", minutes=5)
    begin(steps_of(an_order(start=in_minutes(90))), PatientID="SOMEBODY-ELSE")
    observed(step, "MISSING_IDENTIFIER", "StudyInstanceUID", minutes=-5)
    shown = text(signed_in("integrator"), "/stations/CT01/findings/")
    assert shown.partition("<main")[2].partition("</main>")[0].count("<table") == 1
    rows = shown.split("<tbody", 1)[1].split("<tr ")[1:]
    wanted = [
        ("Worklist query", "PatientName", "Tell the vendor", "PS3.4 K.4.1.1.2"),
        ("Performed step", "PatientID", "lock it at the console", "IHE RAD TF-2"),
        ("Worklist answer", "StudyInstanceUID", "Give it one in the system", "PS3.4 Table K.6-1, type 1"),
    ]
    shown_rows = [row.replace("<wbr>", "") for row in rows]
    assert [all(said in row for said in one) for row, one in zip(shown_rows, wanted, strict=True)] == [True] * 3, shown_rows


def test_every_finding_about_a_performed_step_has_a_rule() -> None:
    """The codes are those that the room writes anywhere."""
    sources = "".join(path.read_text(encoding="utf-8") for path in Path("mpps").glob("*.py") if path.name != "finding_rules.py")
    written = set(re.findall(r'Notice\(\s*"([A-Z_]+)"', sources)) | set(checking._CODES.values()) | {"STEP_UNKNOWN", "STEP_AMBIGUOUS"}
    written |= {f"{name.upper()}_DIFFERS" for name in matching._LABELS}
    assert written == finding_rules.BY_CODE.keys()
    assert all(rule.paragraph and rule.tell for rule in finding_rules.RULES)
    longest = Finding._meta.get_field("code").max_length
    assert longest is not None
    assert max(map(len, written)) <= longest, "SQLite takes it all the same, PostgreSQL refuses the message"
