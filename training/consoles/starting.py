"""Two people at one console: who pressed Start for an entry while another exam was begun is told so, and by whom."""

from collections.abc import Mapping
from typing import Any

from ris import names
from training.consoles import keys
from training.memory import Exam, Memory
from training.models import Console, ConsoleAct

_BEGINNING = (keys.START, keys.WRONG, keys.GROUP, keys.HAND, keys.APPEND)


def overtaken(console_id: int, pick: str, own: int = 0) -> str:
    """`WEBER started SPS-1 of DOE, Jane here meanwhile; yours, SPS-2 of SMITH, John, was not started.`

    Empty when the exam is that of the entry `pick` itself, or there is no other. `own` is the act that asks, if it is one.
    """
    console = Console.objects.get(pk=console_id)
    row = next((one for one in console.rows if one["key"] == pick), None)
    under_way = console.acts.filter(status__in=ConsoleAct.OPEN, key__in=_BEGINNING).exclude(pk=own).first()
    exam = keys.open_exam(Memory.of(console.memory, lambda _: None).exams)
    if row is None:
        return ""
    if exam is not None and not exam.interrupted:
        who, is_mine = _who(console, exam), row["step_id"] in exam.step_ids
        said = f"{who} started {_named(exam.name, exam.patient_name)} here meanwhile"
    elif under_way is not None:
        is_mine = under_way.arguments.get("pick") == pick
        said = f"{under_way.actor} is starting {_picked(console, under_way.arguments)} here"
    else:
        return ""
    return "" if is_mine else f"{said}; yours, {_named(row['step_id'], row['name'])}, was not started."


def _who(console: Console, exam: Exam) -> str:
    """Who pressed the key that sent the exam's N-CREATE first."""
    created = console.messages.filter(verb="N-CREATE", sop_instance_uid=exam.sop_instance_uid).select_related("act").last()
    return created.act.actor if created else "Somebody"


def _picked(console: Console, arguments: Mapping[str, Any]) -> str:
    wanted = [arguments.get("pick"), *arguments.get("picks", [])]
    found = [_named(row["step_id"], row["name"]) for row in console.rows if row["key"] in wanted]
    return found[0] if found else names.plain(arguments.get("name", "")) or "another exam"


def _named(step: str, patient: str) -> str:
    return f"{step or 'an exam'} of {names.plain(patient) or 'a patient without a name'}"
