import unicodedata
from datetime import date
from random import Random

import pytest

from ris import names, validation
from ris.models import Patient
from training.hospital.casting import Cast
from training.hospital.catalogue import PROCEDURES
from training.hospital.people import patients
from training.hospital.stations import POOLS, STATIONS

TODAY = date(2026, 11, 22)


def scripts(name: str) -> set[str]:
    return {unicodedata.name(char).split()[0] for char in name if char.isalpha()}


def test_two_hundred_different_people_with_names_in_many_scripts():
    everybody = patients(1)
    found = set().union(*(scripts(person.name) for person in everybody))

    assert len(everybody) == 200
    assert len({names.normalised(person.name) for person in everybody}) == 200
    assert {"LATIN", "CJK", "HIRAGANA", "HANGUL", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "THAI"} <= found
    assert sum(person.name.count("=") == 2 for person in everybody) >= 20


def test_their_data_passes_the_checks_of_a_registration():
    for person in patients(1):
        assert validation.person_name(person.name) == person.name
        assert validation.birth_date(person.birth_date, TODAY) is not None
        assert person.sex in ("F", "M")
    assert sum(bool(person.allergies) for person in patients(1)) > 10
    assert sum(person.weight_kg is not None for person in patients(1)) > 100


def test_the_same_seed_makes_the_same_people():
    assert patients(7) == patients(7)
    assert patients(7) != patients(8)


def test_the_catalogue_holds_forty_procedures_two_of_them_in_two_steps():
    modalities = {modality for station in STATIONS for modality in station.modalities}

    assert len(PROCEDURES) == len({procedure.code for procedure in PROCEDURES}) == 40
    assert [procedure.code for procedure in PROCEDURES if len(procedure.steps) == 2] == ["MGUSL", "NMBONE"]
    assert {step.modality for procedure in PROCEDURES for step in procedure.steps} <= modalities
    assert all(procedure.price > 0 for procedure in PROCEDURES)
    assert len(modalities) >= 8
    assert [station.ae_title for station in STATIONS if len(station.modalities) == 2] == ["DX01"]
    assert [code for code, _, _ in POOLS] == ["ANYCT"]


def cast_of_all() -> Cast:
    people = [Patient(pk=n, birth_date=person.birth_date, sex=person.sex) for n, person in enumerate(patients(20), 1)]
    return Cast(people, TODAY, Random(1))


def test_exams_suit_the_patients():
    cast = cast_of_all()

    for _ in range(8):
        patient = cast.take("USOBS", "US")
        assert patient.sex == "F"
        assert 1980 <= patient.birth_date.year <= 2009


def test_everybody_is_cast_once_before_anybody_is_cast_again():
    cast = cast_of_all()

    assert len({cast.take("XRCHEST", "DX").pk for _ in range(200)}) == 200
    assert cast.take("XRCHEST", "DX").pk


def test_nobody_suits_a_hospital_without_patients():
    with pytest.raises(LookupError, match="none of 0 patients"):
        Cast([], TODAY, Random(1)).take("USOBS", "US")
