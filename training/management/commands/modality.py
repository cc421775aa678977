"""`manage.py modality --station CT01 list|start|complete|discontinue`: a virtual modality on the command line."""

import logging
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from pydicom.dataset import Dataset

from dimse.scu import ScuAnswer
from ris import clock, names, validation
from ris.console import counted
from training import memory, query, table
from training.memory import Exam
from training.modality import Modality, ModalityError, NoAnswer, Refused
from training.performed import step_item
from training.query import Question, dicom_dates
from training.store import FileStore, MemoryUnreadable
from training.target import Target

_EPILOG = (
    "STEP is a scheduled procedure step ID as `list` shows it, or the accession number of an exam of one step. "
    "Exit status: 0 done, 1 it cannot be done, 2 wrong arguments, 3 no usable answer from the other side, 4 a failure status."
)
_HEADERS = ("Start", "Patient", "Patient ID", "Accession", "Step ID", "Procedure", "Modality", "Priority", "Status")
_WRONG_ARGUMENTS, _NO_ANSWER, _FAILURE_STATUS = 2, 3, 4


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date; write it as 2026-11-23") from None


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ArgumentTypeError(f"{text!r} is not a port; it is a number from 1 to 65535")
    return int(text)


def _ae_title(text: str) -> str:
    try:
        title = validation.text(text, "AE")
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no AE title: it {error}") from None
    if not title:
        raise ArgumentTypeError("an AE title is 1 to 16 characters")
    return title


def _add_common(parser: ArgumentParser, *, repeated: bool = False) -> None:
    """Options that may stand before the verb or behind it; `repeated` leaves those alone that stood before it."""

    def add(name: str, default: object, kind: Callable[[str], object], metavar: str, what: str) -> None:
        shown = "" if repeated or not default else f" ({default})"
        parser.add_argument(name, default=SUPPRESS if repeated else default, type=kind, metavar=metavar, help=what + shown)

    add("--station", None, _ae_title, "AET", "the modality's own AE title, e.g. CT01")
    add("--host", settings.DICOM_HOST, str, "HOST", "host of the other side")
    add("--port", settings.DICOM_PORT, _port, "PORT", "its port")
    add("--called", settings.AE_TITLE, _ae_title, "AET", "its AE title")
    add("--operator", "OPERATOR^Virtual", str, "NAME", "operator's name in MPPS")


