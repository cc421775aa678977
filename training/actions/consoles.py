"""Consoles: set up, changed, removed. What is done with them is in `training.actions.console_acts`."""

from dataclasses import dataclass, fields
from typing import Any, Final

from ris import clock, hosts, validation
from ris.actor import Actor
from ris.crossing import CHANGE_AGAIN, LOOK_AGAIN, crossed, since
from ris.db import action
from ris.errors import Conflict
from ris.models import RecordChange, Site
from ris.validation import Checker
from training.consoles import imitated
from training.consoles.looks import LOOKS
from training.consoles.neighbours import of_a_neighbour
from training.memory import Memory
from training.models import Console, ConsoleAct

NEW: Final = 0
"""The version that is expected of a console that is not there yet."""
OPERATOR: Final = "OPERATOR^Virtual"


@dataclass(frozen=True)
class ConsoleData:
    """A console as typed. `host`, `port` and `called` are those of another RIS or broker, all of them or none: this Stepwise."""

    ae_title: str
    kind: str = "CT"
    profile: str = ""
    operator: str = OPERATOR
    host: str = ""
    port: int | None = None
    called: str = ""

    @property
    def target(self) -> tuple[str, int | None, str]:
        return (self.host.strip(), self.port, self.called.strip())


def data_of(console: Console) -> ConsoleData:
    """The console as it would be typed, for those who change a part of it."""
    return ConsoleData(**{one.name: getattr(console, one.name) for one in fields(ConsoleData)})


@action
def save_console(site: Site, data: ConsoleData, actor: Actor, expected_version: int | None = None) -> Console:
    """Set up the console of this AE title, or change it.

    `expected_version` is that of the console as it was seen, `NEW` when there was none. Raises InvalidInput, Conflict or ChangedMeanwhile.
    """
    known = Console.objects.filter(site=site, ae_title=data.ae_title.strip()).values_list("kind", flat=True).first()
    columns = _checked(site, data, known or "")
    console = Console.objects.select_for_update().filter(site=site, ae_title=columns["ae_title"]).first()
    _expect(site, console, columns["ae_title"], expected_version)
    if console is None:
        console = Console.objects.create(site=site, **columns)
        RecordChange.by(actor, at=clock.now(site), verb="set up", subject="console", subject_id=console.pk, detail={})
        return console
    changed = {name: [_told(getattr(console, name)), _told(value)] for name, value in columns.items() if getattr(console, name) != value}
    if not changed:
        return console
    if {"host", "port", "called"} & changed.keys():
        _refuse_while_used(console, "pointed at another system")
    for name, value in columns.items():
        setattr(console, name, value)
    console.version += 1
    console.changes += 1
    console.save(update_fields=[*columns, "version", "changes"])
    RecordChange.by(actor, at=clock.now(site), verb="edit", subject="console", subject_id=console.pk, detail=changed)
    return console


@action
def delete_console(site: Site, ae_title: str, actor: Actor, expected_version: int | None = None) -> None:
    """Remove a console with its messages; what it reported stays where it was reported.

    Raises Conflict while an exam is open on it, and ChangedMeanwhile.
    """
    console = Console.objects.select_for_update().filter(site=site, ae_title=ae_title).first()
    if console is None:
        return
    _expect(site, console, ae_title, expected_version, LOOK_AGAIN)
    _refuse_while_used(console, "removed")
    RecordChange.by(actor, at=clock.now(site), verb="remove", subject="console", subject_id=console.pk, detail={"ae_title": [ae_title, ""]})
    console.delete()


def _checked(site: Site, data: ConsoleData, known_kind: str) -> dict[str, Any]:
    """The columns to be saved, or InvalidInput that names every wrong field. `known_kind` may stay, whatever it is."""
    checked = Checker()
    host, port, called = data.target
    columns: dict[str, Any] = {
        "ae_title": checked("ae_title", validation.text, data.ae_title, "AE"),
        "kind": checked("kind", _kind, data.kind, known_kind),
        "profile": checked("profile", _profile, data.profile, data.kind),
        "operator": checked("operator", validation.person_name, data.operator),
        "host": checked("host", hosts.host, host),
        "port": checked("port", hosts.port, port),
        "called": checked("called", _called, called, site),
    }
    if not data.ae_title.strip():
        checked.refuse("ae_title", "is empty; write the AE title that it calls with, for example CT01")
    if not data.kind.strip():
        checked.refuse("kind", "is empty; choose one, for example CT")
    if any(data.target) and not all(data.target):
        for name, given in zip(("host", "port", "called"), data.target, strict=True):
            if not given:
                checked.refuse(name, "is empty; another system has a host, a port and an AE title. Leave all three empty for this Stepwise")
    checked.done()
    return columns


def _called(given: str, site: Site) -> str:
    title = validation.text(given, "AE")
    wrong = of_a_neighbour(site, title)
    if wrong:
        raise ValueError(wrong)
    return title


def _kind(given: str, known: str) -> str:
    """A modality that a console can be; empty for none."""
    kind = validation.code_string(given)
    if kind and kind != known and kind not in LOOKS:
        raise ValueError(f"is {kind!r}, which no console is; choose one of {', '.join(LOOKS)}")
    return kind


def _profile(name: str, kind: str) -> str:
    """The name of a device of this kind; empty for none."""
    stripped = name.strip()
    if not stripped:
        return ""
    if stripped not in imitated.ALL:
        raise ValueError(f"is {stripped[:64]!r}; known are {', '.join(imitated.ALL)}")
    device = imitated.ALL[stripped]
    if device.kind and device.kind != kind.strip().upper():
        raise ValueError(f"is {device.title}, whose kind is {device.kind}; choose that kind, or another device")
    return stripped


def _expect(site: Site, console: Console | None, ae_title: str, version: int | None, advice: str = CHANGE_AGAIN) -> None:
    if version is None or version == (console.version if console else NEW):
        return
    if version == NEW:
        raise Conflict(f"There is a console {ae_title} already; open it, or choose another AE title.")
    changes = since("console", console.pk, console.version - version) if console else []
    raise crossed("this console", site, changes, advice)


def _refuse_while_used(console: Console, what: str) -> None:
    """Raise Conflict while a worker does something for the console, or an exam is open on it."""
    if console.acts.filter(status__in=ConsoleAct.OPEN).exists():
        raise Conflict(f"{console.ae_title} is busy with an exchange and cannot be {what} now; wait until it has ended.")
    for exam in Memory.of(console.memory, lambda _: None).open_exams():
        raise Conflict(
            f"{exam.name or 'An exam'} is open on {console.ae_title}, which cannot be {what} before it is ended: complete or discontinue "
            "it. (Pulling the plug forgets it here; the RIS keeps it in progress.)"
        )


def _told(value: Any) -> str:
    """A value in the history."""
    return "" if value is None else str(value)
