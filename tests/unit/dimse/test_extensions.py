"""Names as PS3.5 prints them in its annexes, byte by byte, and what readers and writers of code extensions have to survive."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.data import get_charset_files
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from dimse import charsets
from dimse.charsets import Unfit, read
from dimse.decode import decode
from dimse.encode import encode
from dimse.repertoires import CHOICES, TERMS
from dimse.services import IMPLICIT_VR_LITTLE_ENDIAN, TRANSFER_SYNTAXES

ESC = b"\x1b"
KANJI, KANA = (b"\x3b\x33\x45\x44", b"\x42\x40\x4f\x3a"), (b"\x24\x64\x24\x5e\x24\x40", b"\x24\x3f\x24\x6d\x24\x26")


def japanese(first: bytes, back: bytes) -> bytes:
    """PS3.5 H.3: the first group, then kanji and kana, ASCII or romaji active again before each delimiter."""
    groups = (b"^".join(ESC + b"$B" + part + ESC + back for part in group) for group in (KANJI, KANA))
    return b"=".join([first, *groups])


PRINTED = {
    "H.3.1": ("\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎=やまだ^たろう", japanese(b"Yamada^Tarou", b"(B")),
    "H.3.2": (
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        japanese(b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", b"(J"),
    ),
    "I.2": (
        "\\ISO 2022 IR 149",
        "Hong^Gildong=洪^吉洞=홍^길동",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
    ),
    "J.1": ("ISO_IR 192", "Wang^XiaoDong=王^小东", b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe4\xb8\x9c"),
    "J.2": ("GB18030", "Wang^XiaoDong=王^小东", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab"),
    "K.2": (
        "\\ISO 2022 IR 58",
        "Zhang^XiaoDong=张^小东",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
    ),
}


@pytest.mark.parametrize("annex", PRINTED)
def test_names_are_written_and_read_as_the_standard_prints_them(annex: str) -> None:
    declared, name, printed = PRINTED[annex]
    assert read(declared).encode(name, "PN") == printed
    found = read(declared).decode(printed, "PN")
    assert (found.text, found.lost, found.undeclared) == (name, 0, set())


@pytest.mark.parametrize("path", get_charset_files("*.dcm"), ids=lambda path: Path(path).stem)
def test_files_in_many_character_sets_are_written_as_pydicom_reads_them_and_read_again(path: str) -> None:
    file = dcmread(path, force=True)
    dataset = Dataset({BaseTag(tag): file[tag] for tag in (0x00080005, 0x00100010, 0x00321064, 0x00400275) if tag in file})
    name = str(dataset.get("PatientName"))
    for syntax in TRANSFER_SYNTAXES:
        written = encode(dataset, syntax)
        decoded = decode(written, syntax)
        assert (str(decoded.dataset.get("PatientName")), decoded.notes) == (name, ())
    again = read_dataset(BytesIO(encode(dataset, IMPLICIT_VR_LITTLE_ENDIAN)), is_implicit_VR=True, is_little_endian=True)
    assert str(again.get("PatientName")) == name
    codes = [dataset.get("RequestedProcedureCodeSequence", ()), again.get("RequestedProcedureCodeSequence", ())]
    assert [str(one.get("PatientName")) for one in codes[0]] == [str(one.get("PatientName")) for one in codes[1]]


def test_a_kanji_whose_bytes_are_delimiters_is_one_character() -> None:
    """十 is 3D 3D in JIS X 0208, which is "=="; a second byte of GBK and GB 18030 may be a backslash or a caret."""
    for declared, name in (("\\ISO 2022 IR 87", "Juu=十^田"), ("GB18030", "Wang=乗^俓"), ("GBK", "Wang=乗^俓")):
        encoded = read(declared).encode(name, "PN")
        found = read(declared).decode(encoded, "PN")
        assert (found.text, found.lost) == (name, 0)
    assert b"\\" in "俓乗".encode("gbk") or b"^" in "俓乗".encode("gbk")


def test_the_first_set_is_active_again_before_a_delimiter_and_at_the_end() -> None:
    both = read("ISO 2022 IR 100\\ISO 2022 IR 144")
    assert both.encode("é^Жé\\Ж", "PN") == b"\xe9^\x1b-L\xb6\x1b-A\xe9\\\x1b-L\xb6\x1b-A"
    korean = read("\\ISO 2022 IR 149")
    assert korean.encode("홍\r\n길", "LT") == b"\x1b$)C\xc8\xab\r\n\x1b$)C\xb1\xe6"
    assert korean.encode("홍\\길", "LT") == b"\x1b$)C\xc8\xab\\\xb1\xe6"  # a backslash delimits nothing in LT


def test_a_set_that_is_not_reset_by_the_writer_is_reset_by_a_delimiter() -> None:
    found = read("ISO 2022 IR 100\\ISO 2022 IR 144").decode(b"\x1b-L\xb6^\xe9", "PN")
    assert (found.text, found.lost) == ("Ж^é", 0)


def test_half_width_katakana_and_kanji_of_both_planes_share_a_value() -> None:
    terms = "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159"
    written = read(terms).encode("ﾔ山丂ﾔA", "LO")
    assert written == b"\xd4\x1b$B;3\x1b$(D0!\x1b(J\xd4A"
    assert read(terms).decode(written, "LO").text == "ﾔ山丂ﾔA"


def test_escape_sequences_to_a_set_that_is_not_declared_are_followed() -> None:
    found = read("ISO_IR 13").decode(b"\xd4\xcf^\x1b$B;3\x1b(J", "PN")
    assert (found.text, found.lost, found.undeclared) == ("ﾔﾏ^山", 0, {"ISO 2022 IR 87"})


@pytest.mark.parametrize(
    ("declared", "value", "text", "lost"),
    [
        ("\\ISO 2022 IR 87", b"\x1b$B;3\x1b(B\xff", "山?", 1),
        ("\\ISO 2022 IR 87", b"\x1b$B;3E", "山?", 1),
        ("\\ISO 2022 IR 87", b"\x1b$X12", "?12", 1),
        ("\\ISO 2022 IR 149", b"\xc8\xab", "??", 2),
        ("ISO_IR 192", b"M\xfcller", "M?ller", 1),
        ("ISO_IR 192", b"\xe5\xb1\xb1\xff", "山?", 1),
        ("ISO_IR 126", b"\xd2A", "?A", 1),
        ("KLINGON", b"M\xfcller", "M?ller", 1),
    ],
)
def test_bytes_that_mean_nothing_are_question_marks_one_by_one(declared: str, value: bytes, text: str, lost: int) -> None:
    found = read(declared).decode(value, "PN")
    assert (found.text, found.lost) == (text, lost)


@pytest.mark.parametrize(
    ("declared", "text", "lacking"),
    [
        ("ISO_IR 100", "Müller", ""),
        ("ISO_IR 100", "Dvořák", "ř"),
        ("ISO_IR 100", "€\x85", "€\x85"),  # no euro in Latin-1; C1 control characters are no letters
        ("ISO_IR 13", "ﾔﾏ¥‾", "¥‾"),  # 5CH is the backslash, 7EH the tilde for DICOM
        ("ISO_IR 13", "山", "山"),
        ("\\ISO 2022 IR 87", "山é", "é"),
        ("\\ISO 2022 IR 149", "힣똠", "힣똠"),  # Hangul that KS X 1001 does not have, though the codec writes it in its own way
        ("\\ISO 2022 IR 58", "张張", "張"),
        ("GBK", "张張", ""),
        ("GB18030", "张張é😀", ""),
        ("ISO_IR 166", "สมชาย", ""),
        ("ISO_IR 127", "قباني", ""),
        ("ISO_IR 138", "שרון", ""),
        ("ISO_IR 126", "Διονυσιος", ""),
        ("ISO_IR 101", "Dvořák", ""),
        ("ISO_IR 109", "Ĉapeko", ""),
        ("ISO_IR 110", "Jānis", ""),
        ("ISO_IR 148", "Şükrü", ""),
        ("ISO_IR 6", "é", "é"),
    ],
)
def test_what_fits_is_decided_character_by_character(declared: str, text: str, lacking: str) -> None:
    assert read(declared).lacks(text) == lacking
    if lacking:
        with pytest.raises(Unfit) as refused:
            read(declared).encode(text, "LO")
        assert refused.value.character == lacking[0]
    else:
        assert read(declared).decode(read(declared).encode(text, "LO"), "LO").text == text


LETTERS = st.text(
    st.one_of(
        st.sampled_from("AZ^= \\"),
        st.characters(min_codepoint=0xA0, max_codepoint=0x3FF),
        st.characters(min_codepoint=0x400, max_codepoint=0x45F),
        st.sampled_from("山田太郎十丂ﾔﾏﾀﾞやまだ洪吉洞홍길동王小东张张สมชายقبانيשרון"),
    ),
    max_size=12,
)


@settings(max_examples=300)
@given(text=LETTERS, declared=st.sampled_from([value for value, _ in CHOICES]), vr=st.sampled_from(["PN", "LO", "LT"]))
def test_what_is_written_is_read_again_whatever_the_set(text: str, declared: str, vr: str) -> None:
    wanted = read(declared)
    fitting = "".join(character for character in text if character not in wanted.lacks(text))
    found = wanted.decode(wanted.encode(fitting, vr), vr)
    assert (found.text, found.lost, found.undeclared) == (fitting, 0, set())


@given(value=st.binary(max_size=40), declared=st.sampled_from([value for value, _ in CHOICES]), vr=st.sampled_from(["PN", "LO", "LT"]))
def test_any_bytes_are_read_somehow(value: bytes, declared: str, vr: str) -> None:
    assert len(charsets.read(declared).decode(value, vr).text) <= len(value)


def test_the_choices_of_a_station_are_defined_terms() -> None:
    for declared, words in CHOICES:
        known = read(declared)
        assert words and not known.unknown
        assert "\\".join(known.terms) == declared
    assert {term for declared, _ in CHOICES for term in read(declared).terms if term} <= set(TERMS)


def test_the_conformance_statement_names_every_term() -> None:
    section = (Path(__file__).parents[3] / "docs" / "conformance.md").read_text().partition("## Character sets")[2].partition("\n## ")[0]
    named = set(re.findall(r"ISO_IR \d+|ISO 2022 IR \d+|GB18030|GBK", section))
    assert named == set(TERMS)
