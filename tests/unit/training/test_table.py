from io import StringIO

from pydicom.dataset import Dataset

from training import query, table
from training.progress import Bar
from training.query import Question


def test_columns_line_up_with_names_of_all_scripts():
    drawn = table.lines(("Name", "ID"), [("山田, 太郎", "1"), ("ศรีสุข, มาลี", "2"), ("Ab", "3")])

    assert {table.width(line) for line in drawn[2:]} == {table.width("山田, 太郎") + 3}
    assert all(line == line.rstrip() for line in drawn)


def test_a_question_reads_like_what_was_asked():
    assert str(Question(station="CT01", dates="20261123")) == "station CT01, date 20261123"
    assert str(Question()) == "everything"


def test_the_query_declares_a_character_set_only_when_it_needs_one():
    assert "SpecificCharacterSet" not in Question(patient_name="TANAKA*").identifier()
    assert Question(patient_name="山田*").identifier().SpecificCharacterSet == "ISO_IR 192"


def test_control_characters_of_a_peer_do_not_reach_the_terminal():
    item = Dataset()
    item.PatientID = "a\x1b[2Jb"

    assert query.text(item, "PatientID") == "a·[2Jb"


def test_names_and_several_values_are_shown_as_text():
    item = Dataset()
    item.PatientName = "YAMADA^Tarou=山田^太郎"
    item.MedicalAlerts = ["Pacemaker", "MRSA"]

    assert query.text(item, "PatientName") == "YAMADA^Tarou=山田^太郎"
    assert query.text(item, "MedicalAlerts") == "Pacemaker\\MRSA"


def test_progress_is_one_line_for_each_kind_where_nobody_watches():
    out = StringIO()
    bar = Bar(out)
    for done in range(1, 4):
        bar.show("patients", done, 3)

    assert out.getvalue().strip() == "3 patients"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True

    def write(self, msg: str = "", style_func: object = None, ending: str = "") -> int:  # type: ignore[override]
        return super().write(msg + ending)


def test_progress_is_a_bar_with_counts_in_a_terminal():
    out = Terminal()
    Bar(out).show("patients", 3, 3)

    assert "patients    [##############################] 3/3" in out.getvalue()
