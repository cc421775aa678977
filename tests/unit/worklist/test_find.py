"""SQL narrows, the predicate decides: both together find what the predicate alone would, in order of start, once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ris.models import ScheduledProcedureStep
from tests.support.hospital import a_patient_data, a_pool, a_procedure, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.worklist import asking, found
from worklist import find, matching, projection
from worklist.models import WorklistEntry
from worklist.scope import EVERYTHING, Scope

pytestmark = pytest.mark.both_databases

NAMES = ("MÜLLER^Jürgen", "Mueller^Ida", "山田^太郎=YAMADA^Taro", "SMITH", "SMITH^John", "O'Neil^Ann")
START = datetime(2026, 7, 6, 12, 0, tzinfo=UTC)


def a_worklist() -> None:
    """A dozen steps on two stations and a pool, over three days, in several statuses."""
    a_pool("ANYCT", a_station("CT01"), a_station("CT02"))
    a_procedure("MRHEAD", modality="MR")
    a_station("MR01", "MR")
    for number in range(12):
        place = ("CT01", "CT02", "MR01", "CT01")[number % 4]
        procedure = a_procedure("MRHEAD" if place == "MR01" else "CTCHEST", modality="MR" if place == "MR01" else "CT")
        order = an_order(procedure, station=place, start=START + timedelta(hours=5 * (number * 7 % 12)), name=NAMES[number % 6])
        step = steps_of(order)[0]
        status = ("SCHEDULED", "ARRIVED", "STARTED", "READY", "CANCELED")[number % 5]
        ScheduledProcedureStep.objects.filter(pk=step.pk).update(status=status)
    projection.rebuild_all()


KEYS: dict[str, list[str]] = {
    "PatientName": [
        "",
        "*",
        "mu*",
        "SMITH",
        "SMITH^*",
        "smith^john",
        "山田*",
        "*a*",
        "M?LLER*",
        "MÜL*=*",
        "O'N*",
        "山＊",
        "SMIT？",
        "A\0B",
    ],
    "PatientID": ["", "T00001", "T*", "nobody", "T0\x000001"],
    "AccessionNumber": ["", "A*", "*1"],
    "RequestedProcedureID": ["", "RP-70001", "RP-7000*"],
}
STEP_KEYS: dict[str, list[str]] = {
    "ScheduledStationAETitle": ["", "CT01", "CT02", "MR01", "CT*", "XX", "CT01\\MR01"],
    "Modality": ["", "CT", "mr", "C?", "US"],
    "ScheduledProcedureStepStartDate": ["", "20260706", "20260707-", "-20260707", "20260706-20260707"],
    "ScheduledProcedureStepStartTime": ["", "08-12", "1300-", "-0900"],
    "ScheduledProcedureStepStatus": ["", "STARTED", "*ED", "ARRIVED\\CANCELED"],
    "ScheduledProcedureStepDescription": ["", "CT*"],
}


SCOPES = st.just(EVERYTHING) | st.builds(
    Scope,
    station=st.sampled_from(["CT01", "MR01", "XX"]),
    aliases=st.sampled_from([(), ("CT02",), ("CT02", "NOWHERE"), ("MR01", "CT02", "XX")]),
    own_list_only=st.booleans(),
    shown=st.sampled_from([("SCHEDULED", "ARRIVED", "READY"), ("READY",), ("ARRIVED", "STARTED", "CANCELED")]),
    requires_arrival=st.booleans(),
    oldest=st.sampled_from([("", ""), ("20260707", "080000.000000"), ("20300101", "000000.000000")]),
)


def some_of(table: dict[str, list[str]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={keyword: st.sampled_from(values) for keyword, values in table.items()})


class TestNarrowing(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        a_worklist()

    @settings(max_examples=80)
    @given(step=some_of(STEP_KEYS), root=some_of(KEYS), scope=SCOPES)
    def test_narrowed_in_sql_or_not_the_answers_are_the_same(self, step: dict[str, Any], root: dict[str, Any], scope: Scope) -> None:
        asked = asking(step, **root).under(scope)
        every_entry = WorklistEntry.objects.order_by("local_date", "start", "pk")
        assert [e.step_id for e in found(asked)] == [e.pk for e in every_entry if matching.matches(asked, e)]


@pytest.mark.django_db
def test_pages_follow_each_other_without_a_gap_or_a_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "FIRST_PAGE", 2)
    monkeypatch.setattr(find, "PAGE", 3)
    a_worklist()
    first = steps_of(an_order(station="CT03", start=in_minutes(60)))[0]
    WorklistEntry.objects.update(start=first.start)  # all at the same moment: the step's number keeps them apart
    every_one = set(WorklistEntry.objects.filter(status__in=matching.SERVED).values_list("pk", flat=True))
    lists = Scope("CT01", aliases=("CT02", "CT03", "MR01"), own_list_only=True)
    asking_for = (asking({}), asking({"ScheduledProcedureStepStartDate": "20260701-20991231"}), asking({}, AccessionNumber="A*"))
    for asked in (*asking_for, *(one.under(lists) for one in asking_for)):
        answers = [one.step_id for one in found(asked)]
        assert set(answers) == every_one
        assert len(answers) == len(every_one)


@pytest.mark.django_db
def test_a_step_that_moves_back_while_answers_are_sent_is_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "FIRST_PAGE", 1)
    monkeypatch.setattr(find, "PAGE", 1)
    early = steps_of(an_order(start=in_minutes(10)))[0]
    late = steps_of(an_order(start=in_minutes(60)))[0]
    answers = find.find(a_site(), asking({}, PatientID=""))
    assert [one.step_id for one in next(answers)] == [early.pk]
    WorklistEntry.objects.filter(pk=early.pk).update(start=late.start + timedelta(hours=1) if late.start else None)
    assert [one.step_id for page in answers for one in page] == [late.pk]


@pytest.mark.django_db
def test_another_site_sees_nothing() -> None:
    an_order(name=a_patient_data().name)
    other = type(a_site()).objects.create(code="other", name="Other", ae_title="OTHER", time_zone="UTC")
    assert list(find.find(other, asking({}))) == []
