"""The list of a station follows it to another AE title: in place, since the title says nothing about the rest of an item."""

from collections.abc import Iterator
from typing import Any

from ris import events
from ris.models import ScheduledProcedureStep
from ris.prepared import PreparedUpdate
from worklist import findings, projection
from worklist.models import WorklistEntry, WorklistEntryStation
from worklist.status import with_station_titles

_CHUNK = 500
_Row = tuple[int, Any, str, bytes | memoryview]
"""A step, what was received for it, the titles and the item of its entry."""
_exchange = PreparedUpdate(lambda pk: WorklistEntry.objects.filter(pk=pk), "pk", columns=("station_ae_titles", "item"))


def on_station_renamed(event: events.StationRenamed) -> None:
    """What is on its list, and what was odd about its queries."""
    anew = [row[0] for row in _entries(event) if not _is_retitled(row, event)]
    listed = WorklistEntryStation.objects.filter(site=event.site_id, ae_title=event.before).exclude(entry__in=anew)
    listed.filter(entry__stations__ae_title=event.after).delete()
    listed.update(ae_title=event.after)
    projection.rebuild(anew)
    findings.follow(event.site_id, event.before, event.after)


def _entries(event: events.StationRenamed) -> Iterator[_Row]:
    """Those under the old title in the order of their steps, which are locked."""
    found = ScheduledProcedureStep.objects.filter(site=event.site_id, worklist_entry__stations__ae_title=event.before).order_by("pk")
    rows = found.values_list("pk", "received_item", "worklist_entry__station_ae_titles", "worklist_entry__item")
    last = 0
    while steps := list(found.filter(pk__gt=last).values_list("pk", flat=True)[:_CHUNK]):
        projection.lock_steps(steps)
        yield from list(rows.filter(pk__in=steps))
        last = steps[-1]


def _is_retitled(row: _Row, event: events.StationRenamed) -> bool:
    """Whether the new title took the place of the old one. Else the entry is to be built anew: something received is laid over it."""
    step_id, received, before, item = row
    titles = "\\".join(dict.fromkeys(event.after if title == event.before else title for title in before.split("\\")))
    retitled = None if received else with_station_titles(bytes(item), titles)
    if retitled is None:
        return False
    _exchange(step_id, station_ae_titles=titles, item=retitled)
    return True


def subscribe() -> None:
    """Called once, when the application is ready."""
    events.subscribe(events.StationRenamed, on_station_renamed)
