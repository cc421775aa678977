"""A small hospital for tests, made through the same actions that the product uses."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

from ris import clock
from ris.actions import orders, sites
from ris.actions.orders import OrderRequest
from ris.actions.patients import PatientData
from ris.actor import Actor
from ris.models import Order, Procedure, ProcedureStepTemplate, ScheduledProcedureStep, Site, Station, StationModality, StationPool

ACTOR = Actor.system("test")
_people = count(1)


def a_site() -> Site:
    return sites.ensure_default_site()


def a_station(ae_title: str = "CT01", *modalities: str, strict: bool = True, character_set: str = "ISO_IR 192") -> Station:
    station, made = Station.objects.get_or_create(
        site=a_site(),
        ae_title=ae_title,
        defaults={
            "name": ae_title,
            "room": f"Room {ae_title[-1]}",
            "strict": strict,
            "character_set": character_set,
            "opens": time(0, 0),
            "closes": time(23, 59),
        },
    )
    if made:
        Site.objects.update(stations_revision=uuid4())
    for position, modality in enumerate(modalities or ("CT",)):
        StationModality.objects.get_or_create(station=station, modality=modality, defaults={"position": position})
    return station


def a_pool(code: str = "ANYCT", *stations: Station) -> StationPool:
    pool, _ = StationPool.objects.get_or_create(site=a_site(), code=code, defaults={"name": f"Any of {code}"})
    pool.stations.set(stations)
    return pool


def a_procedure(code: str = "CTCHEST", *, modality: str = "CT", minutes: int = 30, steps: tuple[str, ...] = ("CT chest",)) -> Procedure:
    procedure, made = Procedure.objects.get_or_create(
        site=a_site(),
        code=code,
        scheme="99TEST",
        defaults={"meaning": " then ".join(steps), "modality": modality, "duration_minutes": minutes * len(steps), "price": Decimal(250)},
    )
    if made:
        for position, description in enumerate(steps, start=1):
            ProcedureStepTemplate.objects.create(
                procedure=procedure,
                position=position,
                description=description,
                modality=modality,
                duration_minutes=minutes,
                protocol_code=f"P-{code}-{position}"[:16],
                protocol_scheme="99TEST",
                protocol_meaning=description,
            )
    return procedure


def a_patient_data(**changes: object) -> PatientData:
    number = next(_people)
    values: dict[str, object] = {"name": f"TEST{number}^Ann", "patient_id": f"T{number:05d}", "birth_date": "1980-02-29", "sex": "F"}
    return PatientData(**(values | changes))  # type: ignore[arg-type]


def in_minutes(minutes: int) -> datetime:
    return clock.now(a_site()).replace(second=0, microsecond=0) + timedelta(minutes=minutes)


def an_order(procedure: Procedure | None = None, *, station: str = "CT01", start: datetime | None = None, **patient: object) -> Order:
    """An order booked on the station; `start` defaults to ten minutes from now."""
    a_station(station)
    code = (procedure or a_procedure()).code
    request = OrderRequest([code], station_ae_title=station, start=start or in_minutes(10))
    return orders.place_order(a_site(), a_patient_data(**patient), request, ACTOR)


def steps_of(order: Order) -> list[ScheduledProcedureStep]:
    return list(ScheduledProcedureStep.objects.filter(requested_procedure__order=order).order_by("position"))
