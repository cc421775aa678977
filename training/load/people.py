"""Who comes: new patients, and those who come again on a later day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any

from ris.models import Patient
from training.hospital.people import ALERTS, ALLERGIES, NEEDS
from training.load.department import Suits
from training.load.names import person_name

_REMEMBERED = 4000
_RETURNING = 0.35
_LOOKS = 6


@dataclass(slots=True)
class Person:
    """Somebody with their last exam's day. `pk` is known once the patient is written."""

    sex: str
    birth_date: date
    last_day: date
    pk: int | None = None


class Crowd:
    """Draws patients. It remembers the last few thousand, so that memory does not grow with the load."""

    def __init__(self, today: date, registered_at: datetime, chance: Random) -> None:
        self._today = today
        self._registered_at = registered_at
        self._chance = chance
        self._known: list[Person] = []
        self._next = 0

    def draw(self, suits: Suits, day: date, meaning: str) -> tuple[Person, Mapping[str, Any] | int]:
        """Somebody whom the exam suits, with the columns of a new patient or the primary key of a known one."""
        if self._known and self._chance.random() < _RETURNING:
            for _ in range(_LOOKS):
                person = self._chance.choice(self._known)
                age = (self._today - person.birth_date).days // 365
                if person.last_day < day and person.pk is not None and suits.fits(person.sex, age):
                    person.last_day = day
                    return person, person.pk
        person = Person(suits.sex(self._chance), suits.birth_date(self._today, self._chance), day)
        self._remember(person)
        return person, self._columns(person, meaning)

    def _remember(self, person: Person) -> None:
        if len(self._known) < _REMEMBERED:
            self._known.append(person)
        else:
            self._known[self._next] = person
            self._next = (self._next + 1) % _REMEMBERED

    def _columns(self, person: Person, meaning: str) -> dict[str, Any]:
        chance = self._chance
        age = (self._today - person.birth_date).days / 365.25
        size = _size(person.sex, age, chance)
        weight = size * size * (chance.uniform(19, 33) if age >= 16 else chance.uniform(14, 20))
        return {
            "name": person_name(person.sex, chance),
            "birth_date": person.birth_date,
            "sex": person.sex,
            "size_m": Decimal(round(size * 100)) / 100 if chance.random() < 0.8 else None,
            "weight_kg": Decimal(round(weight * 10)) / 10 if chance.random() < 0.85 else None,
            "allergies": chance.sample(ALLERGIES, chance.choice((1, 1, 2))) if chance.random() < 0.15 else [],
            "medical_alerts": chance.sample(ALERTS, 1) if chance.random() < 0.1 else [],
            "special_needs": chance.choice(NEEDS) if chance.random() < 0.06 else "",
            "pregnancy_status": _pregnancy(person.sex, age, meaning, chance),
            "created_at": self._registered_at,
        }


def _size(sex: str, age: float, chance: Random) -> float:
    """Meters; children grow from half a meter on."""
    if age < 16:
        return min(0.5 + 0.185 * min(age, 2) + 0.065 * max(age - 2, 0), 1.7) * chance.uniform(0.95, 1.05)
    return chance.gauss(1.64 if sex == "F" else 1.77, 0.07)


def _pregnancy(sex: str, age: float, meaning: str, chance: Random) -> int | None:
    if sex != "F" or not 14 <= age < 50:
        return None
    if "obstetric" in meaning.casefold():
        return Patient.Pregnancy.PREGNANT.value
    return chance.choices((Patient.Pregnancy.NOT_PREGNANT.value, Patient.Pregnancy.UNKNOWN.value, None), (50, 20, 30))[0]
