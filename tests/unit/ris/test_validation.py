from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris import names, validation
from ris.errors import InvalidInput

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize("value", ["1984-05-31", "19840531", date(1984, 5, 31)])
def test_birth_date_is_read_in_both_iso_forms(value: object) -> None:
    assert validation.birth_date(value, TODAY) == date(1984, 5, 31)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("31.05.1984", "not a date"),
        ("1984-02-30", "not a date"),
        ("1984-W22-4", "not a date"),
        ("1984W224", "not a date"),
        ("١٩٨٤0531", "not a date"),
        ("2030-01-01", "future"),
        ("1200-01-01", "1850"),
    ],
)
def test_malformed_birth_date_is_refused_with_the_reason(value: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        validation.birth_date(value, TODAY)


@pytest.mark.parametrize("value", ["A\x00B", "A\x1bB", "A\nB", "A\tB"])
def test_control_characters_are_refused_in_a_line_of_text(value: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        validation.text(value, "LO")


def test_line_breaks_are_allowed_in_long_text() -> None:
    assert validation.text("first\r\nsecond", "LT") == "first\r\nsecond"


def test_backslash_is_refused_because_it_separates_values() -> None:
    with pytest.raises(ValueError, match="backslash"):
        validation.text("A\\B", "LO")


def test_each_name_group_holds_64_characters() -> None:
    group = "A" * 64
    assert validation.person_name(f"{group}={group}={group}") == f"{group}={group}={group}"
    with pytest.raises(ValueError, match="65 characters"):
        validation.person_name("A" * 65)


@pytest.mark.parametrize("value", ["A^B^C^D^E^F", "A=B=C=D"])
def test_too_many_components_or_groups_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="more than"):
        validation.person_name(value)


def test_checker_names_every_wrong_field_at_once() -> None:
    check = validation.Checker()
    check("name", validation.person_name, "A" * 70)
    check("sex", validation.sex, "male")
    with pytest.raises(InvalidInput) as caught:
        check.done()
    assert set(caught.value.errors) == {"name", "sex"}


@given(st.text(max_size=60))
def test_normalised_is_idempotent_and_knows_no_case(text: str) -> None:
    once = names.normalised(text)
    assert names.normalised(once) == once


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("MÜLLER^Jürgen", "muller jurgen"),
        ("𝓐nna", "anna"),
        ("NGUYỄN^Thị Hoa", "nguyen thi hoa"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "yamada tarou 山田 太郎 やまた たろう"),
    ],
)
def test_search_key_has_no_accents(name: str, key: str) -> None:
    assert names.normalised(name) == key


@pytest.mark.parametrize(
    ("name", "canonical"),
    [("DOE^JOHN^^^", "DOE^JOHN"), ("DOE^JOHN==", "DOE^JOHN"), (" DOE ^ JOHN ", "DOE^JOHN"), ("=山田^太郎", "=山田^太郎")],
)
def test_empty_trailing_components_carry_no_meaning(name: str, canonical: str) -> None:
    assert names.canonical(name) == canonical


def test_a_reason_is_kept_whole_or_refused() -> None:
    assert len(validation.reason_text("x" * 255)) == 255
    with pytest.raises(InvalidInput, match="reason: is 256 characters long; say it in at most 255"):
        validation.reason_text("x" * 256)
    with pytest.raises(InvalidInput, match="is empty"):
        validation.reason_text("  ", needed=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [("7", 7), ("007", 7), ("0", 0), (str(2**63 - 1), 2**63 - 1), (str(2**63), None), ("9" * 5000, None)]
    + [(text, None) for text in ("", " 7", "-7", "+7", "7.0", "1_0", "²", "٣", "seven")],
)
def test_a_whole_number_is_what_ascii_digits_write_and_a_database_holds(text: str, found: int | None) -> None:
    assert validation.whole_number(text) == found


def test_a_whole_number_has_a_most() -> None:
    assert (validation.whole_number("99", 99), validation.whole_number("100", 99)) == (99, None)
