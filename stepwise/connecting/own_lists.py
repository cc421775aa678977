"""Which lists were a station's own when it asked: a query is judged by the titles and aliases of its time, not by those of today.

Otherwise an alias that is taken away, or a former title that is accepted no more, would turn a line red that was proved.
"""

from datetime import datetime
from functools import cached_property

from ris import clock, titles
from ris.models import ConnectionCheck, RecordChange, Station


class OwnLists:
    """Of the station of a check. What is needed is read once, the aliases when a query names another list than that of its titles."""

    def __init__(self, check: ConnectionCheck) -> None:
        self._site, self._ae_title = check.site, check.ae_title

    def hold(self, ae_title: str, at: datetime) -> bool:
        """Whether the list of this title was its own at a moment of wall time."""
        return any(claim.ae_title == ae_title and claim.holds(at) for claim in self._titles) or ae_title in self._aliases(at)

    @cached_property
    def _titles(self) -> tuple[titles.Claim, ...]:
        return titles.of(self._site, self._ae_title)

    def _aliases(self, at: datetime) -> list[str]:
        """As its history has them: what they were before the first change since; none since is those of today."""
        present, changes = self._history
        shown = clock.shown_at(at, self._site)
        return next((before for changed_at, before in changes if changed_at > shown), present)

    @cached_property
    def _history(self) -> tuple[list[str], list[tuple[datetime, list[str]]]]:
        """The aliases of today, and each change of them with what they were before, the first one first."""
        station = Station.objects.filter(site=self._site, ae_title=self._ae_title).first()
        if station is None:
            return [], []
        rows = RecordChange.objects.filter(subject="station", subject_id=station.pk, detail__has_key="aliases").order_by("pk")
        changes = [(row.at, row.detail["aliases"][0].split(", ")) for row in rows]
        return [one.ae_title for one in station.aliases.all()], changes
