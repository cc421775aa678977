"""The read model follows its source: entries are rebuilt in the transaction that changes a step, a patient or a station's name.

Every step that has a start, or was imported with a start date no calendar knows, has an entry, whatever its status;
which statuses are shown is decided when a query is answered.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as wall_time
from itertools import islice

from django.db import transaction
from django.db.models import QuerySet

from ris import clock, events
from ris.db import lock
from ris.insertion import insert, unsaved
from ris.models import ScheduledProcedureStep, Site
from ris.prepared import Prepared, PreparedUpdate
from worklist import encoding, keys, overlay, values
from worklist import item as worklist_item
from worklist.item import Source
from worklist.keys import Key
from worklist.models import WorklistEntry, WorklistEntryStation
from worklist.status import with_status

_CHUNK = 500
_LONGEST = 250  # characters that a matching column holds; no VR that it is for allows more
_STATION, _START_DATE, _START_TIME = (
    keys.STEP[Key(keyword).tag]
    for keyword in ("ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime")
)
_MATCHED = [
    key for table in (keys.ROOT, keys.STEP) for key in table.values() if key.column and key not in (_STATION, _START_DATE, _START_TIME)
]
"""Keys whose column is the text of the element."""


@dataclass(frozen=True)
class Built:
    """An entry and its station rows, not yet saved."""

    entry: WorklistEntry
    stations: tuple[WorklistEntryStation, ...]


def build(step: ScheduledProcedureStep) -> Built | None:
    """The entry of a step as its source says now; None when it is on no worklist."""
    return build_from(Source.of(step))


def build_from(source: Source) -> Built | None:
    """`build` of records that are at hand."""
    return _from_received(source) if source.step.received_item else _from_columns(source)


def _from_columns(source: Source) -> Built | None:
    """The entry of a step that nothing was received for: its item needs no data set."""
    return _build(source.step, lambda key: encoding.texts(key, source), lambda: encoding.encode(source))


def _from_received(source: Source) -> Built | None:
    try:
        laid = overlay.lay(source)
    except overlay.Odd:
        return _from_data_set(source)
    return _build(source.step, laid.texts, laid.encode)


def _from_data_set(source: Source) -> Built | None:
    """The entry of a step for which something was received that only pydicom knows how to write."""
    dataset = worklist_item.build_from(source)
    inside = dataset.ScheduledProcedureStepSequence[0]
    return _build(
        source.step,
        lambda key: values.texts((inside if key.tag in keys.STEP else dataset).get(key.tag)),
        lambda: worklist_item.encode(dataset),
    )


def _build(step: ScheduledProcedureStep, texts: Callable[[Key], tuple[str, ...]], encoded: Callable[[], bytes]) -> Built | None:
    def first(key: Key) -> str:
        found = texts(key)
        return found[0] if found else ""

    day = first(_START_DATE)
    if not day:
        return None
    time = first(_START_TIME)
    start = step.start or _approximate(day, time, step.site)
    ae_titles = tuple(dict.fromkeys(texts(_STATION)))
    local_date = values.date_text(day) or day[:64]
    common = {"site_id": step.site_id, "start": start, "local_date": local_date}
    own = {
        "step_id": step.pk,
        "local_time": values.time_text(time) or time[:64],
        "station_ae_titles": "\\".join(ae_titles),
        "item": encoded(),
    }
    return Built(
        unsaved(WorklistEntry, common | own | _columns(first)),
        tuple(unsaved(WorklistEntryStation, {**common, "entry_id": step.pk, "ae_title": ae_title[:64]}) for ae_title in ae_titles),
    )


def _columns(first: Callable[[Key], str]) -> dict[str, str]:
    """Matching columns that are the text of one element, and what is derived from the patient's name."""
    columns: dict[str, str] = {}
    for key in _MATCHED:
        text = first(key)
        columns[key.column] = (text.upper() if key.vr == "CS" else text)[:_LONGEST]
    groups = values.name_groups(columns["patient_name"])
    for column, group in zip(("name_alphabetic", "name_ideographic", "name_phonetic"), groups, strict=True):
        columns[column] = group[:_LONGEST]
    return columns


def _approximate(day: str, time: str, site: Site) -> datetime:
    """Where an impossible date or time stands in the order of start: the nearest one that a calendar knows."""
    digits = values.date_text(day)
    if digits is None or digits[:4] < "0002":
        return datetime(2, 1, 1, tzinfo=UTC)
    year = min(int(digits[:4]), 9998)
    month = min(max(int(digits[4:6]), 1), 12)
    last = monthrange(year, month)[1]
    digits_of_time = values.time_text(time) or "000000.000000"
    hour, minute, second = (int(digits_of_time[at : at + 2]) for at in (0, 2, 4))
    nearest = date(year, month, min(max(int(digits[6:]), 1), last))
    return clock.at(nearest, wall_time(hour, minute, min(second, 59)), site)


def source_steps() -> QuerySet[ScheduledProcedureStep]:
    """Steps with all that their items are made of."""
    return ScheduledProcedureStep.objects.select_related(
        "site", "requested_procedure__order__patient", "requested_procedure__order__visit"
    ).prefetch_related("stations__station")