class Command(BaseCommand):
    help = "Play a modality over real DICOM, against this simulator or any other worklist and MPPS server."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, epilog=_EPILOG, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        _add_common(parser)
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|start|complete|discontinue")
        asks = verbs.add_parser("list", help="show the worklist: today's for this station, unless asked otherwise")
        start = verbs.add_parser("start", help="begin an exam: N-CREATE")
        complete = verbs.add_parser("complete", help="end an exam with all its series: N-SET COMPLETED")
        discontinue = verbs.add_parser("discontinue", help="break an exam off: N-SET DISCONTINUED")
        self._add_list(asks)
        start.add_argument("--any-station", action="store_true", help="also take an exam that is planned for another station")
        discontinue.add_argument("--reason", required=True, metavar="CODE", help="a code of CID 9300, e.g. 110513")
        for verb in (start, complete, discontinue):
            verb.add_argument("step", metavar="STEP", help="step ID or accession number")
            verb.add_argument("--uid", default="", help="SOP Instance UID to use instead of the modality's own")
        for verb in (asks, start, complete, discontinue):
            _add_common(verb, repeated=True)

    def _add_list(self, parser: ArgumentParser) -> None:
        when = parser.add_mutually_exclusive_group()
        when.add_argument("--date", type=_day, metavar="YYYY-MM-DD", help="another day than today")
        when.add_argument("--all", action="store_true", dest="all_days", help="all days")
        parser.add_argument("--any-station", action="store_true", help="what is planned for all stations")
        parser.add_argument("--patient", default="", metavar="TEXT", help="patient's name, e.g. 'TANAKA*', or patient ID")
        parser.add_argument("--accession", default="", metavar="NUMBER", help="accession number")
        parser.add_argument("--modality", default="", metavar="CS", help="e.g. CT")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        if not options["station"]:
            raise CommandError("Which modality is it? Give its AE title with --station, e.g. --station CT01.", returncode=_WRONG_ARGUMENTS)
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # what it would log is said below, in words
        target = Target(options["host"], options["port"], options["called"])
        store = FileStore(settings.DATA_DIR / "modalities", options["station"])
        modality = Modality(options["station"], target, store, operator=options["operator"])
        act = {"list": self._list, "start": self._start, "complete": self._complete, "discontinue": self._discontinue}[verb]
        try:
            act(modality, options)
        except NoAnswer as error:
            raise CommandError(str(error), returncode=_NO_ANSWER) from error
        except Refused as error:
            raise CommandError(str(error), returncode=_FAILURE_STATUS) from error
        except (ModalityError, MemoryUnreadable) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"This modality cannot remember its exams in {store.path.parent}: {error.strerror or error}.") from error

    def _list(self, modality: Modality, options: dict[str, Any]) -> None:
        days = options["date"] or clock.today()
        question = Question(
            station="" if options["any_station"] else modality.ae_title,
            dates="" if options["all_days"] else dicom_dates(days, days),
            modality=options["modality"].strip().upper(),
            patient_name=options["patient"],
            accession_number=options["accession"],
        )
        by_id = replace(question, patient_name="", patient_id=options["patient"])
        items = modality.worklist(question, *([by_id] if options["patient"] else []))
        asked = str(question).replace("patient name", "patient name or ID")
        if items:
            for line in table.lines(_HEADERS, [_row(item) for item in items]):
                self.stdout.write(line)
            self.stdout.write(f"{len(items)} on the worklist of {modality.target} for {asked}.")
        else:
            wider = " `list --all` asks for all days." if question.dates else ""
            self.stdout.write(f"Nothing is on the worklist of {modality.target} for {asked}.{wider}")
        for exam in modality.open_exams():
            state = "sent, not answered" if exam.state != memory.IN_PROGRESS else f"since {exam.started[11:16]}"
            what = f"{exam.step_id} {exam.accession_number} {exam.description}"
            self.stdout.write(f"In progress here: {what} ({state}, MPPS {exam.sop_instance_uid})")

    def _start(self, modality: Modality, options: dict[str, Any]) -> None:
        exam, answer = modality.start(options["step"], any_station=options["any_station"], sop_instance_uid=options["uid"])
        self._tell("N-CREATE IN PROGRESS", modality, exam, answer)
        self.stdout.write(f"Next: `complete {exam.step_id}`, or `discontinue {exam.step_id} --reason 110513`.")

    def _complete(self, modality: Modality, options: dict[str, Any]) -> None:
        exam, answer = modality.complete(options["step"], sop_instance_uid=options["uid"])
        self._tell("N-SET COMPLETED", modality, exam, answer)
        self._show(exam)

    def _discontinue(self, modality: Modality, options: dict[str, Any]) -> None:
        exam, answer = modality.discontinue(options["step"], options["reason"], sop_instance_uid=options["uid"])
        self._tell("N-SET DISCONTINUED", modality, exam, answer)
        self._show(exam)

    def _tell(self, message: str, modality: Modality, exam: Exam, answer: ScuAnswer) -> None:
        self.stdout.write(f"{message}: {exam.step_id} {exam.accession_number} {exam.description}")
        self.stdout.write(f"{modality.target} answered {answer}")
        self.stdout.write(f"SOP Instance UID {exam.sop_instance_uid}")

    def _show(self, exam: Exam) -> None:
        for one in exam.series:
            self.stdout.write(f"  {exam.description} {one['label']}: {counted(one['images'], 'image')}")


def _row(item: Dataset) -> tuple[str, ...]:
    return (
        query.start(item),
        names.plain(query.text(item, "PatientName")),
        query.text(item, "PatientID"),
        query.text(item, "AccessionNumber"),
        query.step_id(item),
        query.described(item),
        query.text(step_item(item), "Modality"),
        query.text(item, "RequestedProcedurePriority"),
        query.text(step_item(item), "ScheduledProcedureStepStatus"),
    )
