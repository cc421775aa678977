"""`python -m bench.entries COUNT`: fill the worklist of a database with COUNT entries, without the orders behind them.

Twenty entries a station and day, fifty stations: so many a day, and what answers a query stays the same however many there are.
The read model is filled alone, foreign keys unwatched: a million orders would take longer than all that is measured. Writes only
into a database whose worklist is empty.
"""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ris.models import Order
    from worklist.models import WorklistEntry, WorklistEntryStation

STATIONS, SLOTS = 50, 20  # stations of the hospital; entries of one station on one day
FIRST_DAY = date(2026, 1, 5)
MODALITIES = ("CT", "MR", "US", "CR", "NM")
_NUMBER, _AE_TITLE, _DAY, _TIME = "7654321", "ST77", "20010203", "040506"
_CHUNK = 5000
_WITHOUT_TRIGGERS = "SET session_replication_role = replica"


def number_of(index: int) -> str:
    """The seven digits that all identifiers of an entry have in common."""
    return f"{index:07d}"


def ae_title(index: int) -> str:
    return f"ST{index % STATIONS:02d}"


def start_of(index: int) -> datetime:
    """Local time of the hospital, which is UTC."""
    day, slot = index // (STATIONS * SLOTS), index // STATIONS % SLOTS
    return datetime.combine(FIRST_DAY + timedelta(days=day), time(8), UTC) + timedelta(minutes=20 * slot)


def _order() -> "Order":
    """With its site, patient and visit."""
    from ris.models import Order, Patient, Site, Visit

    site = Site(code="bench", name="Northbridge General", time_zone="UTC")
    visit = Visit(site=site, admission_id=f"V{_NUMBER}", current_patient_location="Ward 4")
    patient = Patient(
        site=site, patient_id=f"P{_NUMBER}", name=f"BENCH{_NUMBER}^Anna Maria", birth_date=date(1970, 5, 17), sex="F", allergies=["Iodine"]
    )
    return Order(
        site=site,
        patient=patient,
        visit=visit,
        accession_number=f"A{_NUMBER}",
        placer_order_number=f"PL{_NUMBER}",
        filler_order_number=f"FI{_NUMBER}",
        referring_physician_name="LINDQVIST^Ingrid^^Dr.",
        requesting_physician="OKAFOR^Chidi^^Dr.",
        requesting_service="Internal medicine",
        reason="Persistent cough",
        ordered_at=datetime(2025, 12, 1, 9, tzinfo=UTC),
    )


def _template() -> bytes:
    """The item of one entry, where numbers, station and start stand that are replaced in the others."""
    from ris.models import RequestedProcedure, ScheduledProcedureStep, StepStation
    from worklist import encoding
    from worklist.item import Source

    order = _order()
    procedure = RequestedProcedure(
        site=order.site,
        order=order,
        requested_procedure_id=f"RP{_NUMBER}",
        study_instance_uid=f"2.25.1234{_NUMBER}",
        code="CTCHEST",
        scheme="99NORTH",
        meaning="CT chest with contrast",
        description="CT chest with contrast",
    )
    step = ScheduledProcedureStep(
        site=order.site,
        requested_procedure=procedure,
        scheduled_procedure_step_id=f"SP{_NUMBER}",
        description="CT chest with contrast",
        modality="XX",
        protocol_codes=[{"code": "P-CHEST-1", "scheme": "99NORTH", "meaning": "Chest routine"}],
        start=datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC),
        end=datetime(2001, 2, 3, 4, 25, 6, tzinfo=UTC),
        location="Room 1",
        performing_physician_name="MORETTI^Paola",
        status="SCHEDULED",
    )
    return encoding.encode(Source.of(step, [StepStation(ae_title=_AE_TITLE)]))


@lru_cache(maxsize=4)
def _moment(slot: int) -> tuple[datetime, str, str]:
    """Start of the entries of a slot, as a moment, a date and a time."""
    moment = start_of(slot * STATIONS)
    return moment, f"{moment:%Y%m%d}", f"{moment:%H%M%S}"


def items(count: int) -> Iterator[tuple[int, bytes]]:
    """Index and item of each entry."""
    template = _template()
    number, station, day, start, modality = (text.encode() for text in (_NUMBER, _AE_TITLE, _DAY, _TIME, "XX"))
    for index in range(count):
        _, date_text, time_text = _moment(index // STATIONS)
        yield (
            index,
            template.replace(number, number_of(index).encode())
            .replace(station, ae_title(index).encode())
            .replace(day, date_text.encode())
            .replace(start, time_text.encode())
            .replace(modality, MODALITIES[index % len(MODALITIES)].encode(), 1),
        )


def _rows(count: int, site_id: int) -> "Iterator[tuple[WorklistEntry, WorklistEntryStation]]":
    from worklist.models import WorklistEntry, WorklistEntryStation

    for index, item in items(count):
        number, (start, day, time_text) = number_of(index), _moment(index // STATIONS)
        entry = WorklistEntry(
            step_id=index + 1,
            site_id=site_id,
            status="SCHEDULED",
            start=start,
            local_date=day,
            local_time=f"{time_text}.000000",
            station_ae_titles=ae_title(index),
            modality=MODALITIES[index % len(MODALITIES)],
            patient_id=f"P{number}",
            patient_name=f"BENCH{number}^Anna Maria",
            name_alphabetic=f"bench{number}^anna maria",
            accession_number=f"A{number}",
            requested_procedure_id=f"RP{number}",
            scheduled_procedure_step_id=f"SP{number}",
            study_instance_uid=f"2.25.1234{number}",
            item=item,
        )
        yield entry, WorklistEntryStation(entry_id=index + 1, site_id=site_id, ae_title=ae_title(index), start=start, local_date=day)


def fill(count: int) -> None:
    """Fill the empty worklist of the default site, and let the database look at what is in it."""
    from django.db import connection, transaction

    from ris.actions.sites import ensure_default_site
    from ris.insertion import insert
    from ris.models import Site
    from worklist.models import WorklistEntry

    if WorklistEntry.objects.exists():
        raise SystemExit("The worklist of this database is not empty; give RIS_DATA_DIR or DATABASE_URL of a new one.")
    site = ensure_default_site()
    Site.objects.filter(pk=site.pk).update(time_zone="UTC")
    is_sqlite = connection.vendor == "sqlite"
    unwatched = "PRAGMA foreign_keys=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-200000" if is_sqlite else _WITHOUT_TRIGGERS
    with connection.cursor() as cursor:
        for statement in unwatched.split(";"):
            cursor.execute(statement)
        rows = _rows(count, site.pk)
        while chunk := list(islice(rows, _CHUNK)):
            with transaction.atomic():
                insert([entry for entry, _ in chunk])
                insert([station for _, station in chunk])
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)" if is_sqlite else "ANALYZE")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stepwise.settings")
    import django

    django.setup()
    fill(int(sys.argv[1]))