def rebuild(step_ids: Iterable[int]) -> None:
    """Make the entries of these steps what their source says; entries of steps that are gone or unscheduled go.

    The steps are locked before anything is read, in the order of their ids: of two changes at once the later one sees the
    earlier one's rows. Whoever changes a patient or orders for one locks the patient first, then come the steps.
    """
    remaining = iter(step_ids)
    while chunk := tuple(islice(remaining, _CHUNK)):
        with transaction.atomic():
            lock_steps(chunk)
            built = [one for one in (build(step) for step in source_steps().filter(pk__in=chunk)) if one is not None]
            _save(built, chunk)


def lock_steps(step_ids: Sequence[int]) -> None:
    lock(lambda: ScheduledProcedureStep.objects.filter(pk__in=step_ids).order_by("pk"))


_FIELDS = [field.name for field in WorklistEntry._meta.concrete_fields if not field.primary_key]


def _save(built: Sequence[Built], step_ids: Sequence[int]) -> None:
    kept = [one.entry.pk for one in built]
    gone = [step_id for step_id in step_ids if step_id not in set(kept)]
    if gone:
        WorklistEntry.objects.filter(pk__in=gone).delete()
    WorklistEntry.objects.bulk_create([one.entry for one in built], update_conflicts=True, unique_fields=["step"], update_fields=_FIELDS)
    WorklistEntryStation.objects.filter(entry__in=kept).delete()
    WorklistEntryStation.objects.bulk_create([row for one in built for row in one.stations])


def rebuild_all(on_progress: Callable[[int], None] = lambda done: None) -> int:
    """Rebuild every entry, some hundred steps a transaction; returns how many steps were looked at."""
    done = 0
    for chunk in _all_step_ids():
        rebuild(chunk)
        done += len(chunk)
        on_progress(done)
    return done


def differences(on_progress: Callable[[int], None] = lambda done: None) -> Iterator[tuple[int, str]]:
    """Steps whose entry is not what its source says, each with what differs, in words."""
    done = 0
    for chunk in _all_step_ids():
        stored = WorklistEntry.objects.prefetch_related("stations").in_bulk(list(chunk))
        for step in source_steps().filter(pk__in=chunk):
            difference = _difference(build(step), stored.get(step.pk))
            if difference:
                yield step.pk, difference
        done += len(chunk)
        on_progress(done)


def _difference(expected: Built | None, stored: WorklistEntry | None) -> str:
    if expected is None or stored is None:
        if stored is not None:
            return "has an entry that should not be"
        return "" if expected is None else "has no entry"
    names = [name for name in _FIELDS if _comparable(expected.entry, name) != _comparable(stored, name)]
    mine = {(row.ae_title, row.start, row.local_date) for row in expected.stations}
    if mine != {(row.ae_title, row.start, row.local_date) for row in stored.stations.all()}:
        names.append("stations")
    return f"differs in {', '.join(names)}" if names else ""


def _comparable(entry: WorklistEntry, name: str) -> object:
    value = entry.site_id if name == "site" else getattr(entry, name)
    return bytes(value) if name == "item" else value


def _all_step_ids() -> Iterator[tuple[int, ...]]:
    """Ids in order, a page at a time, so that no cursor stays open while entries are written."""
    last = 0
    while page := tuple(ScheduledProcedureStep.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_CHUNK]):
        yield page
        last = page[-1]


def on_step_changed(event: events.StepChanged) -> None:
    rebuild([event.step_id])


_items = Prepared(lambda pk: WorklistEntry.objects.only("item").filter(pk=pk), "pk")
_exchange = PreparedUpdate(lambda pk: WorklistEntry.objects.filter(pk=pk), "pk", columns=("status", "item"))


def on_step_status_changed(event: events.StepStatusChanged) -> None:
    """Only the status is written: nothing else of an entry depends on it. Entries are written with their step locked, as it is here."""
    entry = _items.first(event.step_id)
    if entry is None:
        return
    item = with_status(bytes(entry.item), event.status)
    if item is None:
        rebuild([event.step_id])
    else:
        _exchange(event.step_id, status=event.status, item=item)


def on_steps_added(event: events.StepsAdded) -> None:
    sources = (Source(one.step, one.procedure, one.order, one.patient, one.visit, one.site, one.stations) for one in event.steps)
    built = [one for one in map(build_from, sources) if one is not None]
    insert([one.entry for one in built])
    insert([row for one in built for row in one.stations])


def on_patient_changed(event: events.PatientChanged) -> None:
    rebuild(ScheduledProcedureStep.objects.filter(requested_procedure__order__patient=event.patient_id).values_list("pk", flat=True))


def on_station_changed(event: events.StationChanged) -> None:
    """Of a station's settings an item holds its name alone; the others are about how it is answered."""
    if "name" in event.changed:
        rebuild(ScheduledProcedureStep.objects.filter(stations__station=event.station_id).values_list("pk", flat=True))


def on_site_changed(event: events.SiteChanged) -> None:
    rebuild(ScheduledProcedureStep.objects.filter(site=event.site_id).values_list("pk", flat=True))


def subscribe() -> None:
    """Follow what changes in the RIS; called once, when the application is ready."""
    events.subscribe(events.StepChanged, on_step_changed)
    events.subscribe(events.StepStatusChanged, on_step_status_changed)
    events.subscribe(events.StepsAdded, on_steps_added)
    events.subscribe(events.PatientChanged, on_patient_changed)
    events.subscribe(events.StationChanged, on_station_changed)
    events.subscribe(events.SiteChanged, on_site_changed)
