"""What is done with a console: a key is pressed, a worker claims it, tells what it sent and was answered, and writes down the end.

Rows are locked in one order: the console, then its acts.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.db.models import F, Q
from django.db.models.functions import Now

from ris import audit, clock
from ris.actions import auditing
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict, NotFound
from training.consoles import keys, pressed
from training.consoles.keys import Key
from training.memory import Memory
from training.models import Console, ConsoleAct, ConsoleMessage

Status = ConsoleAct.Status
WAIT: Final = timedelta(seconds=60)
"""How long an act waits for a worker; later nobody would expect it any more."""
LEASE: Final = timedelta(seconds=75)
"""Longer than any one exchange takes with `training.consoles.performing.PATIENCE`; each message and each save prolongs it."""
KEPT: Final = 300
"""Acts of a console that are kept, with their messages."""
_NOBODY_CAME = (
    f"No worker took it within {WAIT.total_seconds():.0f} seconds, so nothing was sent. Look at /healthz whether a worker runs, "
    "then press the key again."
)
_WORKER_GONE = (
    "The worker that did this is gone; whether it arrived is not known here. Press the key again: what was sent before goes out with "
    "the same UID, so that nothing happens twice."
)
_POWER_GONE = "The power went while this was under way; whether it arrived is not known here."


class NotHeld(Exception):
    """The act is not in the hands of this worker any more: its lease ran out, or somebody pulled the plug. It must stop."""


@action
def begin(console_id: int, key: Key, arguments: dict[str, Any], actor: Actor) -> ConsoleAct:
    """Somebody pressed a key; a worker that claims the act in time does it. Conflict while the console is busy or the key does nothing.

    Pulling the plug cuts off what is under way. That a person did it is entered in the audit trail, which keeps it longer than `KEPT` acts.
    """
    console = _locked(console_id)
    _settle(console)
    busy = console.acts.filter(status__in=ConsoleAct.OPEN).first()
    if busy is not None and key.name == keys.PLUG:
        _end(busy, Status.LOST, _POWER_GONE)
    elif busy is not None:
        raise Conflict(f"{console.ae_title} is busy: {busy.actor} pressed “{keys.named(busy.key).label}”. Wait until that has ended.")
    exams = Memory.of(console.memory, lambda _: None).exams
    reason = keys.why_not(key, exams)
    if reason:
        raise Conflict(reason)
    _enter(console, key, arguments, pressed.asked_for(key, arguments, console.rows, exams), actor)
    act = ConsoleAct.objects.create(
        console=console,
        key=key.name,
        arguments=arguments,
        pressed_at=clock.now(console.site),
        until=Now() + WAIT,
        actor_kind=actor.kind,
        actor=actor.name,
        user_id=actor.user_id,
    )
    _changed(console.pk)
    return act


def _enter(console: Console, key: Key, arguments: dict[str, Any], numbers: Sequence[pressed.Number], actor: Actor) -> None:
    """A query with what it asks for (PS3.15 A.5.3.10), every other key as a change of the exam on the table (A.5.3.15)."""
    event, did = (audit.ASKED, audit.EXECUTE) if key.name == keys.UPDATE else (audit.KEY, audit.UPDATE)
    asked = {name: value for name, value in arguments.items() if value} if event == audit.ASKED else None
    of = f"{key.plain_label} of {console.ae_title}"
    auditing.did(actor, event, did, of, about=audit.of_numbers(console.site, numbers), asked=asked)


@action
def settle(console_id: int) -> None:
    """Write down that an act is over which nobody took in time, or whose worker is gone. Whoever looks at a console may do so."""
    over = ConsoleAct.objects.filter(console=console_id, status__in=ConsoleAct.OPEN, until__lte=Now())
    if over.exists():
        _settle(_locked(console_id))


@action
def withdraw(act_id: int, text: str) -> bool:
    """Take back an act that no worker has claimed yet; whether it could be. It is not done any more, whatever a worker hears of it."""
    act = ConsoleAct.objects.filter(pk=act_id).first()
    if act is None:
        return False
    _locked(act.console_id)
    return _end(act, Status.WITHDRAWN, text, was=Status.WAITING)


@action
def claim(act_id: int) -> ConsoleAct | None:
    """Take an act for the length of a lease; None when it is taken, over, or nobody waits for it any more."""
    waiting = ConsoleAct.objects.filter(pk=act_id).values_list("console", flat=True).first()
    if waiting is None:
        return None
    _locked(waiting)
    if not ConsoleAct.objects.filter(pk=act_id, status=Status.WAITING, until__gt=Now()).update(status=Status.RUNNING, until=Now() + LEASE):
        return None
    _changed(waiting)
    return ConsoleAct.objects.select_related("console__site").get(pk=act_id)


@action
def keep(act: ConsoleAct, memory: dict[str, Any]) -> None:
    """What the console remembers, written by who holds the act; NotHeld otherwise."""
    _hold(act)
    Console.objects.filter(pk=act.console_id).update(memory=memory)
    _changed(act.console_id)


@action
def show_list(act: ConsoleAct, asked: dict[str, Any], items: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], count: int) -> None:
    """The worklist as it was received, written by who holds the act; NotHeld otherwise. `count` is that of all answers."""
    _hold(act)
    Console.objects.filter(pk=act.console_id).update(
        asked=asked, asked_at=clock.now(act.console.site), items=list(items), rows=list(rows), listed=count
    )
    _changed(act.console_id)


@action
def tell(act: ConsoleAct, **message: Any) -> None:
    """A message that was sent, with what came back. It is a fact whoever hears it, also when the act is not held any more."""
    _locked(act.console_id)
    ConsoleMessage.objects.create(console_id=act.console_id, act=act, **message)
    _held(act).update(until=Now() + LEASE)
    _changed(act.console_id)


@action
def finish(act: ConsoleAct, status: ConsoleAct.Status, text: str) -> None:
    """What came of the act, from who holds it; from anybody else, or when the console was removed meanwhile, it changes nothing."""
    try:
        _locked(act.console_id)
    except NotFound:
        return
    _end(act, status, text, was=Status.RUNNING)
    oldest = ConsoleAct.objects.filter(console=act.console_id).order_by("-pk").values_list("pk", flat=True)[KEPT : KEPT + 1]
    for pk in oldest:
        ConsoleAct.objects.filter(console=act.console_id, pk__lte=pk).delete()


def _locked(console_id: int) -> Console:
    console = Console.objects.select_for_update(of=("self",)).select_related("site").filter(pk=console_id).first()
    if console is None:
        raise NotFound("This console was removed meanwhile.")
    return console


def _held(act: ConsoleAct) -> Any:
    return ConsoleAct.objects.filter(pk=act.pk, status=Status.RUNNING)


def _hold(act: ConsoleAct) -> None:
    """Prolong the lease, or raise NotHeld. A lease that ran out while nobody else wanted the console still holds."""
    _locked(act.console_id)
    if not _held(act).update(until=Now() + LEASE):
        raise NotHeld


def _settle(console: Console) -> None:
    for act in console.acts.filter(Q(until__lte=Now()), status__in=ConsoleAct.OPEN):
        if act.status == Status.WAITING:
            _end(act, Status.WITHDRAWN, _NOBODY_CAME)
        else:
            _end(act, Status.LOST, _WORKER_GONE)


def _end(act: ConsoleAct, status: ConsoleAct.Status, text: str, was: ConsoleAct.Status | None = None) -> bool:
    """Exchange the status if it still is what it `was`; whether it was so."""
    present = ConsoleAct.objects.filter(pk=act.pk, status=was or act.status)
    if not present.update(status=status, text=text, ended_at=clock.now(act.console.site), until=None):
        return False
    _changed(act.console_id)
    return True


def _changed(console_id: int) -> None:
    Console.objects.filter(pk=console_id).update(changes=F("changes") + 1)
