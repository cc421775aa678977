"""Which keys of a console do something when, and what may be given to them."""

from typing import Any

import pytest

from ris.errors import InvalidInput, NotFound
from tests.support.console import a_console
from training.consoles import arguments, keys
from training.consoles.deeds import DEEDS
from training.memory import ENDING, IN_PROGRESS, SENT, Exam


def an_exam(state: str = IN_PROGRESS, **values: Any) -> Exam:
    return Exam(
        sop_instance_uid="1.2.3",
        state=state,
        step_id="SPS-1",
        accession_number="A1",
        target="STEPWISE at 127.0.0.1:11112",
        modality="CT",
        description="CT head",
        protocol="",
        character_set=[],
        started="2026-11-23T10:00:00-05:00",
        what_is_done={},
        **values,
    )


def working(*exams: Exam) -> set[str]:
    return {key.name for key in keys.KEYS if not keys.why_not(key, exams)}


ALWAYS = {keys.UPDATE, keys.ECHO}
BEGINNING = {keys.START, keys.GROUP, keys.WRONG, keys.HAND}


def test_each_key_has_a_deed():
    assert DEEDS.keys() == keys.BY_NAME.keys()


@pytest.mark.parametrize(
    ("exams", "expected"),
    [
        ([], ALWAYS | BEGINNING),
        ([an_exam("COMPLETED")], ALWAYS | BEGINNING | {keys.APPEND}),
        ([an_exam()], ALWAYS | {keys.NEXT, keys.REPORT, keys.COMPLETE, keys.DISCONTINUE, keys.PLUG}),
        ([an_exam(SENT)], ALWAYS | {keys.START, keys.PLUG}),
        ([an_exam(ENDING)], ALWAYS | {keys.COMPLETE, keys.DISCONTINUE, keys.PLUG}),
        (
            [an_exam(interrupted=True)],
            ALWAYS | BEGINNING | {keys.NEXT, keys.REPORT, keys.COMPLETE, keys.DISCONTINUE, keys.PLUG, keys.APPEND},
        ),
    ],
)
def test_a_key_does_something_when_the_table_allows_it(exams: list[Exam], expected: set[str]):
    assert working(*exams) == expected


def test_a_key_that_does_nothing_says_what_to_do():
    assert "SPS-1 is open here: complete or discontinue it first" in keys.why_not(keys.named("start"), [an_exam()])
    assert "start one first" in keys.why_not(keys.named("complete"), [])
    assert "same UID, or pull the plug" in keys.why_not(keys.named("complete"), [an_exam(SENT)])
    assert "open here: press Start exam again, or pull the plug" in keys.why_not(keys.named("group"), [an_exam(SENT)])


def test_a_key_that_is_none_names_those_there_are():
    with pytest.raises(NotFound, match="it has update, start"):
        keys.named("self-destruct")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "given", "field", "words"),
    [
        ("update", {"days": "31-Feb"}, "days", "is not a date"),
        ("update", {"accession_number": "x" * 17}, "accession_number", "at most 16"),
        ("update", {"modality": "CT/MR"}, "modality", "upper-case letters"),
        ("update", {"patientname": "A"}, "patientname", "it takes patient_name"),
        ("complete", {"reason": "110514"}, "reason", "takes nothing"),
        ("start", {}, "pick", "select an entry"),
        ("start", {"pick": "none"}, "pick", "update the list"),
        ("group", {"picks": ["one"]}, "picks", "fewer than two"),
        ("discontinue", {"reason": "4711"}, "reason", "no code of CID 9300"),
        ("discontinue", {}, "reason", "say why"),
        ("hand", {"name": ""}, "name", "FAMILY^GIVEN"),
        ("hand", {"name": "A^B", "birth_date": "31.12.1980"}, "birth_date", "write it as 1984-05-31"),
        ("hand", {"name": "A^B", "slip": "sneeze"}, "slip", "transposed-digits"),
    ],
)
def test_what_is_wrong_with_what_is_given_is_said_at_its_field(key: str, given: dict[str, Any], field: str, words: str):
    with pytest.raises(InvalidInput) as error:
        arguments.checked(keys.named(key), a_console(), given)
    assert words in error.value.errors[field]


@pytest.mark.django_db
def test_a_query_may_be_for_today_a_day_or_all_days_and_for_any_station():
    console = a_console(kind="MR")
    update = keys.named("update")

    def question(**given: Any) -> str:
        return str(arguments.question_of(console, arguments.checked(update, console, given)))

    assert question().startswith("station CT01, date 2")
    assert question(days="2026-11-23") == "station CT01, date 20261123, modality MR"
    assert question(days="ALL", any_station=True, modality="", patient_name="TANAKA*") == "patient name TANAKA*"
