"""Another AE title for a station: it stays the same station, and everything that goes by its title follows in the same transaction.

What was on the wire keeps the title that it was said under (the journal, messages, histories): `ris.titles` finds it. What a higher room
keeps by the title follows `events.StationRenamed`: served items, findings, performed steps, destinations.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import F, Q

from ris import clock, events, titles, validation
from ris.actions.stations import expect, refuse_taken, revise
from ris.actor import Actor
from ris.db import action, lock
from ris.errors import NotFound
from ris.models import (
    ConnectionCheck,
    EchoTest,
    FormerTitle,
    RecordChange,
    ScheduledProcedureStep,
    Site,
    Station,
    StationAlias,
    StepStation,
)
from ris.validation import Checker


@dataclass(frozen=True)
class Renaming:
    """What a form says of a station's titles: the one that it had when the form was opened, whether that is accepted from now on when
    it is another one now, and which of its earlier ones are accepted no more."""

    before: str
    keeps: bool = True
    given_up: Collection[str] = ()


@action
def rename_station(site: Site, renaming: Renaming, ae_title: str, actor: Actor, expected_version: int | None = None) -> Station:
    """Give the station this AE title, and give up those of its former ones that are named. Raises InvalidInput, ChangedMeanwhile, or
    NotFound when no station is called as it was.

    The station comes back with its present version, which is the one before where nothing changed. A former title that becomes the
    present one again is none to be given up, whatever was said of it.
    """
    revise(site)  # the site's row is written first: of two who take a title at once the later one sees what the earlier did
    titles.hold_alone(site.pk)
    _lock(site, {renaming.before, ae_title.strip(), *renaming.given_up})
    station = Station.objects.filter(site=site, ae_title=renaming.before).first()
    expect(site, station, renaming.before, expected_version)
    if station is None:
        raise NotFound(f"There is no station {renaming.before!r} here. {titles.moved(site, renaming.before)}".rstrip())
    after = _checked(ae_title)
    _give_up(station, [title for title in renaming.given_up if title != after], actor)
    if after != station.ae_title:
        refuse_taken(site, after, station)
        _rename(station, after, actor, keeps=renaming.keeps)
    revise(site)  # what was read meanwhile is of before
    return station


@action
def accept_again(site: Site, ae_title: str, former: str, actor: Actor, expected_version: int | None = None) -> Station:
    """Accept a former title of the station again that was given up. Raises NotFound where it had none such, InvalidInput where somebody
    else has it now, ChangedMeanwhile.

    From now on: of which hospital what was said under it in between is does not change.
    """
    revise(site)
    titles.hold_alone(site.pk)
    _lock(site, {ae_title, former})
    station = Station.objects.filter(site=site, ae_title=ae_title).first()
    expect(site, station, ae_title, expected_version)
    had = FormerTitle.objects.filter(station=station, ae_title=former)
    if station is None or not had.exists():
        raise NotFound(f"{former!r} was never the AE title of {ae_title}.")
    if former == ae_title or had.filter(until=None).exists():
        return station
    refuse_taken(site, former, station)
    before = list(FormerTitle.objects.filter(station=station, until=None).values_list("ae_title", flat=True))
    now = clock.wall()
    FormerTitle.objects.create(site=site, station=station, ae_title=former, since=now, renamed_at=now)
    _save(station, "edit", {"accepted": [", ".join(before), ", ".join([*before, former])]}, f"{former} is accepted again", actor)
    _move_list(station, former)
    revise(site)
    return station


def _lock(site: Site, ae_titles: Collection[str]) -> None:
    """Lock what will be written in the order in which a booking does: exams on the lists of these titles, then the stations of these and
    those that see their lists."""
    on_lists = StepStation.objects.filter(step__site=site, ae_title__in=ae_titles)
    lock(lambda: ScheduledProcedureStep.objects.filter(pk__in=on_lists.values("step")).order_by("pk"))
    seeing = StationAlias.objects.filter(station__site=site, ae_title__in=ae_titles)
    lock(lambda: Station.objects.filter(Q(ae_title__in=ae_titles) | Q(pk__in=seeing.values("station")), site=site).order_by("pk"))


def _checked(ae_title: str) -> str:
    checked = Checker()
    after = checked("ae_title", validation.text, ae_title, "AE") or ""
    if not ae_title.strip():
        checked.refuse("ae_title", "is empty; write the AE title that the modality calls with")
    checked.done()
    return after


def _give_up(station: Station, named: Collection[str], actor: Actor) -> None:
    """Accept these of its former titles no more. What an import put on their lists stays the station's."""
    accepted = FormerTitle.objects.filter(station=station, until=None)
    before = list(accepted.values_list("ae_title", flat=True))
    given_up = [title for title in before if title in named]
    if not given_up:
        return
    accepted.filter(ae_title__in=given_up).update(until=clock.wall())
    left = [title for title in before if title not in given_up]
    _save(station, "edit", {"accepted": [", ".join(before), ", ".join(left)]}, "", actor)
    for former in given_up:
        _move_list(station, former)


