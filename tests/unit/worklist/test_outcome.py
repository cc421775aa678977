"""What a query got of what its station would expect, and what each key kept from it."""

from datetime import timedelta

import pytest

from dimse.entries import now
from ris import clock
from ris.actions.stations import StationData, save_station
from ris.models import ScheduledProcedureStep
from ris.profiles import Profile
from tests.support.hospital import ACTOR, a_site, a_station, an_order, in_minutes, steps_of
from tests.support.journal import a_query
from tests.support.worklist import identifier
from worklist import captured, explanation, outcome
from worklist.captured import Ending
from worklist.models import WorklistEntry, WorklistEntryStation
from worklist.outcome import Outcome

pytestmark = pytest.mark.django_db(databases=["default", "journal"])

STATION, DATE = "ScheduledStationAETitle", "ScheduledProcedureStepStartDate"


def of_last(calling: str = "CT01") -> Outcome:
    return outcome.of(explanation.of_message(captured.latest(calling)[0]))


AT_LIMIT = captured.limit_remark(Profile("CT01", answer_limit=2))


def kept(one: Outcome) -> list[tuple[str, int, int]]:
    return [(exclusion.verdict.key, exclusion.excludes, exclusion.alone) for exclusion in one.exclusions]


def day(step: ScheduledProcedureStep) -> str:
    return f"{clock.local(step.start, step.site):%Y%m%d}"


@pytest.fixture
def five(db: None) -> list[ScheduledProcedureStep]:
    """Exams of one day on CT01."""
    noon = clock.at(clock.today() + timedelta(days=1), clock.local(in_minutes(0)).replace(hour=12, minute=0).time())
    return [steps_of(an_order(start=noon + timedelta(minutes=40 * number), name=f"N{number}^X"))[0] for number in range(5)]


def test_an_empty_answer_names_the_key_that_emptied_it(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({STATION: "CT2", DATE: day(five[0])}))
    one = of_last()
    assert (one.got, one.of, one.now, one.hidden) == (0, 5, 0, 0)
    assert kept(one) == [(STATION, 5, 5)]
    assert one.is_empty
    assert one.summary.endswith("and got 0 of 5: Scheduled Station AE Title = CT2")


def test_keys_that_exclude_together_let_nothing_through_alone(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({STATION: "CT2", DATE: day(five[0])}, PatientName="N0*"))
    assert kept(of_last()) == [(STATION, 5, 1), ("PatientName", 4, 0)]
    assert of_last().because == "Scheduled Station AE Title = CT2"
    a_query(identifier({STATION: "CT2", DATE: day(five[0])}, PatientName="ROE*"))
    assert of_last().because == "Scheduled Station AE Title = CT2, Patient's Name = ROE*"


def test_statuses_that_are_not_shown_are_counted_apart(five: list[ScheduledProcedureStep]) -> None:
    WorklistEntry.objects.filter(pk__in=[five[0].pk, five[1].pk]).update(status="COMPLETED")
    a_query(identifier({STATION: "CT01", DATE: day(five[0])}), answers=3)
    one = of_last()
    assert (one.got, one.of, one.now, one.hidden, kept(one)) == (3, 3, 3, 2, [])


@pytest.mark.parametrize(
    ("settings", "asked", "rule", "why"),
    [
        ({"requires_arrival": True}, {STATION: "CT01"}, "requires_arrival", "CT01 is shown an exam only when the patient has arrived"),
        ({"statuses_shown": ("READY",)}, {}, "statuses_of_station", "CT01 is shown only READY exams, unless it asks for others"),
        ({"age_limit_hours": 1}, {}, "age_limit", None),
        ({"own_list_only": True}, {}, "own_list_only", None),
    ],
)
def test_a_setting_of_the_station_is_a_reason(
    five: list[ScheduledProcedureStep], settings: dict[str, object], asked: dict[str, str], rule: str, why: str | None
) -> None:
    save_station(a_site(), StationData("CT01", ("CT",), **settings), ACTOR)
    if rule == "age_limit":
        WorklistEntry.objects.update(local_date="20000101")
        WorklistEntryStation.objects.update(local_date="20000101")
    if rule == "own_list_only":
        WorklistEntry.objects.update(station_ae_titles="CT02")
    a_query(identifier(asked))
    one = of_last()
    assert kept(one) == [(rule, 5, 5)]
    title = "Statuses shown" if rule == "statuses_of_station" else "Requires arrival"
    assert why is None or one.summary.endswith(f"and got 0 of 5: {title}: {why}")


def test_a_wrong_date_is_compared_with_the_day_of_asking(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({STATION: "CT01", DATE: "19990101"}), at=five[0].start)
    one = of_last()
    assert kept(one) == [(DATE, 5, 5)]
    assert one.what.startswith("exams of CT01 on ")


def test_an_identifier_that_finds_exams_is_what_was_expected(five: list[ScheduledProcedureStep]) -> None:
    number = five[2].requested_procedure.order.accession_number
    a_query(identifier({STATION: "CT2"}, AccessionNumber=number))
    one = of_last()
    assert (one.of, one.what, kept(one)) == (1, f"exams with Accession Number {number}", [(STATION, 1, 1)])
    a_query(identifier({DATE: day(five[0])}, AccessionNumber="NOPE"))
    one = of_last()
    assert (one.of, kept(one)) == (5, [("AccessionNumber", 5, 5)])


def test_a_station_without_exams_is_compared_with_its_modality(five: list[ScheduledProcedureStep]) -> None:
    a_station("CT09")
    a_query(identifier({STATION: "CT09", DATE: day(five[0])}), calling="CT09")
    one = of_last("CT09")
    assert (one.of, kept(one)) == (5, [(STATION, 5, 5)])
    assert one.what.startswith("CT exams of all stations on ")


