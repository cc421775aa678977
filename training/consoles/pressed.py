"""Whom a key is pressed for, by the numbers that the console knows, and whom its act tells of: for the audit trail."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ris import names
from training.consoles import keys
from training.consoles.keys import Key, Needs
from training.memory import Exam

Number = tuple[str, str]
"""A patient ID with an accession number, either of which may be empty."""


def asked_for(key: Key, arguments: Mapping[str, Any], rows: Iterable[Mapping[str, str]], exams: Sequence[Exam]) -> list[Number]:
    """Those of the query, of the entries that are selected, of the patient that is typed, or of the exam on the table."""
    given = list(_given(arguments, rows))
    if given or key.needs is Needs.NOTHING:
        return given
    here = keys.open_exam(exams) or (exams[-1] if exams and key.needs is Needs.OVER_EXAM else None)
    return of_exam(here) if here else []


def shown_with(text: str, arguments: Mapping[str, Any], rows: Iterable[Mapping[str, str]], exams: Iterable[Exam]) -> list[Number]:
    """Those of an act as it is told: what was given to the key, and the exams of whom its `text` speaks."""
    spoken_of = (exam for exam in exams if (who := names.plain(exam.patient_name) or exam.patient_id) and who in text)
    return [*_given(arguments, rows), *(number for exam in spoken_of for number in of_exam(exam))]


def of_exam(exam: Exam) -> list[Number]:
    return [(exam.patient_id, number) for number in exam.accession_numbers or [""]]


def _given(arguments: Mapping[str, Any], rows: Iterable[Mapping[str, str]]) -> Iterator[Number]:
    """Wildcards are of nobody; a patient who is typed without any number is somebody all the same."""
    typed = (str(arguments.get("patient_id", "")), str(arguments.get("accession_number", "")))
    if any(typed) or "name" in arguments:
        yield typed
    picks = {arguments.get("pick"), *arguments.get("picks", ())}
    yield from ((row["patient_id"], row["accession"]) for row in rows if row["key"] in picks)
