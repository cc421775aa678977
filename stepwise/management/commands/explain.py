"""`manage.py explain STEP --station AET`: why an exam is, or is not, on the worklist of a scanner."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from ris import audit, shell
from ris.console import not_ready, say
from ris.errors import RisError
from ris.models import ScheduledProcedureStep
from ris.validation import whole_number
from stepwise import explaining
from training import table
from worklist.explanation import Explanation
from worklist.verdicts import Verdict

_EPILOG = (
    "STEP is a scheduled procedure step ID, or the id that the REST interface and the addresses of pages have (id:N when in doubt). "
    "Exit status: 0 it is told, 2 it cannot be told; with --exit-code 1 when the exam is not shown."
)
_CANNOT_BE_TOLD = 2
_HEADERS = ("", "Key", "Asked", "Exam has", "Why")


def _key(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    if not equals or not keyword.strip():
        raise CommandError(f"--key {text}: write it as KEYWORD=VALUE, e.g. --key 'PatientName=DOE*'", returncode=_CANNOT_BE_TOLD)
    return keyword.strip(), value


class Command(BaseCommand):
    help = (
        "Say key by key why an exam is, or is not, an answer to a worklist query: the last one that the station sent, another one of "
        "the journal (--message), or one that is typed here (--key)."
    )
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, epilog=_EPILOG, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("step", metavar="STEP", help="scheduled procedure step ID, or id:N")
        parser.add_argument("--station", required=True, metavar="AET", help="the AE title that asks, e.g. CT01")
        parser.add_argument("--message", type=int, metavar="ID", help="a C-FIND of the journal, as GET /api/v1/messages numbers them")
        parser.add_argument(
            "--key",
            action="append",
            default=[],
            metavar="KEYWORD=VALUE",
            help="a key of a query of your own; may be repeated. Without value it asks for everything",
        )

        parser.add_argument("--exit-code", action="store_true", help="exit with 1 when the exam is not shown")

    def handle(self, *args: Any, step: str, station: str, message: int | None, key: list[str], **options: Any) -> None:
        try:
            explained = self._explain(step.strip(), station.strip(), message, dict(map(_key, key)))
            told = {"station": station.strip()}
            shell.enter("explain", audit.PROCEDURE, explained.step.site, audit.all_subjects([explained.step]), asked=told)
        except RisError as error:
            raise CommandError(str(error), returncode=_CANNOT_BE_TOLD) from error
        except DatabaseError as error:
            raise CommandError(f"{not_ready(error)}", returncode=_CANNOT_BE_TOLD) from error
        self._show(explained)
        if options["exit_code"] and not explained.is_shown:
            raise SystemExit(1)

    def _explain(self, step: str, station: str, message: int | None, keys: dict[str, str]) -> Explanation:
        if not station:
            raise CommandError("Which scanner is it? Give its AE title with --station, e.g. --station CT01.", returncode=_CANNOT_BE_TOLD)
        found = _step(step)
        return explaining.explain(found, explaining.asking(found, station, message, keys))

    def _show(self, explained: Explanation) -> None:
        step, patient = explained.step, explained.step.requested_procedure.order.patient
        say(self.stdout, f"Step {step.scheduled_procedure_step_id} (id:{step.pk}), {patient.name or 'no name'}, {step.status}")
        say(self.stdout, explained.summary)
        say(self.stdout, "")
        for line in table.lines(_HEADERS, [_row(one) for one in explained.verdicts]):
            say(self.stdout, line)
        for note in explained.asking.notes:
            say(self.stdout, f"Note: {note}")


def _row(verdict: Verdict) -> tuple[str, ...]:
    cells = ("yes" if verdict.matches else "NO", verdict.name, verdict.asked, verdict.has, verdict.why)
    return tuple("".join(char if char.isprintable() else "·" for char in cell) for cell in cells)


def _step(text: str) -> ScheduledProcedureStep:
    """The step of a step ID, else of an id, of whatever hospital."""
    steps = ScheduledProcedureStep.objects.select_related("site", "requested_procedure__order__patient")
    found = list(steps.filter(scheduled_procedure_step_id=text)[:10]) if text and not text.startswith("id:") else []
    if not found and (key := whole_number(text.removeprefix("id:"))) is not None:
        found = list(steps.filter(pk=key))
    if not found:
        raise CommandError(f"No scheduled step has the ID {text!r}; GET /api/v1/scheduled-steps lists them.", returncode=_CANNOT_BE_TOLD)
    if len(found) > 1:
        several = ", ".join(f"id:{one.pk} (accession number {one.requested_procedure.order.accession_number or 'none'})" for one in found)
        raise CommandError(f"{len(found)} steps have the ID {text!r}; give one of {several}.", returncode=_CANNOT_BE_TOLD)
    return found[0]
