"""Small rules: statuses, UIDs, Error Comments, character sets, the router, reject reasons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimse import charsets, policy, statuses, uids
from dimse.errors import DimseFailure, error_comment
from dimse.models import Association
from dimse.routers import JournalRouter
from dimse.statuses import StatusClass


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x0000, StatusClass.SUCCESS),
        (0x0001, StatusClass.WARNING),
        (0x0107, StatusClass.WARNING),
        (0x0116, StatusClass.WARNING),
        (0xB000, StatusClass.WARNING),
        (0xFF00, StatusClass.PENDING),
        (0xFF01, StatusClass.PENDING),
        (0xFE00, StatusClass.CANCEL),
        (0x0110, StatusClass.FAILURE),
        (0x0213, StatusClass.FAILURE),
        (0xA700, StatusClass.FAILURE),
        (0xC001, StatusClass.FAILURE),
        (0x7777, StatusClass.FAILURE),
    ],
)
def test_a_status_has_the_class_of_its_range(status: int, expected: StatusClass) -> None:
    assert statuses.class_of(status) is expected


def test_statuses_have_names() -> None:
    assert statuses.name_of(0x0110) == "Processing failure"
    assert statuses.name_of(0xC123) == "Unable to process"
    assert statuses.name_of(0x7777) == "Unknown status 7777H"


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.1", "2.25.0", "0.1", "1" * 64])
def test_good_uids(uid: str) -> None:
    assert uids.problem_with(uid) is None
    assert uids.is_valid(uid)


@pytest.mark.parametrize(
    ("uid", "words"),
    [
        ("", "empty"),
        ("1.2.abc", "numbers separated by single dots"),
        ("1..2", "numbers separated by single dots"),
        ("1.2.", "numbers separated by single dots"),
        ("1.2\n", "numbers separated by single dots"),
        ("1.٢", "numbers separated by single dots"),
        ("1.02.3", "'02' has a leading zero"),
        ("1" * 65, "65 characters"),
    ],
)
def test_bad_uids_are_told_why(uid: str, words: str) -> None:
    assert words in str(uids.problem_with(uid))


@pytest.mark.parametrize("root", ["2.25", "1.2.826.0.1.3680043.10.1234", "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16"])
def test_new_uids_are_good_different_and_under_their_root(root: str) -> None:
    made = {uids.new_uid(root) for _ in range(50)}
    assert len(made) == 50
    assert all(uids.is_valid(uid) and uid.startswith(f"{root}.") for uid in made)


@pytest.mark.parametrize("root", ["", "1.2.x", "1." + "2" * 50])
def test_a_root_that_cannot_be_one_is_refused(root: str) -> None:
    with pytest.raises(ValueError, match="root of UIDs"):
        uids.new_uid(root)


@given(st.text())
def test_any_text_makes_a_legal_error_comment(text: str) -> None:
    comment = error_comment(text)
    assert len(comment) <= 64
    assert all(" " <= character <= "~" and character != "\\" for character in comment)


def test_an_error_comment_drops_accents_and_is_cut() -> None:
    assert error_comment("Größe é\\ü\n 王") == "Gro?e e/u ?"
    assert error_comment("x" * 65) == "x" * 62 + ".."
    assert error_comment("x" * 64) == "x" * 64


def test_a_failure_reads_as_words() -> None:
    assert str(DimseFailure(0x0110, "no disk")) == "0110H Processing failure: no disk"
    assert str(DimseFailure(0x0112)) == "0112H No such SOP instance"


@pytest.mark.parametrize(
    ("declared", "terms", "unknown"),
    [
        ("", (), ()),
        ("ISO_IR 192", ("ISO_IR 192",), ()),
        ("iso-ir 100", ("ISO_IR 100",), ()),
        ("ISO 2022 IR 100", ("ISO 2022 IR 100",), ()),
        ("\\ISO 2022 IR 87", ("", "ISO 2022 IR 87"), ()),
        ("ISO 2022 IR 87", ("", "ISO 2022 IR 87"), ()),
        ("ISO_IR 100\\ISO 2022 IR 144", ("ISO 2022 IR 100", "ISO 2022 IR 144"), ()),
        ("ISO_IR 192\\ISO 2022 IR 87", ("ISO_IR 192",), ()),
        ("ISO_IR 100\\ISO_IR 192", ("ISO_IR 100",), ()),
        ("ISO 2022 GBK", ("GBK",), ()),
        ("KLINGON", (), ("KLINGON",)),
        ("ISO_IR 100\\KLINGON", ("ISO_IR 100",), ("KLINGON",)),
        ("ISO_IR 999", (), ("ISO_IR 999",)),
    ],
)
def test_a_character_set_declaration_is_read(declared: str, terms: tuple[str, ...], unknown: tuple[str, ...]) -> None:
    known = charsets.read(declared)
    assert (known.terms, known.unknown) == (terms, unknown)


def test_an_answer_takes_the_preferred_set_or_utf_8() -> None:
    assert charsets.choose(["DOE^JANE", "CT"]) == ()
    assert charsets.choose(["DOE^JANE"], ["ISO_IR 100"]) == ()
    assert charsets.choose(["Müller"], ["ISO_IR 100"]) == ("ISO_IR 100",)
    assert charsets.choose(["Müller"]) == ("ISO_IR 192",)
    assert charsets.choose(["Müller", "王"], ["ISO_IR 100"]) == ("ISO_IR 192",)
    assert charsets.choose(["Müller"], ["KLINGON"]) == ("ISO_IR 192",)


def test_the_journal_lives_in_its_own_database() -> None:
    router = JournalRouter()
    assert router.db_for_read(Association) == router.db_for_write(Association) == "journal"
    assert router.allow_migrate("journal", "dimse") is True
    assert router.allow_migrate("default", "dimse") is False
    assert router.allow_migrate("journal", "auth") is False
    assert router.allow_migrate("default", "auth") is None


def test_reject_reasons_read_as_words() -> None:
    assert policy.reason_in_words(1, 7) == "called AE title not recognized"
    assert policy.reason_in_words(9, 9) == "unknown reason 9/9"
    assert policy.calling_ae_title_unknown("CT9").reason == 3
