from random import Random

import pytest

from ris import validation
from training.typed import TYPING_ERRORS, TypedPatient, mistyped

JANE = TypedPatient("DOE^Jane^Ann=山田^花子", "A4711", "19800412", "F", description="CT head")


def made(error: str, patient: TypedPatient = JANE) -> TypedPatient:
    return mistyped(patient, error, Random(1))


def test_digits_change_places():
    typed = made("transposed-digits")

    assert sorted(typed.patient_id) == sorted(JANE.patient_id)
    assert typed.patient_id[0] == "A"
    assert sum(one != other for one, other in zip(typed.patient_id, JANE.patient_id, strict=True)) == 2


def test_family_and_given_name_change_places_in_every_script():
    assert made("swapped-names").name == "Jane^DOE^Ann=花子^山田"
    assert made("swapped-names", TypedPatient("DOE")).name == "^DOE"


@pytest.mark.parametrize(
    ("born", "typed"), [("19800412", "19801204"), ("19800425", "19700425"), ("19800404", "19700404"), ("19800229", "19800228")]
)
def test_day_and_month_change_places_where_that_is_a_date(born: str, typed: str):
    assert made("day-and-month", TypedPatient("DOE", "12", born)).birth_date == typed


def test_a_letter_is_left_out():
    assert len(made("missing-letter").name) == len(JANE.name) - 1
    assert made("missing-letter").name.endswith("^Jane^Ann=山田^花子")


def test_somebody_gets_a_second_number():
    typed = made("double-patient")

    assert typed.name == JANE.name
    assert typed.patient_id.startswith("TMP")


@pytest.mark.parametrize("error", TYPING_ERRORS)
@pytest.mark.parametrize("patient", [JANE, TypedPatient("D"), TypedPatient("DOE", "77"), TypedPatient("", "1234", "1980")])
def test_every_error_changes_something_by_seed_and_what_it_makes_can_be_sent(error: str, patient: TypedPatient):
    typed = made(error, patient)

    assert typed != patient
    assert typed == made(error, patient)
    validation.person_name(typed.name)
    assert typed.item().PatientID == typed.patient_id


def test_names_beyond_ascii_declare_their_character_set():
    assert JANE.item().SpecificCharacterSet == "ISO_IR 192"
    assert "SpecificCharacterSet" not in TypedPatient("DOE").item()
