"""Checks whether a modality is connected: begun and ended by people, each station its own. What they show is in `stepwise.connecting`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ris import clock, peers, validation
from ris.actions.stations import data_of, save_station
from ris.actor import Actor
from ris.db import action
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, NotFound
from ris.models import CalledAlias, ConnectionCheck, RecordChange, Site, Station


@action
def begin(site: Site, ae_title: str, actor: Actor) -> ConnectionCheck:
    """Look at the station's traffic from now on. NotFound for no station of the site, Conflict while a check of it is open."""
    station = Station.objects.select_for_update().filter(site=site, ae_title=ae_title).first()
    if station is None:
        raise NotFound(f"There is no station {ae_title!r} here; register it first.")
    under_way = open_check(site, ae_title)
    if under_way is not None:
        raise Conflict(f"{under_way.begun_by} has begun to connect {ae_title} already; go on with that, or end it.")
    check = ConnectionCheck.objects.create(site=site, ae_title=ae_title, begun_at=clock.wall(), begun_by=actor.name)
    _record(check, "begin", actor)
    return check


@action
def end(check_id: int, actor: Actor, seen: int, summary: str, lines: Sequence[Mapping[str, object]]) -> ConnectionCheck:
    """End a check with what it had seen, its checklist as it stands; ChangedMeanwhile when somebody ended it before."""
    check = ConnectionCheck.objects.select_for_update().select_related("site").get(pk=check_id)
    if check.ended_at is not None:
        raise ChangedMeanwhile(f"{check.ended_by} has ended it meanwhile: {check.summary}")
    check.ended_at, check.ended_by = clock.wall(), actor.name
    check.seen, check.summary, check.lines = seen, summary[:255], list(lines)
    check.save(update_fields=["ended_at", "ended_by", "seen", "summary", "lines"])
    _record(check, "end", actor, summary)
    return check


def open_check(site: Site, ae_title: str) -> ConnectionCheck | None:
    return ConnectionCheck.objects.filter(site=site, ae_title=ae_title, ended_at=None).first()


@action
def accept_called(site: Site, ae_title: str, actor: Actor) -> CalledAlias:
    """Let the site be called by another AE title too, from now on. InvalidInput for one that is none, Conflict for another site's.

    One by which another site's stations have called is not this site's to take.
    """
    try:
        title = validation.text(ae_title, "AE")
    except ValueError as error:
        raise InvalidInput({"called": f"{ae_title[:16]!r} {error}"}) from error
    if not title:
        raise InvalidInput({"called": "is empty; an empty called AE title names nobody"})
    known = CalledAlias.objects.filter(ae_title=title, forgotten_at=None).first()
    if known is not None and known.site_id == site.pk:
        return known
    if known is not None or Site.objects.filter(ae_title=title).exists():
        raise Conflict(f"{title} is the AE title of a hospital here already.")
    if peers.is_called_by_others(site, title):
        raise Conflict(f"Stations of another hospital here call {title} too; set yours to call {site.ae_title} instead.")
    made = CalledAlias.objects.create(site=site, ae_title=title, accepted_at=clock.wall(), accepted_by=actor.name)
    _record_called(site, "accept_called", actor, ["", title])
    return made


@action
def forget_called(site: Site, ae_title: str, actor: Actor) -> None:
    """Be called by that AE title no more. What was said until now stays the site's. Raises NotFound when the site is not called so (any
    more): nothing was changed."""
    if not CalledAlias.objects.filter(site=site, ae_title=ae_title, forgotten_at=None).update(forgotten_at=clock.wall()):
        raise NotFound(f"{site.name} is not called {ae_title[:16]!r} beside {site.ae_title}; somebody else may have ended that before.")
    _record_called(site, "forget_called", actor, [ae_title, ""])


@action
def allow_address(site: Site, ae_title: str, address: str, version: int, actor: Actor) -> Station:
    """Add an address to those that the station may call from. Raises InvalidInput, NotFound, ChangedMeanwhile."""
    station = Station.objects.prefetch_related("modalities", "aliases").filter(site=site, ae_title=ae_title).first()
    if station is None:
        raise NotFound(f"There is no station {ae_title!r} here.")
    data = data_of(station)
    return save_station(site, replace(data, addresses=(*data.addresses, address)), actor, version)


def _record(check: ConnectionCheck, verb: str, actor: Actor, reason: str = "") -> None:
    change = {"verb": verb, "subject": "connection check", "subject_id": check.pk, "reason": reason[:255]}
    RecordChange.by(actor, at=clock.now(check.site), **change, detail={"station": ["", check.ae_title]})


def _record_called(site: Site, verb: str, actor: Actor, change: list[str]) -> None:
    detail = {"called_ae_title": change}
    RecordChange.by(actor, at=clock.now(site), verb=verb, subject="site", subject_id=site.pk, detail=detail)
