"""`manage.py modality --station CT01 list|start|complete|…`: a virtual modality on the command line, `run` for a script of it."""

import logging
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from dimse.scu import Timeouts
from ris import clock
from ris.actions.sites import ensure_default_site
from ris.console import counted, not_ready, say
from training import acts, profiles, script, table
from training.acts import ALL, GRAMMAR, Act
from training.command_line import ae_title, checked, day, port, seconds
from training.faults.active import skewed
from training.modality import Modality, ModalityError, NoAnswer, Refused
from training.playing import Player, Unexpected
from training.script import Script, ScriptError
from training.script_clock import ScriptClock
from training.sent import Counted
from training.store import FileStore, MemoryUnreadable
from training.switching import Switchboard
from training.target import Target
from training.typed import TYPING_ERRORS

_EPILOG = (
    "STEP is a scheduled procedure step ID as `list` shows it, or the accession number of an exam of one step. "
    "Exit status: 0 done, 1 it cannot be done, 2 wrong arguments or a wrong script, 3 no usable answer from the other side, "
    "4 a failure status."
)
_WRONG_ARGUMENTS, _NO_ANSWER, _FAILURE_STATUS = 2, 3, 4
_QUIET = {"pynetdicom": logging.CRITICAL, "ris.clock": logging.ERROR, "training.faults": logging.ERROR}


def _add_common(parser: ArgumentParser, *, repeated: bool = False) -> None:
    """Options that may stand before the verb or behind it; `repeated` leaves those alone that stood before it."""

    def add(name: str, default: object, kind: Callable[[str], object], metavar: str, what: str) -> None:
        shown = "" if repeated or not default else f" ({default})"
        parser.add_argument(name, default=SUPPRESS if repeated else default, type=kind, metavar=metavar, help=what + shown)

    add("--station", None, ae_title, "AET", "the modality's own AE title, e.g. CT01")
    add("--host", settings.DICOM_HOST, str, "HOST", "host of the other side")
    add("--port", settings.DICOM_PORT, port, "PORT", "its port")
    add("--called", settings.AE_TITLE, ae_title, "AET", "its AE title")
    add("--timeout", None, seconds, "SECONDS", "how long to wait for an answer (30)")
    add("--operator", "OPERATOR^Virtual", str, "NAME", "operator's name in MPPS")
    add("--profile", "", str, "NAME", "what kind of machine it is (`profiles`)")
    add("--seed", None, int, "N", "makes chance repeatable")


