"""What a person does at a console is in the audit trail, and whom an act of it tells of."""

from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError

from ris import audit
from ris.actions import auditing
from ris.actions.auditing import NotRecorded
from ris.actor import Actor
from ris.models import AuditRecord
from tests.support.console import OPERATOR, a_console
from tests.unit.training.test_console_keys import an_exam
from training.actions import console_acts
from training.consoles import keys
from training.memory import Exam, Memory
from training.models import Console, ConsoleAct

pytestmark = pytest.mark.django_db

ROW = {"key": "k1", "patient_id": "P-1", "accession": "A-1", "name": "DOE^Jane", "step_id": "SPS-9"}
EXAM = an_exam(patient_name="ROE^Jon", patient_id="P-2", accession_numbers=["A-2", "A-3"])
OVER = an_exam("COMPLETED", patient_name="ROE^Jon", patient_id="P-2", accession_numbers=["A-2"])


def knowing(console: Console, *exams: Exam) -> Console:
    memory: list[dict[str, Any]] = []
    Memory(memory.append, list(exams)).save()
    Console.objects.filter(pk=console.pk).update(memory=memory[0], rows=[ROW])
    console.refresh_from_db()
    return console


@pytest.mark.parametrize(
    ("key", "exams", "given", "event", "about"),
    [
        (keys.UPDATE, [], {"patient_id": "P-1", "days": "all"}, audit.ASKED, [("P-1", "")]),
        (keys.UPDATE, [EXAM], {"patient_name": "DOE*"}, audit.ASKED, []),
        (keys.HAND, [], {"name": "DOE^Jane"}, audit.KEY, [("", "")]),
        (keys.HAND, [], {"name": "DOE^Jane", "accession_number": "A-1"}, audit.KEY, [("", "A-1")]),
        (keys.START, [], {"pick": "k1"}, audit.KEY, [("P-1", "A-1")]),
        (keys.GROUP, [], {"picks": ["k1", "k2"]}, audit.KEY, [("P-1", "A-1")]),
        (keys.START, [an_exam("SENT", patient_id="P-2")], {}, audit.KEY, [("P-2", "")]),
        (keys.COMPLETE, [OVER, EXAM], {}, audit.KEY, [("P-2", "A-2"), ("P-2", "A-3")]),
        (keys.APPEND, [OVER], {}, audit.KEY, [("P-2", "A-2")]),
        (keys.ECHO, [EXAM], {}, audit.KEY, []),
    ],
)
def test_who_presses_a_key_is_entered_with_whom_it_is_about(
    key: str, exams: list[Exam], given: dict[str, Any], event: str, about: list[tuple[str, str]]
) -> None:
    console = knowing(a_console(), *exams)
    anna = Actor.user(User.objects.create_user("anna"))
    console_acts.begin(console.pk, keys.named(key), given, anna)
    (row,) = AuditRecord.objects.filter(actor="anna")
    assert (row.event, row.detail["of"], list(row.patients.values_list("patient_id", "accession_number"))) == (
        event,
        [f"{keys.named(key).plain_label} of CT01"],
        about,
    )
    assert row.detail.get("asked") == (given if event == audit.ASKED else None)


def test_what_the_machine_does_by_itself_is_nobody_s_key() -> None:
    console_acts.begin(a_console().pk, keys.named(keys.ECHO), {}, OPERATOR)
    assert not AuditRecord.objects.exists()


def test_a_key_that_cannot_be_entered_is_not_pressed(monkeypatch: pytest.MonkeyPatch) -> None:
    console, anna = a_console(), Actor.user(User.objects.create_user("anna"))
    monkeypatch.setattr(auditing, "insert_one", Mock(side_effect=DatabaseError("disk is full")))
    with pytest.raises(NotRecorded):
        console_acts.begin(console.pk, keys.named(keys.ECHO), {}, anna)
    assert not ConsoleAct.objects.exists()


def test_an_act_is_told_of_the_exam_that_its_text_speaks_of() -> None:
    console = knowing(a_console(), OVER)
    said = "IN PROGRESS, SPS-1 of ROE, Jon; 0000 Success."
    act = ConsoleAct(console=console, arguments={"pick": "k1"}, text=said)
    assert [(one.patient_id, one.accession_number) for one in audit.subjects(act)] == [("P-1", "A-1"), ("P-2", "A-2")]
    act.text = "IN PROGRESS, SPS-1 of SMITH, Ann; 0000 Success."
    assert [one.patient_id for one in audit.subjects(act)] == ["P-1"]
