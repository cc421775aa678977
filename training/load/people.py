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
    pregnant: bool = False
    pk: int | None = None

    def age(self, today: date) -> int:
        """Whole years."""
        born = self.birth_date
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


class Crowd:
    """Draws patients. It remembers the last few thousand, so that memory does not grow with the load."""

    def __init__(self, today: date, registered_at: datetime, chance: Random) -> None:
        self._today = today
        self._registered_at = registered_at
        self._chance = chance
        self._known: list[Person] = []
        self._next = 0

    def draw(self, suits: Suits, day: date) -> tuple[Person, Mapping[str, Any] | int]:
        """Somebody whom the exam suits, with the columns of a new patient or the primary key of a known one."""
        if self._known and self._chance.random() < _RETURNING:
            for _ in range(_LOOKS):
                person = self._chance.choice(self._known)
                if person.last_day < day and person.pk is not None and suits.fits(person.sex, person.age(self._today), person.pregnant):
                    person.last_day = day
                    return person, person.pk
        person = Person(suits.sex(self._chance), suits.birth_date(self._today, self._chance), day, suits.pregnant)
        self._remember(person)
        return person, self._columns(person)

    def _remember(self, person: Person) -> None:
        if len(self._known) < _REMEMBERED:
            self._known.append(person)
        else:
            self._known[self._next] = person
            self._next = (self._next + 1) % _REMEMBERED

    def _columns(self, person: Person) -> dict[str, Any]:
        chance = self._chance
        age = (self._today - person.birth_date).days / 365.25
        size, weight = _grown_up(person.sex, chance) if age >= 16 else _child(age * 12, chance)
        return {
            "name": person_name(person.sex, chance),
            "birth_date": person.birth_date,
            "sex": person.sex,
            "size_m": Decimal(round(size * 100)) / 100 if chance.random() < 0.8 else None,
            "weight_kg": Decimal(round(weight * 10)) / 10 if chance.random() < 0.85 else None,
            "allergies": chance.sample(ALLERGIES, chance.choice((1, 1, 2))) if chance.random() < 0.15 else [],
            "medical_alerts": chance.sample(ALERTS, 1) if chance.random() < 0.1 else [],
            "special_needs": chance.choice(NEEDS) if chance.random() < 0.06 else "",
            "pregnancy_status": _pregnancy(person, age, chance),
            "created_at": self._registered_at,
        }


_GROWTH = (
    (0, 0.50, 3.4), (1, 0.54, 4.3), (2, 0.58, 5.4), (3, 0.61, 6.2), (4, 0.635, 6.8), (6, 0.67, 7.7), (8, 0.70, 8.5), (10, 0.73, 9.1),
    (12, 0.755, 9.5), (18, 0.82, 10.9), (24, 0.87, 12.2), (36, 0.955, 14.3), (48, 1.03, 16.3), (60, 1.10, 18.4), (84, 1.22, 23),
    (120, 1.385, 32), (144, 1.50, 41), (168, 1.61, 51), (192, 1.68, 59),
)  # fmt: skip
"""Of children, both sexes together: age in months, size in meters, weight in kilograms."""


def _child(months: float, chance: Random) -> tuple[float, float]:
    """Meters and kilograms, by the table with straight lines between its rows."""
    after = next((number for number, (upto, _, _) in enumerate(_GROWTH) if upto > months and number), len(_GROWTH) - 1)
    (begin, small, light), (end, big, heavy) = _GROWTH[after - 1], _GROWTH[after]
    part = min((months - begin) / (end - begin), 1)
    return (small + (big - small) * part) * chance.uniform(0.96, 1.04), (light + (heavy - light) * part) * chance.uniform(0.88, 1.14)


def _grown_up(sex: str, chance: Random) -> tuple[float, float]:
    """Meters and kilograms."""
    size = chance.gauss(1.64 if sex == "F" else 1.77, 0.07)
    return size, size * size * chance.uniform(19, 33)


def _pregnancy(person: Person, age: float, chance: Random) -> int | None:
    if person.pregnant:
        return Patient.Pregnancy.PREGNANT.value
    if person.sex != "F" or not 14 <= age < 50:
        return None
    return chance.choices((Patient.Pregnancy.NOT_PREGNANT.value, Patient.Pregnancy.UNKNOWN.value, None), (50, 20, 30))[0]
