"""Who comes to a load's exams."""

import unicodedata
from datetime import UTC, date, datetime
from random import Random

import pytest

from ris import validation
from training.load import department
from training.load.names import person_name, physician_names
from training.load.people import Crowd

TODAY = date(2026, 11, 23)
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "THAI", "CJK", "HIRAGANA", "HANGUL")


def crowd(seed: int = 1) -> Crowd:
    return Crowd(TODAY, datetime(2026, 11, 10, tzinfo=UTC), Random(seed))


def new(meaning: str, modality: str, count: int = 400) -> list[dict]:
    suits, people = department.suits(meaning, modality), crowd()
    return [dict(people.draw(suits, TODAY, meaning)[1]) for _ in range(count)]


def age(person: dict) -> int:
    return (TODAY - person["birth_date"]).days // 365


def test_names_are_legal_and_of_many_scripts() -> None:
    chance = Random(1)
    names = [person_name(sex, chance) for sex in "FM" for _ in range(3000)]
    assert all(validation.person_name(name) == name for name in names)
    letters = {unicodedata.name(char, "").split()[0].split("-")[0] for name in names for char in name if char.isalpha()}
    assert set(SCRIPTS) <= letters
    assert any(any(unicodedata.decomposition(char) for char in name) for name in names)
    japanese = next(name for name in names if name.count("=") == 2)
    assert all("^" in group for group in japanese.split("="))
    assert len(set(names)) > 2000


def test_a_woman_bears_the_womans_form_of_a_family_name() -> None:
    chance = Random(1)
    men, women = ({person_name(sex, chance).partition("^")[0] for _ in range(4000)} for sex in "MF")
    assert "ИВАНОВ" in men - women
    assert "ИВАНОВА" in women - men


def test_physicians_are_doctors() -> None:
    assert all(name.endswith("^^Dr") and validation.person_name(name) == name for name in physician_names(20, Random(1)))


@pytest.mark.parametrize(
    ("meaning", "modality", "women", "youngest", "oldest"),
    [
        ("Mammography diagnostic", "MG", 0.95, 39, 76),
        ("Ultrasound obstetric", "US", 1.0, 17, 44),
        ("CT head without contrast", "CT", 0.3, 0, 97),
        ("X-ray chest two views", "DX", 0.3, 0, 97),
    ],
)
def test_age_and_sex_suit_the_exam(meaning: str, modality: str, women: float, youngest: int, oldest: int) -> None:
    people = new(meaning, modality)
    assert sum(person["sex"] == "F" for person in people) >= women * len(people)
    assert all(youngest <= age(person) <= oldest for person in people)


def test_children_have_x_rays_and_are_small() -> None:
    people = new("X-ray chest two views", "DX")
    children = [person for person in people if age(person) < 10]
    assert 10 < len(children) < 150
    assert all(person["size_m"] is None or person["size_m"] < 1.5 for person in children)
    assert all(person["weight_kg"] is None or person["weight_kg"] < 60 for person in children)


def test_obstetric_patients_are_pregnant() -> None:
    assert {person["pregnancy_status"] for person in new("Ultrasound obstetric", "US", 20)} == {3}


def test_somebody_returns_on_a_later_day_only_and_once_written() -> None:
    people, suits = crowd(), department.suits("CT chest", "CT")
    first = [people.draw(suits, TODAY, "CT chest") for _ in range(50)]
    later = date(2026, 11, 24)
    assert not any(isinstance(patient, int) for _, patient in [*first, *(people.draw(suits, later, "") for _ in range(50))])
    for number, (person, _) in enumerate(first, 1):
        person.pk = number
    assert not any(isinstance(people.draw(suits, TODAY, "")[1], int) for _ in range(20))
    assert any(isinstance(people.draw(suits, later, "")[1], int) for _ in range(100))


def test_emergencies_are_urgent_and_weekends_are_theirs() -> None:
    chance = Random(1)
    saturday = date(2026, 11, 28)
    share = [sum(department.is_urgent("CT", day, chance) for _ in range(500)) / 500 for day in (TODAY, saturday)]
    assert share[0] < 0.4 < share[1]
    assert {department.priority(urgent=True, chance=chance) for _ in range(50)} == {"STAT", "HIGH"}
    assert not department.is_urgent("MG", saturday, chance)
