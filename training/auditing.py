"""Whose entries and exams lie on a console, for the audit trail: as its machine was told, so by their numbers."""

from collections.abc import Iterator

from ris import audit
from ris.audit import Subject
from ris.models import Site
from training.consoles.screen import Screen
from training.memory import Exam
from training.models import Console


@audit.subjects.register
def of_console(console: Console) -> Iterator[Subject]:
    """The list that it received, and its exams."""
    listed = [(row["patient_id"], row["accession"]) for row in console.rows]
    yield from audit.of_numbers(console.site, listed)
    yield from of_exams(console.site, Screen(console).exams)


def of_exams(site: Site, exams: list[Exam]) -> list[Subject]:
    return audit.of_numbers(site, ((exam.patient_id, number) for exam in exams for number in exam.accession_numbers or [""]))
