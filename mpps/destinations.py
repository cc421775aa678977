"""Who is told what modalities report: the rows that integrators keep, and which of them a message is for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from mpps import queueing
from mpps.models import Delivery, Destination
from ris import clock, hosts, outgoing, peers, validation
from ris.actions.stations import revise
from ris.actor import Actor
from ris.crossing import CHANGE_AGAIN, LOOK_AGAIN, crossed, since
from ris.db import action, lock
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, NotFound
from ris.models import RecordChange, Site
from ris.validation import Checker

NEW: Final = 0
"""The version that is expected of a destination that is not there yet."""
MOST_NAMED: Final = 200
POSES: Final = "is what a station of another hospital here calls as, which would take what is sent for that station's"
_NEEDED: Final = {
    "name": "write what it is, e.g. PACS",
    "host": "write the host name or address at which it listens",
    "port": "write the one at which it listens, often 104 or 11112",
    "called_ae_title": "ask its administrator for it",
}


@dataclass(frozen=True)
class DestinationData:
    """A destination as typed; as of `mpps.models.Destination`."""

    name: str
    host: str = ""
    port: int | None = None
    called_ae_title: str = ""
    kind: str = Destination.Kind.MESSAGES.value
    calling_ae_title: str = ""
    enabled: bool = True
    tls: bool = False
    stations: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()


def data_of(destination: Destination) -> DestinationData:
    """The destination as it would be typed."""
    values = {field.name: getattr(destination, field.name) for field in fields(DestinationData)}
    return DestinationData(**values | {"stations": tuple(destination.stations), "modalities": tuple(destination.modalities)})


@action
def save_destination(
    site: Site, data: DestinationData, actor: Actor, *, known: Destination | None = None, expected_version: int | None = None
) -> Destination:
    """Make a destination, or change the one that is `known`. What waits for it goes to where it is now, from the next attempt on; one
    that is switched on again gets what it missed (`mpps.queueing`).

    Raises InvalidInput, Conflict (the name is taken) or ChangedMeanwhile.
    """
    values = _checked(site, data)
    named = Destination.objects.filter(site=site, name=values["name"]).first()
    if named is not None and named != known:
        raise Conflict(f"There is a destination {values['name']} already; open it to change it, or choose another name.")
    if known is None:
        made = Destination.objects.create(site=site, off_since=None if values["enabled"] else clock.now(site), **values)
        return _recorded(made, "register", {}, actor)
    present = Destination.objects.select_for_update().get(pk=known.pk)
    if expected_version is not None and expected_version != present.version:
        raise _crossed(present, expected_version, CHANGE_AGAIN)
    changed = {name: [_said(getattr(present, name)), _said(value)] for name, value in values.items() if getattr(present, name) != value}
    if not changed:
        return present
    is_switched_on = values["enabled"] and not present.enabled
    for name, value in values.items():
        setattr(present, name, value)
    if not present.enabled and present.off_since is None:
        present.off_since = clock.now(site)
    present.version += 1
    present.next_attempt_at = None  # whatever failed before may be right now
    present.save(update_fields=[*values, "off_since", "version", "next_attempt_at"])
    missed = queueing.queue_missed(present) if is_switched_on else 0
    reason = f"{missed} message{' that it missed follows' if missed == 1 else 's that it missed follow'}" if missed else ""
    return _recorded(present, "edit", changed, actor, reason)


def _crossed(present: Destination, seen: int, advice: str) -> ChangedMeanwhile:
    return crossed("this destination", present.site, since("destination", present.pk, present.version - seen), advice)


def remove_destination(destination: Destination, actor: Actor, expected_version: int | None = None) -> int:
    """Take it out with all that waits for it; how many messages that were. ChangedMeanwhile when it is not as it was seen."""
    _switch_off(destination, expected_version)
    return _remove(destination, actor)


@action
def _switch_off(destination: Destination, expected_version: int | None) -> None:
    """In a transaction of its own, so that no message has to wait until all that went there is taken out."""
    present = Destination.objects.select_for_update().filter(pk=destination.pk).first()
    if present is None:
        raise NotFound("This destination is removed already.")
    if expected_version is not None and expected_version != present.version:
        raise _crossed(present, expected_version, LOOK_AGAIN)
    Destination.objects.filter(pk=destination.pk).update(enabled=False)
    revise(destination.site)


@action
def _remove(destination: Destination, actor: Actor) -> int:
    lock(lambda: Destination.objects.filter(pk=destination.pk))  # behind the messages that are being written down for it
    waiting = destination.deliveries.filter(state__in=(Delivery.State.WAITING, Delivery.State.PARKED)).count()
    detail = {"destination": [destination.name, ""], "waiting": [str(waiting), ""]}
    _recorded(destination, "remove", detail, actor)
    destination.delete()
    return waiting


def get(site: Site, pk: int) -> Destination:
    """NotFound for an id that no destination has."""
    found = Destination.objects.filter(site=site, pk=pk).first()
    if found is None:
        raise NotFound(f"There is no destination with id {pk}; it may have been removed.")
    return found


def _recorded(destination: Destination, verb: str, detail: Mapping[str, Any], actor: Actor, reason: str = "") -> Destination:
    revise(destination.site)
    now = clock.now(destination.site)
    RecordChange.by(actor, at=now, verb=verb, subject="destination", subject_id=destination.pk, detail=dict(detail), reason=reason)
    return destination


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _checked(site: Site, data: DestinationData) -> dict[str, Any]:
    """The columns, or InvalidInput that names every wrong field."""
    checked = Checker()
    values = {
        "name": checked("name", validation.text, data.name, "LO"),
        "kind": checked("kind", _kind, data.kind),
        "host": checked("host", hosts.host, data.host),
        "port": checked("port", hosts.port, data.port),
        "called_ae_title": checked("called_ae_title", validation.text, data.called_ae_title, "AE"),
        "calling_ae_title": checked("calling_ae_title", validation.text, data.calling_ae_title, "AE"),
        "stations": checked("stations", _listed, data.stations, "AE"),
        "modalities": checked("modalities", _listed, data.modalities, "CS"),
        "enabled": data.enabled,
        "tls": checked("tls", outgoing.tls, data.tls),
    }
    for name, why in _NEEDED.items():
        if values[name] in ("", None):
            checked.refuse(name, f"is empty; {why}")
    checked.done()
    if data.calling_ae_title and peers.poses_as_another_s(site, data.calling_ae_title, data.called_ae_title):
        raise InvalidInput({"calling_ae_title": f"{POSES}; leave it empty, or choose a title of this hospital"})
    return values


def _kind(given: str) -> str:
    if given not in Destination.Kind.values:
        raise ValueError(f"is {given[:16]!r}; it must be {' or '.join(Destination.Kind.values)}")
    return given


def _listed(given: Iterable[str], vr: str) -> list[str]:
    check = validation.code_string if vr == "CS" else lambda value: validation.text(value, vr)
    found = [one for one in dict.fromkeys(map(check, given)) if one]
    if len(found) > MOST_NAMED:
        raise ValueError(f"holds {len(found)}; name at most {MOST_NAMED}, or none for all")
    return found
