"""Another AE title for a station: it stays the same station, and everything that goes by its title follows in the same transaction.

What was on the wire keeps the title that it was said under (the journal, performed steps, histories): `ris.titles` finds it. What a higher
room keeps by the title follows `events.StationRenamed`.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import F

from ris import clock, events, validation
from ris.actions.stations import expect, refuse_taken, revise
from ris.actor import Actor
from ris.db import action
from ris.models import ConnectionCheck, EchoTest, FormerTitle, RecordChange, Site, Station, StationAlias, StepStation
from ris.validation import Checker


@dataclass(frozen=True)
class Renaming:
    """What a form says of a station's titles: the one that it had when the form was opened, whether that is accepted from now on when
    it is another one now, and which of its earlier ones still are."""

    before: str
    keeps: bool = True
    accepted: Collection[str] = ()


@action
def rename_station(site: Site, renaming: Renaming, ae_title: str, actor: Actor, expected_version: int | None = None) -> Station:
    """Give the station this AE title, and accept of its former ones those that are named. Raises InvalidInput or ChangedMeanwhile.

    The station comes back with its present version, which is the one before where nothing changed.
    """
    revise(site)  # the site's row is written first: of two who take a title at once the later one sees what the earlier did
    station = Station.objects.select_for_update().filter(site=site, ae_title=renaming.before).first()
    expect(site, station, renaming.before, expected_version)
    assert station is not None  # a version of none was refused
    after = _checked(ae_title)
    given_up = _given_up(station, renaming.accepted)
    changed = _stop_accepting(station, given_up)
    if after != station.ae_title:
        refuse_taken(site, after, station)
        changed |= _rename(station, after, keeps=renaming.keeps)
    if changed:
        station.version += 1
        station.save(update_fields=["ae_title", "titled_at", "version"])
        _record(station, renaming, changed, actor)
    if "ae_title" in changed:
        _let_others_follow(station, renaming.before, actor)
    for former in (*given_up, *([renaming.before] if "ae_title" in changed else [])):
        _move_exams(station, former)
        events.publish(events.StationRenamed(station.pk, site.pk, former, after))
    revise(site)  # what was read meanwhile is of before
    return station


def _record(station: Station, renaming: Renaming, changed: dict[str, list[str]], actor: Actor) -> None:
    verb, reason = "edit", ""
    if "ae_title" in changed:
        verb = "rename"
        reason = f"{renaming.before} is {'accepted until the modality is changed' if renaming.keeps else 'accepted no more'}"
    now = clock.now(station.site)
    RecordChange.by(actor, at=now, verb=verb, subject="station", subject_id=station.pk, detail=changed, reason=reason)


def _checked(ae_title: str) -> str:
    checked = Checker()
    after = checked("ae_title", validation.text, ae_title, "AE") or ""
    if not ae_title.strip():
        checked.refuse("ae_title", "is empty; write the AE title that the modality calls with")
    checked.done()
    return after


def _given_up(station: Station, accepted: Collection[str]) -> list[str]:
    """Its former titles that are accepted no more."""
    known = FormerTitle.objects.filter(station=station, until=None).values_list("ae_title", flat=True)
    return [title for title in known if title not in accepted]


def _stop_accepting(station: Station, titles: list[str]) -> dict[str, list[str]]:
    """What is changed of the former titles that are accepted."""
    if not titles:
        return {}
    rows = FormerTitle.objects.filter(station=station, until=None)
    before = ", ".join(map(str, rows))
    rows.filter(ae_title__in=titles).update(until=clock.wall())
    return {"accepted": [before, ", ".join(map(str, rows.all()))]}


def _rename(station: Station, after: str, *, keeps: bool) -> dict[str, list[str]]:
    """Write its titles; what changed of them."""
    now, before = clock.wall(), station.ae_title
    FormerTitle.objects.filter(station=station, ae_title=after, until=None).update(until=now)
    FormerTitle.objects.create(
        site=station.site,
        station=station,
        ae_title=before,
        since=station.called_so_since,
        renamed_at=now,
        until=None if keeps else now,
    )
    station.ae_title, station.titled_at = after, now
    return {"ae_title": [before, after]}


def _move_exams(station: Station, former: str) -> None:
    """Put what is on the list of the former title on that of the present one, under which an import may have put exams before, too."""
    on_list = StepStation.objects.filter(step__site=station.site)
    own, before = on_list.filter(ae_title=station.ae_title), on_list.filter(ae_title=former)
    own.filter(station=None).update(station=station)
    before.filter(step__in=list(own.filter(step__stations__ae_title=former).values_list("step", flat=True))).delete()
    before.update(ae_title=station.ae_title, station=station)


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