def test_an_unknown_caller_is_compared_with_the_list_it_asked_for(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({STATION: "CT01", "Modality": "MR"}), calling="FINDSCU")
    one = of_last("FINDSCU")
    assert (one.of, one.what, kept(one)) == (5, "exams of CT01 on any day", [("Modality", 5, 5)])


def test_a_wider_query_is_not_measured_by_the_list_of_its_station(five: list[ScheduledProcedureStep]) -> None:
    a_station("CT09")
    a_query(identifier({"Modality": "CT", DATE: day(five[0])}), answers=40)
    one = of_last()
    assert (one.told, one.is_empty) == ("40", False)
    assert one.summary.endswith(f"and got 40; of the 5 {one.what} 5 match now")


def test_an_answer_that_is_not_among_what_is_compared_is_no_part_of_it(five: list[ScheduledProcedureStep]) -> None:
    """As a test exam that was removed since: the station has none now, and is compared with its modality."""
    a_station("CT09")
    a_query(identifier({STATION: "CT09", DATE: day(five[0])}), calling="CT09", answers=1)
    one = of_last("CT09")
    assert (one.of, one.now, one.told) == (5, 0, "1")
    assert f"and got 1; of the 5 {one.what} 0 match now: " in one.summary


def test_exams_that_wait_no_more_are_said_to_be_none_of_those_that_could_be_expected(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({STATION: "CT01", DATE: day(five[0])}), answers=5)
    WorklistEntry.objects.update(status="STARTED")
    one = of_last()
    assert (one.of, one.hidden) == (0, 5)
    assert one.summary.endswith(f"and got 5; of the {one.what} none waits now")


def test_exams_that_came_after_the_query_are_no_fault_of_it(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({STATION: "CT01", DATE: day(five[0])}), answers=0)
    one = of_last()
    assert (one.told, one.now, one.is_empty) == ("0 of 5", 5, False)
    assert one.summary.endswith(f"and got 0 of 5; of the 5 {one.what} 5 match now")


def test_a_caller_of_whom_nothing_is_known_is_compared_with_all(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({STATION: "NOWHERE", DATE: day(five[0])}), calling="NOWHERE")
    one = of_last("NOWHERE")
    assert (one.of, kept(one)) == (5, [(STATION, 5, 5)])
    assert one.what.startswith("exams of all stations on ")


def test_a_key_without_column_is_compared_too(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({DATE: day(five[0])}, PatientSex="M"))
    assert kept(of_last()) == [("PatientSex", 5, 5)]


def test_nothing_to_expect_is_said(db: None) -> None:
    a_station("CT01")
    a_query(identifier({STATION: "CT01", DATE: "20300101"}))
    one = of_last()
    assert (one.of, one.got, one.is_empty) == (0, 0, False)
    assert one.summary.endswith(f"got 0; {outcome.NOTHING}")


def test_a_failure_has_no_outcome(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({DATE: "soon"}), status=0xA900, comment="no date")
    one = of_last()
    assert (one.got, one.of) == (None, 0)
    assert one.summary.endswith("was answered A900 Identifier does not match SOP class: no date")


def test_what_is_cut_is_said(five: list[ScheduledProcedureStep], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "MOST", 3)
    a_query(identifier({STATION: "CT2", DATE: day(five[0])}))
    one = of_last()
    assert (one.of, one.is_cut) == (3, True)


def test_the_latest_query_comes_first_whatever_the_association(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({STATION: "OLD"}), at=now() - timedelta(hours=1))
    a_query(identifier({STATION: "NEW"}))
    a_query(identifier({STATION: "OTHER"}), calling="MR01")
    asked = [one.read.query.asked(STATION).values for one in captured.latest("CT01", 5)]
    assert asked == [("NEW",), ("OLD",)]


@pytest.mark.parametrize(
    ("answered", "ending", "said"),
    [
        ({"answers": 5}, Ending.COMPLETE, "got 5 of 5"),
        ({"answers": 3, "status": 0xFE00}, Ending.CANCELED, "got 3 of 5, canceled by the modality after 3 answers; of the 5"),
        ({"answers": 0, "status": 0xFE00}, Ending.CANCELED, "got 0 of 5, canceled by the modality after 0 answers; of the 5"),
        (
            {"answers": 2, "remark": f"a key; {AT_LIMIT}"},
            Ending.LIMIT,
            "got 2 of 5, ended by the station's answer limit after 2 answers; of the 5",
        ),
        (
            {"answers": 2, "status": 0xA700, "comment": "More than 2 exams match", "remark": AT_LIMIT},
            Ending.LIMIT,
            "got 2 of 5, ended by the station's answer limit after 2 answers, and was answered A700 Refused: out of resources: More than 2",
        ),
        ({"answers": 1, "status": 0xC001}, Ending.FAILURE, "was answered C001"),
        ({"status": None}, Ending.LOST, "has no whole answer: its association ended before the final response"),
    ],
)
def test_how_the_answers_ended_is_told(five: list[ScheduledProcedureStep], answered: dict[str, object], ending: Ending, said: str) -> None:
    a_query(identifier({STATION: "CT01", DATE: day(five[0])}), **answered)
    assert captured.latest("CT01")[0].ending is ending
    assert f" {said}" in of_last().summary
    assert not of_last().is_empty


def test_no_key_is_to_blame_for_a_query_that_was_canceled_at_once(five: list[ScheduledProcedureStep]) -> None:
    a_query(identifier({STATION: "CT01", DATE: day(five[0])}, PatientName="N0*"), status=0xFE00)
    assert kept(of_last()) == [("PatientName", 4, 4)]
    assert not of_last().is_empty
    assert of_last().summary.endswith("got 0 of 5, canceled by the modality after 0 answers: Patient's Name = N0*")
