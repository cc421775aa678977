"""What a radiology department is asked for: how often each modality, when, for whom and how urgent."""

from dataclasses import dataclass
from datetime import date
from random import Random

from training.load.wording import matching

MIX = {
    "DX": 26, "CR": 8, "US": 21, "CT": 19, "MR": 12, "MG": 6, "NM": 2.5, "RF": 2, "XA": 2, "PT": 1.5, "IO": 1, "PX": 1, "BMD": 1, "ES": 1,
}  # fmt: skip
"""Exams of a hundred by the modality of their first step; any other modality counts as OTHER."""
OTHER = 1.0

WEEKDAYS = (1.08, 1.05, 1.0, 1.0, 0.94, 0.16, 0.11)
"""How busy a day is, Monday first."""

URGENT = {"CT": 0.2, "DX": 0.16, "CR": 0.16, "US": 0.1, "MR": 0.03, "XA": 0.1}
"""Share of emergencies on a weekday, by modality; these modalities are manned by night too."""
URGENT_AT_WEEKENDS = 0.7

# STAT and HIGH are of emergencies; an inpatient of a later day is MEDIUM at most.
_PRIORITIES = (("ROUTINE", "LOW"), (96, 4))
_INPATIENT_PRIORITIES = (("ROUTINE", "MEDIUM"), (75, 25))
_URGENT_PRIORITIES = (("STAT", "HIGH"), (60, 40))

# Relative number of requests in each twelfth of the opening hours: full in the morning, a dip at noon, quiet at the end.
_BY_DAY = (9, 12, 13, 12, 10, 6, 7, 10, 9, 6, 4, 2)
_BY_HOUR = (3, 2, 2, 2, 2, 2, 3, 4, 5, 6, 6, 6, 5, 5, 6, 6, 6, 7, 8, 8, 8, 7, 6, 4)
"""Relative number of emergencies in each hour of the day."""


@dataclass(frozen=True)
class Suits:
    """For whom an exam is: share of women, share of children, and the youngest, most common and oldest age of the others.

    `pregnant`: it is of pregnant women, and only of them.
    """

    women: float = 0.52
    children: float = 0.0
    youngest: int = 16
    common: int = 60
    oldest: int = 95
    pregnant: bool = False

    def sex(self, chance: Random) -> str:
        return "F" if chance.random() < self.women else "M"

    def birth_date(self, today: date, chance: Random) -> date:
        """Somebody of at least a month: an order may be two weeks old."""
        if chance.random() < self.children:
            age = chance.randint(0, 15)
        else:
            age = round(chance.triangular(self.youngest, self.oldest, self.common))
        return date.fromordinal(today.toordinal() - int(age * 365.25) - chance.randrange(30, 365))

    def fits(self, sex: str, age: int, pregnant: bool) -> bool:
        """Whether somebody who was here before may come for it: not a man for an exam of women, nobody out of age."""
        by_sex = self.women if sex == "F" else 1 - self.women
        by_age = self.children > 0 if age < 16 else self.children < 1 and self.youngest <= age <= self.oldest
        return by_sex >= 0.2 and by_age and pregnant == self.pregnant


_BY_WORD = (
    (("obstetric", "pregnan", "fetal"), Suits(women=1, youngest=18, common=30, oldest=43, pregnant=True)),
    (("hysterosalping",), Suits(women=1, youngest=22, common=33, oldest=44)),
    (("prostat", "scrot", "testic"), Suits(women=0, youngest=18, common=64, oldest=88)),
    (("mammography screening", "screening mammo", "breast screening"), Suits(women=1, youngest=50, common=58, oldest=74)),
    (("breast", "mammo"), Suits(women=0.99, youngest=40, common=54, oldest=75)),
    (("pediatric", "paediatric", "child", "infant"), Suits(women=0.48, children=1)),
    (("bone density", "densitometr", "dxa"), Suits(women=0.85, youngest=50, common=66, oldest=88)),
    (("colonography", "enema"), Suits(youngest=45, common=63, oldest=88)),
    (("hip",), Suits(women=0.6, children=0.02, common=74)),
    (("coronary", "myocard"), Suits(women=0.38, youngest=38, common=67, oldest=90)),
    (("knee", "ankle", "hand", "wrist", "foot"), Suits(women=0.49, children=0.14, common=42)),
)
"""By a word of the procedure's meaning; the first that is found counts."""
_BY_MODALITY = {
    "CT": Suits(women=0.49, children=0.02, common=64),
    "MR": Suits(women=0.53, children=0.05, common=50, oldest=88),
    "US": Suits(women=0.56, children=0.09, common=52),
    "DX": Suits(women=0.5, children=0.13, common=56),
    "CR": Suits(women=0.5, children=0.13, common=56),
    "MG": Suits(women=0.99, youngest=40, common=55, oldest=75),
    "NM": Suits(women=0.53, youngest=30, common=64, oldest=90),
    "PT": Suits(women=0.48, youngest=30, common=66, oldest=88),
    "RF": Suits(women=0.52, children=0.04, common=60),
    "XA": Suits(women=0.39, youngest=40, common=68, oldest=92),
}


def suits(meaning: str, modality: str) -> Suits:
    """Whom a procedure is for, by the words of its meaning, else by its modality."""
    return next((one for words, one in _BY_WORD if matching(meaning, words)), _BY_MODALITY.get(modality, Suits()))


def is_urgent(modality: str, day: date, chance: Random) -> bool:
    share = URGENT.get(modality, 0.0)
    if share and day.weekday() >= 5:
        share = URGENT_AT_WEEKENDS
    return chance.random() < share


def wanted(chance: Random) -> float:
    """When in the opening hours somebody would like to come: 0 (opening) to 1 (closing)."""
    return (chance.choices(range(12), _BY_DAY)[0] + chance.random()) / 12


def emergency(chance: Random) -> float:
    """When in the day an emergency comes: 0 (midnight) to 1."""
    return (chance.choices(range(24), _BY_HOUR)[0] + chance.random()) / 24


def priority(patient_class: str, chance: Random) -> str:
    names, weights = {"E": _URGENT_PRIORITIES, "I": _INPATIENT_PRIORITIES}.get(patient_class, _PRIORITIES)
    return chance.choices(names, weights)[0]


def patient_class(urgent: bool, weekend: bool, chance: Random) -> str:
    """E, I, O or nothing for somebody without a visit; who comes at a weekend without an emergency mostly lies in the hospital."""
    if urgent:
        return "E"
    return chance.choices(("I", "O", ""), (85, 5, 10) if weekend else (24, 30, 46))[0]


def _pauses(modality: str) -> range:
    """Minutes: a tracer takes hours, another room is next door."""
    return range(120, 200, 5) if modality in ("NM", "PT") else range(10, 60, 5)


def pause(modality: str, chance: Random) -> int:
    """Minutes between two steps of a procedure, the second of this modality."""
    return chance.choice(_pauses(modality))


def longest_pause(modality: str) -> int:
    return _pauses(modality)[-1]
