"""At the end: what was sent against what is stored, charged and booked. The expectation is made of the exams alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.chaos.exams import End, Exam, by_procedure
from tests.support.stack import Stack

_STATUS = {End.COMPLETED: "COMPLETED", End.REDUCED: "DISCONTINUED", End.NOTHING: "DISCONTINUED", End.WRONG_ENTRY: "SCHEDULED"}
_PAGE = 500


@dataclass(frozen=True)
class Books:
    """What was found; `differences`, a sentence each, is empty when all adds up."""

    charges: int
    amount: Decimal
    differences: list[str]


def listed(stack: Stack, path: str) -> list[dict[str, Any]]:
    """All items of a list of the REST interface."""
    found: list[dict[str, Any]] = []
    while True:
        page = stack.get(f"{path}{'&' if '?' in path else '?'}limit={_PAGE}&offset={len(found)}")
        found += page["items"]
        if len(found) >= page["count"] or not page["items"]:
            return found


def waiting(stack: Stack) -> int:
    """How many charges are still to be sent."""
    return sum(not one["on_hold"] for one in listed(stack, "/api/v1/charges?status=PENDING"))


def look(stack: Stack, exams: Sequence[Exam]) -> Books:
    """Compare everything."""
    accessions = {exam.accession_number for exam in exams}
    of_the_day = listed(stack, "/api/v1/charges")
    charges = [one for one in of_the_day if one["accession_number"] in accessions]
    posted_or_due = [one for one in of_the_day if one["status"] == "POSTED" or one in charges]
    differences = [*_steps(stack, exams), *_performed(stack, exams), *_charged(charges, exams), *_booked(stack, posted_or_due)]
    posted = sum((Decimal(str(one["amount"])) for one in charges if one["status"] == "POSTED"), Decimal(0))
    return Books(len(charges), posted, differences)


def _steps(stack: Stack, exams: Sequence[Exam]) -> Iterator[str]:
    found = {one["scheduled_procedure_step_id"]: one["status"] for one in listed(stack, "/api/v1/scheduled-steps")}
    for exam in exams:
        if found.get(exam.step_id) != _STATUS[exam.end]:
            yield f"step {exam.step_id} ({exam.end}) is {found.get(exam.step_id)}"


def _performed(stack: Stack, exams: Sequence[Exam]) -> Iterator[str]:
    found = Counter((one["sop_instance_uid"], one["status"]) for one in listed(stack, "/api/v1/performed-steps"))
    for exam in exams:
        status = "COMPLETED" if exam.end is End.COMPLETED else "DISCONTINUED"
        if found[exam.uid, status] != 1:
            yield f"performed step {exam.uid} ({exam.end}) is there {found[exam.uid, status]} times as {status}"


def worth(exams: Sequence[Exam]) -> str:
    """What a procedure with these exams is charged: `full`, `reduced` or nothing (empty). One that is to be done again is not yet."""
    ends = {exam.end for exam in exams}
    if End.WRONG_ENTRY in ends or ends == {End.NOTHING}:
        return ""
    return "full" if ends == {End.COMPLETED} else "reduced"


def _charged(charges: Sequence[dict[str, Any]], exams: Sequence[Exam]) -> Iterator[str]:
    made: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in charges:
        is_reduced = any(line["modifier"] for line in one["lines"])
        made[one["accession_number"], one["requested_procedure_id"]].append("reduced" if is_reduced else "full")
        if one["status"] != "POSTED":
            yield f"charge {one['control_id']} is {one['status']}: {one['error'] or one['on_hold']}"
    for procedure, its in by_procedure(exams).items():
        wanted = [worth(its)] if worth(its) else []
        if made[procedure] != wanted:
            yield f"procedure {procedure} ({', '.join(exam.end for exam in its)}) is charged {made[procedure]}, not {wanted}"


def _booked(stack: Stack, charges: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Each charge, also of the other exams of the day, stands in the ledger once, with its amount, and nothing else does."""
    booked: dict[str, list[Decimal]] = defaultdict(list)
    for entry in stack.ledger().entries():
        booked[entry.control_id].append(entry.posting.amount or Decimal(0))
    for one in charges:
        lines = booked.pop(one["control_id"], []) if one["status"] == "POSTED" else []
        if len(lines) != len(one["lines"]) or sum(lines) != Decimal(str(one["amount"])):
            yield f"charge {one['control_id']} of {one['amount']} is booked as {[str(line) for line in lines]}"
    for control_id, lines in booked.items():
        yield f"the ledger has {control_id} of {sum(lines)}, which nobody charged"
