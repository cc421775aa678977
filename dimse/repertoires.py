"""The defined terms of Specific Character Set (PS3.3 C.12.1.1.2, Tables C.12-2 to C.12-5) and the coded sets behind them: one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DEFAULT: Final = "ISO_IR 6"


@dataclass(frozen=True, slots=True)
class CodedSet:
    """Characters of one set beyond ASCII, as ISO 2022 designates them.

    `escape` designates it: to G1, whose bytes have the high bit, or to G0 (`in_g0`), where its `size` bytes a character take the place of
    ASCII. `codec` is Python's, of which it is a part: `lead` stands before the character there, and `lowest` is its first byte there.
    """

    term: str
    codec: str
    escape: bytes
    in_g0: bool = False
    size: int = 1
    lead: bytes = b""
    lowest: int = 0xA1

    def encode(self, character: str) -> bytes | None:
        """The bytes of a character as they travel; None when the set does not have it."""
        try:
            encoded = character.encode(self.codec)
        except UnicodeEncodeError:
            return None
        bare = encoded[len(self.lead) :]
        if not encoded.startswith(self.lead) or len(bare) != self.size or min(bare) < self.lowest:
            return None
        return bytes(byte & 0x7F for byte in bare) if self.in_g0 else bare

    def decode(self, encoded: bytes) -> str | None:
        """The character of `size` bytes as they travelled; None when they are none."""
        try:
            character = (self.lead + bytes(byte | 0x80 for byte in encoded)).decode(self.codec)
        except UnicodeDecodeError:
            return None
        return character if len(character) == 1 else None


@dataclass(frozen=True, slots=True)
class Term:
    """A defined term. `codec` reads and writes text in it alone; `coded` are its characters beyond ASCII.

    `stands_alone`: not to be combined with others (PS3.5 6.1.2.5.4). `by_escape`: is used by escape sequences only, so never the first one.
    """

    name: str
    words: str
    codec: str
    coded: CodedSet | None = None
    by_escape: bool = False
    stands_alone: bool = False


_SINGLE_BYTE: Final = (
    (100, "Latin-1: Western Europe", "latin_1", b"\x1b-A"),
    (101, "Latin-2: Central Europe", "iso8859_2", b"\x1b-B"),
    (109, "Latin-3: Southern Europe, Esperanto", "iso8859_3", b"\x1b-C"),
    (110, "Latin-4: Northern Europe", "iso8859_4", b"\x1b-D"),
    (144, "Cyrillic", "iso8859_5", b"\x1b-L"),
    (127, "Arabic", "iso8859_6", b"\x1b-G"),
    (126, "Greek", "iso8859_7", b"\x1b-F"),
    (138, "Hebrew", "iso8859_8", b"\x1b-H"),
    (148, "Latin-5: Turkish", "iso8859_9", b"\x1b-M"),
    (166, "Thai", "tis_620", b"\x1b-T"),
    (13, "Japanese: half-width katakana", "shift_jis", b"\x1b)I"),
)
_MULTI_BYTE: Final = (
    ("Japanese: kanji and kana (JIS X 0208)", CodedSet("ISO 2022 IR 87", "euc_jp", b"\x1b$B", in_g0=True, size=2)),
    ("Japanese: further kanji (JIS X 0212)", CodedSet("ISO 2022 IR 159", "euc_jp", b"\x1b$(D", in_g0=True, size=2, lead=b"\x8f")),
    ("Korean (KS X 1001)", CodedSet("ISO 2022 IR 149", "euc_kr", b"\x1b$)C", size=2)),
    ("Simplified Chinese (GB 2312)", CodedSet("ISO 2022 IR 58", "gb2312", b"\x1b$)A", size=2)),
)


def _terms() -> list[Term]:
    terms = [Term(form, "English: ASCII only", "ascii") for form in (DEFAULT, "ISO 2022 IR 6")]
    for number, words, codec, escape in _SINGLE_BYTE:
        coded = CodedSet(f"ISO 2022 IR {number}", codec, escape, lowest=0xA1 if number == 13 else 0xA0)
        terms += [Term(f"ISO_IR {number}", words, codec, coded), Term(coded.term, words, codec, coded)]
    terms += [Term(coded.term, words, "", coded, by_escape=True) for words, coded in _MULTI_BYTE]
    return [
        *terms,
        Term("ISO_IR 192", "All languages (UTF-8)", "utf_8", stands_alone=True),
        Term("GB18030", "Chinese and all languages (GB 18030)", "gb18030", stands_alone=True),
        Term("GBK", "Chinese (GBK)", "gbk", stands_alone=True),
    ]


TERMS: Final[Mapping[str, Term]] = {term.name: term for term in _terms()}

CHOICES: Final[tuple[tuple[str, str], ...]] = (
    ("ISO_IR 192", "All languages: UTF-8"),
    *((f"ISO_IR {number}", words) for number, words, _, _ in _SINGLE_BYTE),
    ("ISO_IR 6", "English: ASCII only"),
    ("\\ISO 2022 IR 87", "Japanese: kanji and kana"),
    ("\\ISO 2022 IR 87\\ISO 2022 IR 159", "Japanese: kanji, kana and further kanji"),
    ("ISO 2022 IR 13\\ISO 2022 IR 87", "Japanese: half-width katakana, kanji and kana"),
    ("\\ISO 2022 IR 149", "Korean"),
    ("\\ISO 2022 IR 58", "Simplified Chinese"),
    ("GB18030", "Chinese: GB 18030"),
    ("GBK", "Chinese: GBK"),
    ("ISO 2022 IR 100\\ISO 2022 IR 144", "Western European and Cyrillic"),
)
"""Values of Specific Character Set that a station is likely to need, each with what it is for."""

ASCII_TO_G0: Final = b"\x1b(B"
ROMAJI_TO_G0: Final = b"\x1b(J"  # JIS X 0201: ASCII but for two signs, which DICOM reads as ASCII's
ESCAPES: Final[Mapping[bytes, CodedSet]] = {term.coded.escape: term.coded for term in TERMS.values() if term.coded is not None}
