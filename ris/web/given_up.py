"""Former AE titles that are accepted no more and that nobody has now: whose each was, and who ended it. What calls so is the modality of
that station, which was not changed yet, and no stranger."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ris import clock
from ris.models import FormerTitle, RecordChange, Site, Station
from ris.web import times


@dataclass(frozen=True)
class GivenUp:
    """`station` is what its station is called now, `version` that of the station, `text` the whole in words, without a full stop."""

    ae_title: str
    station: str
    version: int
    text: str

    @property
    def next(self) -> str:
        return f"change the modality to {self.station}, or accept {self.ae_title} again"

    @property
    def advice(self) -> str:
        return f"{self.text}: {self.next}."


def of(site: Site, ae_titles: Collection[str]) -> dict[str, GivenUp]:
    """Those among these titles; of one that several stations had, the last of them."""
    rows = FormerTitle.objects.filter(site=site, ae_title__in=set(ae_titles)).select_related("station")
    last = {row.ae_title: row for row in rows.exclude(until=None).order_by("until", "pk")}
    if not last:
        return {}
    had = {*rows.filter(until=None).values_list("ae_title", flat=True)}
    had |= {*Station.objects.filter(site=site, ae_title__in=last).values_list("ae_title", flat=True)}
    return {title: _told(site, row) for title, row in last.items() if title not in had}


def _told(site: Site, row: FormerTitle) -> GivenUp:
    now, by = row.station.ae_title, _ended_by(row)
    when = f" until {_near(row.until, site)}" if row.until else ""
    text = f"{row.ae_title} was the AE title of {now}{when}{f', when {by} ended it' if by else ''}"
    return GivenUp(row.ae_title, now, row.station.version, text)


def _near(at: datetime, site: Site) -> str:
    local = clock.local(at, site)
    return f"{local:%H:%M}" if local.date() == clock.local(clock.wall(), site).date() else f"{times.day(local.date())} {local:%H:%M}"


def _ended_by(row: FormerTitle) -> str:
    """Who renamed it without keeping the title, or who unticked it later; empty where its history does not tell."""
    changes = RecordChange.objects.filter(subject="station", subject_id=row.station_id, verb__in=("edit", "rename")).order_by("-pk")
    return next((one.actor for one in changes if _ends(one, row.ae_title)), "")


def _ends(change: RecordChange, ae_title: str) -> bool:
    if change.verb == "rename" and change.detail["ae_title"][0] == ae_title:
        return True
    before, after = (said.split(", ") for said in change.detail.get("accepted", ("", "")))
    return ae_title in before and ae_title not in after
