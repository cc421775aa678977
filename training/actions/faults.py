"""Switching faults on and off: who, where, until when and why. One that nobody switches off is over at its time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from ris import events, titles, validation
from ris.actor import Actor
from ris.db import action
from ris.errors import Conflict
from ris.models import Site
from ris.validation import Checker
from training import queries
from training.faults import active, broker
from training.faults.kinds import BROKER, KINDS, Kind, Place, statuses_of
from training.models import Fault, FaultChange

ON, OFF = "on", "off"
DEFAULT_MINUTES: Final = 10.0
MOST_MINUTES: Final = 240.0
LEAST_MINUTES: Final = 0.05
MOST_REASON: Final = 255


@dataclass(frozen=True)
class FaultData:
    """A fault as typed. Without a station or a service it holds for all of them. `minutes` of wall time; there is none without an end."""

    kind: str
    station_ae_title: str = ""
    service: str = ""
    minutes: float | None = DEFAULT_MINUTES
    parameters: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


def switch_on(site: Site, data: FaultData, actor: Actor) -> Fault:
    """From now on, in every process within a second. Raises InvalidInput that names every wrong field, Conflict when it is on already,
    or when Redis does not play along.

    Redis is told when the row is there: who is killed in between leaves a fault that everybody sees, not one that nobody knows of. No
    transaction waits for Redis.
    """
    columns, lasts = check(site, data)
    fault = _switch_on(site, columns, lasts, actor)
    try:
        if fault.kind == BROKER:
            broker.pause(lasts.total_seconds())
    except Conflict:
        _switch_off(site, fault.pk, actor, "Redis did not play along")
        raise
    finally:
        active.forget()
    return fault


@action
def _switch_on(site: Site, columns: dict[str, Any], lasts: timedelta, actor: Actor) -> Fault:
    Site.objects.select_for_update().get(pk=site.pk)  # one at a time: of two alike the second is told
    begun = active.wall()
    alike = Fault.objects.active(begun).filter(site=site, **{name: columns[name] for name in ("kind", "station_ae_title", "service")})
    if (there := alike.first()) is not None:
        raise Conflict(f"That is on already: {active.told(there)}. End fault {there.pk} first, then switch it on as you want it.")
    fault = Fault.objects.create(site=site, **columns, begun=begun, until=begun + lasts, set_by=actor.name)
    FaultChange.by(actor, at=begun, verb=ON, to_status=ON, fault=fault, reason=fault.reason)
    return fault


def switch_off(site: Site, fault_id: int, actor: Actor, reason: str = "") -> Fault:
    """Before its time. Raises NotFound, InvalidInput, and Conflict for one that is over, or when Redis cannot be told to go on."""
    why, fault = validation.reason_text(reason), queries.fault(site, fault_id)
    if fault.kind == BROKER and active.is_on(fault):
        broker.go_on()
    fault = _switch_off(site, fault_id, actor, why)
    active.forget()
    return fault


@action
def _switch_off(site: Site, fault_id: int, actor: Actor, reason: str) -> Fault:
    moment = active.wall()
    fault = queries.fault(site, fault_id)
    if not Fault.objects.active(moment).filter(pk=fault.pk).update(ended=moment):
        raise Conflict(f"Fault {fault.pk} is over already ({over(fault)}); nothing was changed.")
    FaultChange.by(actor, at=moment, verb=OFF, from_status=ON, to_status=OFF, fault=fault, reason=reason)
    return queries.fault(site, fault_id)


@action
def follow(renamed: events.StationRenamed) -> None:
    """Faults of a station, those that are over too, are its under its present title."""
    Fault.objects.filter(site=renamed.site_id, station_ae_title=renamed.before).update(station_ae_title=renamed.after)


def over(fault: Fault) -> str:
    """How a fault came to its end, in words."""
    return "its time was up" if fault.ended is None else f"switched off by {ended_by(fault)}"


def ended_by(fault: Fault) -> str:
    """Who switched it off; empty when nobody did."""
    return next((change.actor for change in fault.changes.all() if change.verb == OFF), "")


def switch_all_off(site: Site, actor: Actor, reason: str = "") -> list[Fault]:
    """Every fault that is on, the latest first."""
    keys = list(Fault.objects.active(active.wall()).filter(site=site).values_list("pk", flat=True))
    return [switch_off(site, pk, actor, reason) for pk in keys]


def check(site: Site | None, data: FaultData) -> tuple[dict[str, Any], timedelta]:
    """Columns of the row, and how long it lasts; InvalidInput that names every wrong field. Without a site stations are not looked up."""
    checked = Checker()
    kind = checked("kind", _kind, data.kind)
    lasts = checked("minutes", _lasts, data.minutes)
    columns: dict[str, Any] = {"reason": (checked("reason", validation.text, data.reason, "ST") or "")[:MOST_REASON]}
    if kind is not None:
        columns |= {
            "kind": kind.name,
            "station_ae_title": checked("station_ae_title", _station, site, data.station_ae_title.strip(), kind),
            "service": checked("service", _service, data.service.strip().lower(), kind),
            "parameters": _parameters(checked, kind, data.parameters),
        }
    checked.done()
    return columns, lasts or timedelta(0)


def _kind(name: str) -> Kind:
    found = KINDS.get(name.strip().lower())
    if found is None:
        raise ValueError(f"is {name[:32]!r}, which is no fault; there are {', '.join(KINDS)}")
    return found


def _lasts(minutes: float | None) -> timedelta:
    if minutes is None:
        raise ValueError(f"is empty; every fault has a time at which it ends, at most {MOST_MINUTES:g} minutes from now")
    if not LEAST_MINUTES <= minutes <= MOST_MINUTES:  # NaN neither
        raise ValueError(f"is {minutes:g}; it must be {LEAST_MINUTES:g} to {MOST_MINUTES:g} minutes, after which it ends by itself")
    return timedelta(minutes=minutes)


def _station(site: Site | None, ae_title: str, kind: Kind) -> str:
    if kind.place is Place.PROCESS and ae_title:
        raise ValueError(f"is {ae_title[:16]!r}, but {kind.name} is about a process that all stations share; leave it out")
    if kind.place is Place.ONE_STATION and not ae_title:
        raise ValueError(f"is empty; {kind.name} is about one station, so name it")
    station = titles.calling(site, ae_title) if site is not None and ae_title else None
    if site is not None and ae_title and station is None:
        if moved := titles.moved(site, ae_title):
            raise ValueError(f"is {ae_title[:16]!r}, which is no station here any more; {moved.rstrip('.')}, so name that")
        raise ValueError(f"is {ae_title[:16]!r}, which is no station here; name one of those under Stations, or none for all of them")
    return station.ae_title if station is not None else ae_title


def _service(name: str, kind: Kind) -> str:
    if not name or name in kind.services:
        return name
    if kind.services:
        raise ValueError(f"is {name[:16]!r}; it must be one of {', '.join(kind.services)}, or empty for all of them")
    raise ValueError(f"is {name[:16]!r}, but {kind.name} is not chosen by service; leave it out")


def _parameters(checked: Checker, kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of the kind, those that were not given as by default."""
    known = {one.name: one for one in kind.parameters}
    for name in given:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            checked.refuse(f"parameters.{name[:32]}", f"is no parameter of {kind.name}; {has}")
    read: dict[str, Any] = {name: checked(f"parameters.{name}", one.read, given.get(name, one.default)) for name, one in known.items()}
    operation, status = read.get("operation"), read.get("status")
    if operation and status and status not in (answered := statuses_of(operation)):
        checked.refuse("parameters.status", f"is {status}, with which no {operation} is answered; it may be {', '.join(answered)}")
    return read