def _rename(station: Station, after: str, actor: Actor, *, keeps: bool) -> None:
    """Write its titles, and have everything follow that goes by them."""
    now, before = clock.wall(), station.ae_title
    again = FormerTitle.objects.filter(station=station, ae_title=after, until=None).first()
    FormerTitle.objects.create(
        site=station.site,
        station=station,
        ae_title=before,
        since=station.called_so_since,
        renamed_at=now,
        until=None if keeps else now,
    )
    station.ae_title, station.titled_at = after, now
    if again is not None:  # it was the station's all along, and nobody else had it first
        station.titled_at = again.since
        again.delete()
    reason = f"{before} is {'accepted until the modality is changed' if keeps else 'accepted no more'}"
    _save(station, "rename", {"ae_title": [before, after]}, reason, actor)
    _let_others_follow(station, before, actor)
    _move_list(station, before)


def _save(station: Station, verb: str, detail: dict[str, list[str]], reason: str, actor: Actor) -> None:
    station.version += 1
    station.save(update_fields=["ae_title", "titled_at", "version"])
    now = clock.now(station.site)
    RecordChange.by(actor, at=now, verb=verb, subject="station", subject_id=station.pk, detail=detail, reason=reason)


def _move_list(station: Station, former: str) -> None:
    """Put what is on the list of the former title on that of the present one, under which an import may have put exams before, too."""
    moved = events.StationRenamed(station.pk, station.site_id, former, station.ae_title)
    on_list = StepStation.objects.filter(step__site=station.site)
    own, before = on_list.filter(ae_title=station.ae_title), on_list.filter(ae_title=former)
    own.filter(station=None).update(station=station)
    on_both = list(own.filter(step__stations__ae_title=former).values_list("step", flat=True))
    before.filter(step__in=on_both).delete()
    before.update(ae_title=station.ae_title, station=station)
    events.publish(moved)


def _let_others_follow(station: Station, before: str, actor: Actor) -> None:
    """Stations that see its list, and what was tried to connect it."""
    site, after = station.site, station.ae_title
    StationAlias.objects.filter(station=station, ae_title=after).delete()
    for other in Station.objects.filter(site=site, aliases__ae_title=before).exclude(pk=station.pk).order_by("pk"):
        _see_it_under_its_new_title(other, before, after, actor)
    for model in (ConnectionCheck, EchoTest):
        model.objects.filter(site=site, ae_title=before).update(ae_title=after)


def _see_it_under_its_new_title(other: Station, before: str, after: str, actor: Actor) -> None:
    had = [row.ae_title for row in other.aliases.all()]
    known = other.aliases.filter(ae_title=before)
    known.delete() if after in had else known.update(ae_title=after)
    Station.objects.filter(pk=other.pk).update(version=F("version") + 1)
    detail = {"aliases": [", ".join(had), ", ".join(other.aliases.values_list("ae_title", flat=True))]}
    reason = f"{before} is called {after} now"
    RecordChange.by(actor, at=clock.now(other.site), verb="edit", subject="station", subject_id=other.pk, detail=detail, reason=reason)