class Command(BaseCommand):
    help = "Play a modality over real DICOM, against this simulator or any other worklist and MPPS server."
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(prog_name, subcommand, epilog=_EPILOG, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        _add_common(parser)
        metavar = "list|start|acquire|report|append|complete|discontinue|power-loss|echo|run|profiles"
        verbs = parser.add_subparsers(dest="verb", required=True, metavar=metavar)
        asks = verbs.add_parser("list", help="show the worklist: today's for this station, unless asked otherwise")
        start = verbs.add_parser("start", help="begin an exam of one step, or of several steps of one patient: N-CREATE")
        complete = verbs.add_parser("complete", help="end an exam with all its series: N-SET COMPLETED")
        discontinue = verbs.add_parser("discontinue", help="break an exam off: N-SET DISCONTINUED")
        append = verbs.add_parser("append", help=GRAMMAR["append"].what)
        acquire = verbs.add_parser("acquire", help=GRAMMAR["acquire"].what)
        report = verbs.add_parser("report", help=GRAMMAR["report"].what)
        power_loss = verbs.add_parser("power-loss", help=GRAMMAR["power-loss"].what)
        run = verbs.add_parser("run", help="play a script, one verb a line (docs/modality.md)")
        others = [verbs.add_parser("echo", help=GRAMMAR["echo"].what), verbs.add_parser("profiles", help="list the kinds of machines")]
        self._add_list(asks)
        self._add_start(start)
        discontinue.add_argument("--reason", required=True, metavar="CODE", help="a code of CID 9300, e.g. 110513")
        acquire.add_argument("--series", type=checked("acquire", "series"), default="1", metavar="N", help="how many series (1)")
        for verb in (complete, discontinue, append, acquire, report):
            verb.add_argument("step", metavar="STEP", help="step ID or accession number")
        power_loss.add_argument("step", nargs="?", default="", metavar="STEP", help="this exam only, not the whole machine")
        for verb in (start, complete, discontinue, append):
            verb.add_argument("--uid", default="", help="SOP Instance UID to use instead of the modality's own")
        run.add_argument("script", type=Path, metavar="SCRIPT", help="the script's file")
        run.add_argument("--fast", action="store_true", help="do not wait: let the modality's own clock run ahead instead")
        for verb in (asks, start, complete, discontinue, append, acquire, report, power_loss, run, *others):
            _add_common(verb, repeated=True)

    def _add_list(self, parser: ArgumentParser) -> None:
        when = parser.add_mutually_exclusive_group()
        when.add_argument("--date", type=day, metavar="YYYY-MM-DD", help="another day than today")
        when.add_argument("--all", action="store_true", dest="all_days", help="all days")
        parser.add_argument("--any-station", action="store_true", help="what is planned for all stations")
        parser.add_argument(
            "--patient", default="", metavar="TEXT", help="a text with a digit is a patient ID, others a name, e.g. 'TANAKA*'"
        )
        parser.add_argument("--patient-id", default="", metavar="ID", help="a patient ID without digits")
        parser.add_argument("--accession", default="", metavar="NUMBER", help="accession number")
        parser.add_argument("--modality", default="", metavar="CS", help="e.g. CT")
        parser.add_argument("--again", action="store_true", help="ask, also when the profile's machine keeps a list")

    def _add_start(self, parser: ArgumentParser) -> None:
        parser.add_argument("steps", nargs="*", metavar="STEP", help="step ID or accession number; several are one exam")
        parser.add_argument("--any-station", action="store_true", help="also take an exam that is planned for another station")
        parser.add_argument("--wrong-patient", action="store_true", help="pick the entry of somebody else beside it")
        typed = parser.add_argument_group("a patient who is typed by hand, without worklist entry")
        typed.add_argument("--unscheduled", metavar="NAME", help="FAMILY^GIVEN")
        for option, key, metavar, what in _TYPED:
            typed.add_argument(option, dest=f"typed_{key}", type=checked("unscheduled", key), metavar=metavar, help=what)

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            profiles.all_profiles()
        except profiles.ProfileError as error:
            raise CommandError(str(error)) from error
        if verb == "profiles":
            return self._profiles()
        played = self._read(options["script"]) if verb == "run" else None
        if played is not None:
            options["station"] = options["station"] or played.station
            options["profile"] = options["profile"] or played.profile
            options["seed"] = played.seed if options["seed"] is None else options["seed"]
        if not options["station"]:
            raise CommandError("Which modality is it? Give its AE title with --station, e.g. --station CT01.", returncode=_WRONG_ARGUMENTS)
        store = FileStore(settings.DATA_DIR / "modalities", options["station"])
        try:
            with _quiet():
                self._play(store, verb, played, options)
        except Unexpected as error:
            raise CommandError(str(error), returncode=_returncode(error.cause)) from error
        except (ModalityError, MemoryUnreadable) as error:
            raise CommandError(str(error), returncode=_returncode(error)) from error
        except ScriptError as error:
            raise _wrong(error) from error
        except DatabaseError as error:
            raise not_ready(error) from error
        except OSError as error:
            raise CommandError(f"This modality cannot remember its exams in {store.path.parent}: {error.strerror or error}.") from error
        return None

    def _play(self, store: FileStore, verb: str, played: Script | None, options: dict[str, Any]) -> None:
        heard = Counted()
        ticking = ScriptClock(fast=options.get("fast", False))
        modality = Modality(
            options["station"],
            _target(options),
            store,
            operator=options["operator"],
            profile=_profile(options["profile"]),
            listener=heard,
            now=skewed(options["station"], ticking.now),
            chance=Random(options["seed"]),
        )
        player = Player(modality, partial(say, self.stdout), ticking.wait, lambda: clock.local(ticking.now()).date())
        with closing(modality):
            if played is None:
                player.play(_act(verb, options))
                return
            count = self._play_script(player, played)
            say(self.stdout, f"{played.name}: {counted(count, 'act')} played, {counted(heard.messages, 'message')} sent, all as expected.")

    def _play_script(self, player: Player, played: Script) -> int:
        """Without `fault` lines no database is needed."""
        if all(line.switch is None for line in played.lines):
            return player.play_script(played, lambda *_: None)
        board = Switchboard(ensure_default_site(), player.modality.ae_title, played, partial(say, self.stdout))
        board.check(played)
        with closing(board):
            return player.play_script(played, board.do)

    def _read(self, path: Path) -> Script:
        try:
            return script.read(path)
        except ScriptError as error:
            raise _wrong(error) from error

    def _profiles(self) -> None:
        rows = [(one.name, one.kind or "any", one.title, one.about) for one in profiles.all_profiles().values()]
        for line in table.lines(("Name", "Modality", "Machine", "What it is like"), rows):
            say(self.stdout, line)


_TYPED = (
    ("--id", "id", "ID", "patient ID"),
    ("--born", "born", "YYYY-MM-DD", "birth date"),
    ("--sex", "sex", "SEX", "M, F or O"),
    ("--accession", "accession", "NUMBER", "accession number"),
    ("--what", "what", "TEXT", "what is done"),
    ("--kind", "modality", "CS", "modality, e.g. CT"),
    ("--typing-error", "error", "ERROR", f"make a mistake: {', '.join(TYPING_ERRORS)}"),
)
"""Option, key of the act, metavar and help of what is typed of a patient."""


@contextmanager
def _quiet() -> Iterator[None]:
    """What pynetdicom would log is said in words; and without this product's database neither clock nor faults are set there."""
    before = {name: logging.getLogger(name).level for name in _QUIET}
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _target(options: dict[str, Any]) -> Target:
    patience, seconds = Timeouts(), options["timeout"]
    if seconds:
        patience = replace(patience, connect=min(patience.connect, seconds), association=seconds, response=seconds)
    return Target(options["host"], options["port"], options["called"], patience)


def _profile(name: str) -> profiles.Profile:
    if not name:
        return profiles.PLAIN
    try:
        return profiles.all_profiles()[name]
    except KeyError:
        known = ", ".join(profiles.all_profiles())
        raise CommandError(f"{name!r} is no profile; there are {known}.", returncode=_WRONG_ARGUMENTS) from None


def _wrong(error: ScriptError) -> CommandError:
    return CommandError(f"{error}\nNothing was sent.", returncode=_WRONG_ARGUMENTS)


def _returncode(error: Exception | None) -> int:
    return _NO_ANSWER if isinstance(error, NoAnswer) else _FAILURE_STATUS if isinstance(error, Refused) else 1


def _act(verb: str, options: dict[str, Any]) -> Act:
    """The arguments as an act. Raises CommandError for those that contradict each other."""
    if verb == "start":
        return _start(options)
    if verb == "list":
        day = ALL if options["all_days"] else options["date"].isoformat() if options["date"] else ""
        asked = {
            "day": day,
            "stations": ALL if options["any_station"] else "",
            "patient": options["patient"],
            "patient-id": options["patient_id"],
            "accession": options["accession"],
            "modality": options["modality"].strip().upper(),
            "again": "yes" if options["again"] else "",
        }
        return Act(verb, (), _given(asked))
    asked = {key: options.get(key, "") for key in ("uid", "reason", "series")}
    return Act(verb, tuple(name for name in [options.get("step", "")] if name), _given(asked))


def _start(options: dict[str, Any]) -> Act:
    typed = {key: options[f"typed_{key}"] for _, key, _, _ in _TYPED}
    asked = {"uid": options["uid"], "stations": ALL if options["any_station"] else "", "pick": "wrong" if options["wrong_patient"] else ""}
    if options["unscheduled"] is None:
        if any(typed.values()):
            raise CommandError("What is typed of a patient belongs to --unscheduled NAME.", returncode=_WRONG_ARGUMENTS)
        if not options["steps"]:
            raise CommandError("Start what? Give a STEP, or --unscheduled NAME.", returncode=_WRONG_ARGUMENTS)
        return Act("start", tuple(options["steps"]), _given(asked))
    if options["steps"] or options["wrong_patient"] or options["any_station"]:
        raise CommandError("--unscheduled is without worklist entry: leave STEP and its options out.", returncode=_WRONG_ARGUMENTS)
    try:
        name = acts.GRAMMAR["unscheduled"].check(options["unscheduled"])
    except ValueError as error:
        raise CommandError(f"{options['unscheduled']!r} {error}", returncode=_WRONG_ARGUMENTS) from None
    return Act("unscheduled", (name,), _given({**typed, "uid": options["uid"]}))


def _given(asked: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in asked.items() if value}
