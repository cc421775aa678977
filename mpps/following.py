"""What is kept here by a station's AE title follows when the station is renamed; what was said on the wire stays as it was said."""

from django.db.models import F, Q

from mpps.models import Destination, PerformedProcedureStep
from ris import events
from ris.models import FormerTitle


def on_station_renamed(event: events.StationRenamed) -> None:
    """Performed steps stand under the present title, and destinations that are set to the station are so still."""
    had = FormerTitle.objects.filter(station=event.station_id).values_list("ae_title", flat=True)
    its = Q(station=event.station_id, station_ae_title__in={*had, event.before}) | Q(station=None, station_ae_title=event.before)
    PerformedProcedureStep.objects.filter(its, site=event.site_id).update(station_ae_title=event.after)
    for destination in Destination.objects.select_for_update().filter(site=event.site_id).order_by("pk"):
        if event.before in destination.stations:
            stations = list(dict.fromkeys(event.after if title == event.before else title for title in destination.stations))
            Destination.objects.filter(pk=destination.pk).update(stations=stations, version=F("version") + 1)


def subscribe() -> None:
    """Called once, when the application is ready."""
    events.subscribe(events.StationRenamed, on_station_renamed)
