"""Bookings of a made-up day, for tests of what is made of them."""

from datetime import UTC, datetime, timedelta
from random import Random

from training.day.story import Booked, Patient, Plan
from training.day.writing import Machine, Writer

SIX = datetime(2026, 11, 30, 6, tzinfo=UTC)
MACHINES = tuple(Machine(f"{kind}0{number}", (kind,)) for kind in ("CT", "MR", "US", "DX") for number in (1, 2))


def one(pk: int = 1, station: str = "CT01", minutes_after: int = 60, **changes: object) -> Booked:
    values: dict[str, object] = {
        "pk": pk,
        "name": f"S{pk}",
        "accession_number": f"A{pk}",
        "procedure": pk,
        "position": 1,
        "of": 1,
        "patient": Patient(f"P{pk}", f"TEST^{pk}", "19700213", "F"),
        "places": (station,),
        "modality": station[:2],
        "start": SIX + timedelta(minutes=minutes_after),
        "minutes": 20,
    }
    return Booked(**(values | changes))  # type: ignore[arg-type]


def many(number: int, seed: int = 1) -> list[Booked]:
    """So many exams, one after the other on each of the machines from seven o'clock on."""
    chance = Random(seed)
    free = {machine.ae_title: 60 for machine in MACHINES}
    found = []
    for pk in range(1, number + 1):
        station = min(free, key=lambda one: (free[one], one))
        minutes = chance.choice((10, 15, 20, 30))
        found.append(one(pk, station, free[station], minutes=minutes))
        free[station] += minutes + chance.choice((0, 5, 10))
    return found


def written(booked: list[Booked], seed: int = 1, begins: datetime = SIX, begun: tuple = ()) -> Plan:
    taken: dict[str, list[tuple[datetime, datetime]]] = {}
    for exam in booked:
        for place in exam.places:
            taken.setdefault(place, []).append((exam.start, exam.end))
    return Writer(begins, MACHINES, seed, taken).write(booked, begun)
