"""`manage.py fault on|off|list|kinds`: what is to go wrong, where, and until when."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ris import clock, shell
from ris.actions.sites import ensure_default_site
from ris.console import counted, say
from ris.models import Site
from training import queries, table
from training.actions import faults
from training.actions.faults import DEFAULT_MINUTES, MOST_MINUTES, FaultData
from training.faults import active
from training.faults.kinds import KINDS, Kind
from training.faults.parameters import Choice, Number
from training.models import Fault

_SHOWN = 50
_HEADERS = ("No.", "Fault", "Station", "Service", "What", "Begun", "Until", "By", "Why")


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE, e.g. seconds=30")
    return name.strip(), value.strip()


class Command(BaseCommand):
    help = (
        "Inject faults into what is served: late answers, rejections, failure statuses, a broken MPPS, a charge processor that is down. "
        "Each ends by itself. `fault kinds` tells what there is."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="on|off|list|kinds")
        on = verbs.add_parser("on", help="switch a fault on")
        on.add_argument("kind", help="its name, as `fault kinds` lists it")
        on.add_argument("parameters", nargs="*", type=_setting, metavar="NAME=VALUE", help="what it can be told, e.g. seconds=30")
        on.add_argument("--station", default="", metavar="AET", help="for this station alone (default: for all)")
        on.add_argument("--service", default="", help="for this service alone: worklist, mpps, verification (default: for all)")
        on.add_argument(
            "--minutes",
            type=float,
            default=DEFAULT_MINUTES,
            help=f"it ends by itself then, at most {MOST_MINUTES:g} (%(default)g)",
        )
        on.add_argument("--reason", default="", help="why, for the history")
        off = verbs.add_parser("off", help="end faults before their time")
        off.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="as `fault list` numbers them")
        off.add_argument("--all", action="store_true", help="every one that is on")
        off.add_argument("--reason", default="", help="why, for the history")
        listed = verbs.add_parser("list", help="what is on")
        listed.add_argument("--all", action="store_true", help=f"the last {_SHOWN}, those that are over too")
        verbs.add_parser("kinds", help="what faults there are, and what each can be told")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        with shell.changing("fault"):
            site = ensure_default_site()
            getattr(self, f"_{verb}")(site, options)

    def _on(self, site: Site, options: dict[str, Any]) -> None:
        data = FaultData(
            kind=options["kind"],
            station_ae_title=options["station"],
            service=options["service"],
            minutes=options["minutes"],
            parameters=dict(options["parameters"]),
            reason=options["reason"],
        )
        fault = faults.switch_on(site, data, shell.who())
        say(self.stdout, f"fault {fault.pk} is on until {clock.local(fault.until, site):%H:%M:%S}: {active.in_words(fault)}")

    def _off(self, site: Site, options: dict[str, Any]) -> None:
        if options["all"] == bool(options["numbers"]):
            raise CommandError("name the faults to be ended by their numbers (`fault list`), or all of them with --all")
        if options["all"]:
            ended = faults.switch_all_off(site, shell.who(), options["reason"])
            say(self.stdout, f"{counted(len(ended), 'fault')} switched off" if ended else "no fault was on")
        for number in options["numbers"]:
            fault = faults.switch_off(site, number, shell.who(), options["reason"])
            say(self.stdout, f"fault {fault.pk} is off: {active.in_words(fault)}")

    def _list(self, site: Site, options: dict[str, Any]) -> None:
        shown = list(queries.faults(site)[:_SHOWN] if options["all"] else queries.faults(site, is_on=True))
        if not shown:
            say(self.stdout, "no fault was ever on" if options["all"] else "no fault is on")
            return
        for line in table.lines(_HEADERS, [_row(fault) for fault in shown]):
            say(self.stdout, line)

    def _kinds(self, site: Site, options: dict[str, Any]) -> None:
        for kind in KINDS.values():
            say(self.stdout, f"{kind.name}: {kind.what}")
            say(self.stdout, f"    for {kind.place.value}")
            for line in _told(kind):
                say(self.stdout, f"    {line}")


def _row(fault: Fault) -> tuple[str, ...]:
    begun, until = clock.local(fault.begun, fault.site), clock.local(fault.until, fault.site)
    ends = f"{until:%H:%M:%S}" if active.is_on(fault) else f"over, {faults.over(fault)}"
    kind = KINDS[fault.kind]
    where = fault.station_ae_title or ("all" if kind.of_station else ""), fault.service or ("all" if kind.services else "")
    return (str(fault.pk), fault.kind, *where, active.in_words(fault), f"{begun:%Y-%m-%d %H:%M:%S}", ends, fault.set_by, fault.reason)


def _told(kind: Kind) -> list[str]:
    """What a kind can be told, a line each."""
    lines = []
    for one in kind.parameters:
        lines.append(f"{one.name}={one.default}: {one.label}{f', {one.least} to {one.most}' if isinstance(one, Number) else ''}")
        if isinstance(one, Choice):
            lines += [f"    {word}{f': {meaning}' if meaning != word else ''}" for word, meaning in one.choices.items()]
    return lines
