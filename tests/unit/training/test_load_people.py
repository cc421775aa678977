"""Who comes to a load's exams."""

import unicodedata
from datetime import UTC, date, datetime
from random import Random

import pytest

from ris import validation
from training.load import department
from training.load import names as pools
from training.load.names import person_name, physician_names
from training.load.people import Crowd, Person

TODAY = date(2026, 11, 23)
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "THAI", "CJK", "HIRAGANA", "HANGUL")


def crowd(seed: int = 1) -> Crowd:
    return Crowd(TODAY, datetime(2026, 11, 10, tzinfo=UTC), Random(seed))


def new(meaning: str, modality: str, count: int = 400) -> list[dict]:
    suits, people = department.suits(meaning, modality), crowd()
    return [dict(people.draw(suits, TODAY)[1]) for _ in range(count)]


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


LETTERS = {
    "ıİğşŞÇçÖöüÜ": {"_TURKISH"},
    "ąęłńśźżŁŚŻ": {"_POLISH"},
    "ěřůŘ": {"_CZECH"},
    "őű": {"_HUNGARIAN"},
    "țșȚȘ": {"_ROMANIAN"},
    "đĐ": {"_CROATIAN_SERBIAN", "_VIETNAMESE"},
    "ðÐþÞ": {"_ICELANDIC"},
    "ß": {"_GERMAN"},
    "øØ": {"_NORWEGIAN_DANISH"},
}
"""Letters, and the countries that write them."""


def test_the_words_of_a_name_are_of_one_country() -> None:
    of_country = {key: one for key, one in vars(pools).items() if isinstance(one, pools.Country)}
    assert set(map(id, of_country.values())) == set(map(id, pools.COUNTRIES))
    shared = set("çÇöÖüÜ")  # with French, German, Hungarian, …
    for letters, countries in LETTERS.items():
        for key, country in of_country.items():
            text = " ".join((*country.families, *country.women, *country.men))
            if key not in countries:
                assert not (set(letters) - shared) & set(text), key
    seen = [person_name(sex, Random(number)) for number in range(4000) for sex in "FM"]
    for name in seen:
        family, given = name.split("=")[0].split("^")[:2]
        assert any(
            family in {form for word in one.families for form in word.split("/")}
            and given in {word.split("/")[0] for word in one.women + one.men}
            for one in pools.COUNTRIES
        ), name


def test_women_of_iceland_are_daughters() -> None:
    chance = Random(1)
    icelandic = {(sex, name) for sex in "FM" for name in (person_name(sex, chance) for _ in range(8000)) if "SSON^" in name and "Ð" in name}
    women = [name for name in (person_name("F", chance) for _ in range(8000)) if name.partition("^")[0].endswith("DÓTTIR")]
    assert women
    assert not [name for sex, name in icelandic if sex == "F"]


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


def test_a_pregnant_woman_comes_again_for_her_child_only() -> None:
    people, scans = crowd(), department.suits("Pregnancy ultrasound", "US")
    for number in range(1, 80):
        people.draw(scans, TODAY)[0].pk = number
    later = date(2026, 12, 1)
    others = [people.draw(department.suits("CT chest", "CT"), later) for _ in range(200)]
    assert not any(isinstance(patient, int) for _, patient in others)
    assert any(isinstance(people.draw(scans, later)[1], int) for _ in range(50))


@pytest.mark.parametrize(
    ("months", "sizes", "weights"),
    [
        (1, (0.49, 0.58), (3.4, 5.5)),
        (8, (0.65, 0.75), (7, 10.2)),
        (12, (0.70, 0.81), (8, 11.5)),
        (24, (0.81, 0.93), (10, 14.5)),
        (60, (1.0, 1.2), (15, 22)),
    ],
)
def test_small_children_are_as_big_as_children_of_their_age(
    months: int, sizes: tuple[float, float], weights: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    born = date.fromordinal(TODAY.toordinal() - round(months * 30.44))
    monkeypatch.setattr(department.Suits, "birth_date", lambda *_: born)
    for person in new("X-ray chest two views", "DX", 300):
        assert person["size_m"] is None or sizes[0] <= person["size_m"] <= sizes[1]
        assert person["weight_kg"] is None or weights[0] <= person["weight_kg"] <= weights[1]


def test_children_come_for_what_is_for_children_and_others_do_not() -> None:
    pediatric = department.suits("Pediatric chest", "DX")
    assert pediatric.fits("F", 5, pregnant=False)
    assert not pediatric.fits("F", 50, pregnant=False)
    assert Person("F", date(2020, 11, 24), TODAY).age(TODAY) == 5


def test_a_word_is_not_found_in_the_middle_of_another() -> None:
    assert department.suits("CT after Whipple", "CT") == department.suits("CT chest", "CT")
    assert department.suits("CT lung screening", "CT").women < 1


def test_somebody_returns_on_a_later_day_only_and_once_written() -> None:
    people, suits = crowd(), department.suits("CT chest", "CT")
    first = [people.draw(suits, TODAY) for _ in range(50)]
    later = date(2026, 11, 24)
    assert not any(isinstance(patient, int) for _, patient in [*first, *(people.draw(suits, later) for _ in range(50))])
    for number, (person, _) in enumerate(first, 1):
        person.pk = number
    assert not any(isinstance(people.draw(suits, TODAY)[1], int) for _ in range(20))
    assert any(isinstance(people.draw(suits, later)[1], int) for _ in range(100))


def test_emergencies_are_urgent_and_weekends_are_theirs() -> None:
    chance = Random(1)
    saturday = date(2026, 11, 28)
    share = [sum(department.is_urgent("CT", day, chance) for _ in range(500)) / 500 for day in (TODAY, saturday)]
    assert share[0] < 0.4 < share[1]
    found = {kind: {department.priority(kind, chance) for _ in range(100)} for kind in ("E", "I", "O", "")}
    assert found == {"E": {"STAT", "HIGH"}, "I": {"ROUTINE", "MEDIUM"}, "O": {"ROUTINE", "LOW"}, "": {"ROUTINE", "LOW"}}
    assert not department.is_urgent("MG", saturday, chance)
