"""What the answers of destinations mean: the table, row by row."""

from pathlib import Path

import pytest
from django.conf import settings

from dimse import statuses
from dimse.outcomes import Aborted, ScuAnswer
from mpps import replies

CREATE, SET, EVENT = "N-CREATE", "N-SET", "N-EVENT-REPORT"


@pytest.mark.parametrize(
    ("verb", "status", "error_id", "repeated", "final", "outcome"),
    [
        (CREATE, 0x0000, None, False, False, "SENT"),
        (CREATE, 0x0116, None, False, False, "SENT"),
        (SET, 0x0107, None, False, True, "SENT"),
        (CREATE, 0x0111, None, False, False, "SENT"),
        (SET, 0x0111, None, False, False, "PARKED"),
        (SET, 0x0110, 0xA710, True, True, "SENT"),
        (SET, 0x0110, 0xA710, False, True, "PARKED"),
        (SET, 0x0110, 0xA710, True, False, "PARKED"),
        (SET, 0x0112, None, False, False, "PARKED"),
        (SET, 0x0110, None, False, False, "AGAIN"),
        (CREATE, 0x0110, None, False, False, "AGAIN"),
        (CREATE, 0x0213, None, False, False, "AGAIN"),
        (CREATE, 0xA700, None, False, False, "AGAIN"),
        (SET, 0x0210, None, False, False, "AGAIN"),
        (CREATE, 0x0106, None, False, False, "PARKED"),
        (CREATE, 0x0124, None, False, False, "PARKED"),
        (SET, 0x4711, None, False, False, "PARKED"),
        (EVENT, 0x0000, None, False, False, "SENT"),
        (EVENT, 0x0112, None, False, False, "REFUSED"),
        (EVENT, 0x0113, None, False, False, "REFUSED"),
        (EVENT, 0x0110, None, False, False, "AGAIN"),
        (EVENT, 0x0213, None, False, False, "AGAIN"),
    ],
)
def test_an_answer_and_what_becomes_of_its_message(
    verb: str, status: int, error_id: int | None, repeated: bool, final: bool, outcome: str
) -> None:
    reply = replies.judge(verb, ScuAnswer(status, error_id=error_id), repeated=repeated, final=final, known=False)
    assert reply.outcome == outcome
    assert f"{status:04X}H" in reply.text


@pytest.mark.parametrize("verb", [CREATE, SET, EVENT])
def test_no_answer_is_no_refusal_however_often(verb: str) -> None:
    reply = replies.unanswered(verb, Aborted("PACS at pacs:104 aborted the association during it."))
    assert (reply.outcome, reply.most) == ("AGAIN", None)
    assert reply.text.startswith("PACS at pacs:104 aborted")


@pytest.mark.parametrize(("final", "known", "outcome"), [(True, True, "SENT"), (False, True, "SENT"), (True, False, "PARKED")])
def test_a_step_that_somebody_else_began_and_ended_there_is_told_by_them(final: bool, known: bool, outcome: str) -> None:
    assert replies.judge(SET, ScuAnswer(0x0110, error_id=0xA710), repeated=False, final=final, known=known).outcome == outcome


def test_every_row_of_the_table_is_reached() -> None:
    for rule in replies.RULES:
        status = 0x0105 if rule.status is None else rule.status
        given = bool(rule.repeated), bool(rule.final), bool(rule.known)
        answer = ScuAnswer(status, error_id=rule.error_id)
        for verb in rule.verbs:
            reached = next(r for r in replies.RULES if r.fits(verb, answer, *given))
            assert reached is rule, (rule, verb)


def test_the_conformance_statement_names_every_answer_of_the_table() -> None:
    statement = (Path(settings.BASE_DIR) / "docs" / "conformance.md").read_text(encoding="utf-8")
    section = statement.partition("## MPPS sent on")[2].partition("\n## ")[0]
    codes = {f"{code:04X}H" for rule in replies.RULES for code in (rule.status, rule.error_id) if code is not None and code >= 0}
    assert {code for code in codes if code not in section} == {f"{statuses.NOT_AUTHORIZED:04X}H"}, "which is one of the other failures"
