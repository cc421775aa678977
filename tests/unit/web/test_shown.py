"""How names, times, statuses and data sets are shown."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone
from pydicom import Dataset

from ris import transitions
from ris.models import ScheduledProcedureStep
from ris.web import datasets, times
from ris.web.names import shown_name
from ris.web.status import WORDS, shown_status

EVENING = datetime(2026, 11, 23, 15, 42, 7, tzinfo=UTC)


def rendered(source: str, **context: object) -> str:
    return Template("{% load ris_web %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("value", "text", "alt", "alt_lang"),
    [
        ("YAMADA^Tarō=山田^太郎=やまだ^たろう", "YAMADA, Tarō", "山田 太郎", "ja"),
        ("Zhang^Wei=张^伟", "ZHANG, Wei", "张 伟", "zh"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "HONG, Gildong", "洪 吉洞", "ko"),
        ("Cohen^Noa=כהן^נועה", "COHEN, Noa", "כהן נועה", "he"),
        ("Groß^Jürgen^Maria^Dr.^MD", "GROß, Dr. Jürgen Maria MD", "", ""),
        ("=山田^太郎", "山田, 太郎", "", ""),
        ("^Lucía", "Lucía", "", ""),
        ("", "Not known", "", ""),
        ("^^^^", "Not known", "", ""),
    ],
)
def test_a_name_leads_with_the_family_in_capitals(value: str, text: str, alt: str, alt_lang: str) -> None:
    shown = shown_name(value)
    assert (str(shown), shown.alt, shown.alt_lang) == (text, alt, alt_lang)


def test_a_name_is_marked_up_with_its_language_and_escaped() -> None:
    assert rendered("{% person name %}", name="Cohen^<b>=כהן^נועה") == (
        '<span class="fam">COHEN</span>, &lt;b&gt;<bdi class="alt" lang="he">כהן נועה</bdi>'
    )


def test_days_have_english_months_and_times_the_hospitals_zone() -> None:
    with timezone.override("America/New_York"):
        assert times.moment_seconds(EVENING) == "23-Nov-2026 10:42:07"
        assert times.weekday(EVENING) == "Mon 23-Nov-2026"
        assert times.zone_text(EVENING) == "23-Nov-2026 10:42 EST, America/New_York (UTC−05:00)"
    with timezone.override("Asia/Kolkata"):
        assert times.zone_text(EVENING).endswith("(UTC+05:30)")


def test_a_moment_near_today_is_short() -> None:
    with timezone.override("UTC"):
        assert [times.moment_near(EVENING, day) for day in (date(2026, 11, 23), date(2026, 11, 24), date(2027, 1, 1))] == [
            "15:42",
            "23-Nov",
            "23-Nov-2026",
        ]


@pytest.mark.parametrize(
    ("born", "text"),
    [
        (date(1988, 5, 16), "38 y"),
        (date(2026, 1, 1), "10 m"),
        (date(2025, 11, 23), "12 m"),
        (date(2024, 11, 23), "2 y"),
        (date(2026, 11, 11), "12 d"),
        (date(2027, 1, 1), ""),
        (None, ""),
    ],
)
def test_ages_are_in_years_months_or_days(born: date | None, text: str) -> None:
    assert times.age(born, date(2026, 11, 23)) == text


def test_durations_grow_from_minutes_to_days() -> None:
    found = [times.duration(timedelta(minutes=minutes)) for minutes in (0, 45, 96, 1441 + 180, -5)]
    assert found == ["0 min", "45 min", "1 h 36 min", "1 d 3 h", "−5 min"]


@pytest.mark.parametrize(
    ("raw", "text"), [("093000", "09:30"), ("093015.250", "09:30:15"), ("09", "09:00"), ("2530", ""), ("9:30", ""), ("", "")]
)
def test_a_tm_value_is_read_or_left_alone(raw: str, text: str) -> None:
    assert times.dicom_time(raw) == text


@pytest.mark.parametrize(("raw", "text"), [("20261123", "23-Nov-2026"), ("20260231", ""), ("2026-11-23", ""), ("", "")])
def test_a_da_value_is_read_or_left_alone(raw: str, text: str) -> None:
    assert times.dicom_date(raw) == text


def test_every_status_of_a_step_has_a_word() -> None:
    assert set(transitions.STATUSES) <= set(WORDS)


def test_an_unknown_status_is_shown_as_it_stands() -> None:
    shown = shown_status("ODD")
    assert (shown.look, shown.word) == ("ODD", "ODD")


def a_dataset() -> Dataset:
    item, dataset = Dataset(), Dataset()
    item.Modality = "CT"
    item.ScheduledProcedureStepStartDate = "20261123"
    dataset.PatientName = "YAMADA^Tarō"
    dataset.MedicalAlerts = ""
    dataset.Allergies = ["Latex", "Iodine"]
    dataset.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.3"
    dataset.ScheduledProcedureStepSequence = [item]
    dataset.add_new(0x00091001, "OB", b"\0\1\2\3")
    return dataset


def test_a_data_set_is_shown_as_a_tree_with_notes() -> None:
    found = {element.keyword: element for element in datasets.elements(a_dataset())}
    assert found["ReferencedSOPClassUID"].note == "Modality Performed Procedure Step SOP Class"
    assert found["MedicalAlerts"].value == ""
    assert found["Allergies"].value == "Latex\\Iodine"
    sequence = found["ScheduledProcedureStepSequence"]
    assert (sequence.tag, sequence.count) == ("(0040,0100)", "1 item")
    assert [(element.keyword, element.note) for element in sequence.items[0]] == [
        ("Modality", ""),
        ("ScheduledProcedureStepStartDate", "23-Nov-2026"),
    ]


def test_a_dump_names_every_element_and_its_length() -> None:
    lines = datasets.dump(a_dataset()).splitlines()
    assert any(line.startswith("(0010,0010) PN [YAMADA^Tarō]") and line.endswith("# 12, 1 PatientName") for line in lines)
    assert any("(0010,2000) LO (no value)" in line for line in lines)
    assert any("4 bytes" in line and "# 4, 1 Private" in line for line in lines)
    assert "(FFFE,E000) na (Item 1)" in "\n".join(lines)


def test_json_is_dicom_json() -> None:
    assert '"00100010"' in datasets.as_json(a_dataset())


def test_a_keyword_may_be_broken_before_its_capitals() -> None:
    assert rendered("{{ keyword|breakable }}", keyword="ScheduledStationAETitle") == "Scheduled<wbr>Station<wbr>AETitle"
    assert rendered("{{ keyword|breakable }}", keyword="<b>Private") == "&lt;b&gt;Private"


def test_an_exam_without_a_time_is_not_called_scheduled() -> None:
    waiting, booked = ScheduledProcedureStep(status="SCHEDULED"), ScheduledProcedureStep(status="SCHEDULED", start=EVENING)
    shown = [rendered("{% step_chip step %}", step=step) for step in (waiting, booked)]
    assert shown == [f'<span class="chip" data-status="SCHEDULED">{word}</span>' for word in ("To schedule", "Scheduled")]


def test_a_moment_to_come_is_short() -> None:
    with timezone.override("UTC"):
        shown = [times.soon(EVENING, day) for day in (date(2026, 11, 23), date(2026, 11, 22), date(2026, 11, 17), date(2026, 11, 16))]
    assert shown == ["15:42", "Mon 15:42", "Mon 15:42", "23-Nov 15:42"]
