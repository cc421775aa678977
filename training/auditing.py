"""Whose entries and exams lie on a console, for the audit trail: as its machine was told, so by their numbers."""

from collections.abc import Iterator

from dimse.services import Verb
from ris import audit, whom
from ris.audit import Subject
from ris.models import Site
from training.consoles import pressed
from training.consoles.screen import Screen
from training.memory import Exam
from training.models import Console, ConsoleAct, ConsoleMessage


@audit.subjects.register
def of_console(console: Console) -> Iterator[Subject]:
    """The list that it received, its exams, and its last key."""
    screen = Screen(console)
    listed = [(row["patient_id"], row["accession"]) for row in console.rows]
    yield from audit.of_numbers(console.site, listed)
    yield from of_exams(console.site, screen.exams)
    if screen.act:
        yield from of_act(screen.act)


def of_exams(site: Site, exams: list[Exam]) -> list[Subject]:
    return audit.of_numbers(site, (number for exam in exams for number in pressed.of_exam(exam)))


@audit.subjects.register
def of_act(act: ConsoleAct) -> Iterator[Subject]:
    """Whom a key was given, and of whose exam is said what came of it."""
    console = act.console
    yield from audit.of_numbers(console.site, pressed.shown_with(act.text, act.arguments, console.rows, Screen(console).exams))


def of_message(message: ConsoleMessage) -> list[Subject]:
    """Of its request and what was answered."""
    is_query = message.verb == Verb.C_FIND
    said = message.answers if is_query else [message.request, *message.answers]
    return whom.of_datasets(message.console.site, said, keys=[message.request] if is_query else ())
