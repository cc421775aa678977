"""Text with code extensions (PS3.5 6.1.2.5): several coded sets in one value, told apart by escape sequences of ISO 2022.

The set of the first term is active at the beginning of each value, behind each delimiter, control character and line end, and has to be
active again before them (PS3.5 6.1.2.5.3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dimse.repertoires import ASCII_TO_G0, ESCAPES, ROMAJI_TO_G0, TERMS, CodedSet

_SEQUENCE: Final = re.compile(rb"\x1b(?:\$[()]?|[()\-])[A-Z]")
_RESETS: Final = frozenset("\r\n\t\f\\")
NAME_RESETS: Final = _RESETS | frozenset("^=")


class Unfit(UnicodeError):
    """A character that the character set does not have."""

    def __init__(self, character: str) -> None:
        super().__init__(f"{character!r} (U+{ord(character):04X})")
        self.character = character


def resets(vr: str) -> frozenset[str]:
    """The characters that make the first set active again; a backslash delimits nothing in ST, LT and UT, and changes nothing there."""
    return NAME_RESETS if vr == "PN" else _RESETS if vr in ("LO", "SH", "UC") else _RESETS - {"\\"}


class Writer:
    """Writes text in the sets of `terms`, the first of which is active at first."""

    def __init__(self, terms: Sequence[str]) -> None:
        first = TERMS[terms[0] or "ISO_IR 6"]
        self._sets = [coded for term in terms if term and (coded := TERMS[term].coded) is not None]
        self._g1 = first.coded if first.coded is not None and not first.coded.in_g0 else None
        self._back_to_g0 = ROMAJI_TO_G0 if first.codec == "shift_jis" else ASCII_TO_G0
        self._known: dict[str, tuple[tuple[CodedSet, bytes], ...]] = {}

    def encode(self, text: str, resetting: frozenset[str]) -> bytes:
        """`text`, in the set that is active as long as it goes. Raises Unfit."""
        parts: list[bytes] = []
        g0: CodedSet | None = None
        g1 = self._g1
        for character in text:
            if character.isascii():
                g0 = _switched(parts, g0, None, self._back_to_g0)
                if character in resetting:
                    g1 = _switched(parts, g1, self._g1)
                parts.append(character.encode())
                continue
            coded, encoded = self._chosen(character, g0, g1)
            # ASCII in G0 beside what has the high bit: it would confuse readers who see a set of two bytes there.
            g0 = _switched(parts, g0, coded if coded.in_g0 else None, self._back_to_g0)
            if not coded.in_g0:
                g1 = _switched(parts, g1, coded)
            parts.append(encoded)
        _switched(parts, g0, None, self._back_to_g0)
        _switched(parts, g1, self._g1)
        return b"".join(parts)

    def _chosen(self, character: str, g0: CodedSet | None, g1: CodedSet | None) -> tuple[CodedSet, bytes]:
        ways = self._known.get(character) or self._ways(character)
        for way in ways:
            if way[0] is g0 or (g0 is None and way[0] is g1):
                return way
        if not ways:
            raise Unfit(character)
        return ways[0]

    def _ways(self, character: str) -> tuple[tuple[CodedSet, bytes], ...]:
        """The sets that have the character, in the order of the terms, with its bytes."""
        ways = tuple((coded, encoded) for coded in self._sets if (encoded := coded.encode(character)) is not None)
        if ways:
            self._known[character] = ways
        return ways


def _switched(parts: list[bytes], active: CodedSet | None, wanted: CodedSet | None, to_none: bytes = b"") -> CodedSet | None:
    """The set that is wanted, with the escape sequence that makes it active unless it is."""
    if wanted is not active:
        parts.append(to_none if wanted is None else wanted.escape)
    return wanted


@dataclass(slots=True)
class Reading:
    """What was read: `lost` bytes meant nothing ("?" stands for each), `undeclared` sets were used though no term names them."""

    text: str = ""
    lost: int = 0
    undeclared: set[str] = field(default_factory=set)


def read(value: bytes, terms: Sequence[str], resetting: frozenset[str]) -> Reading:
    """The text of `value`. Escape sequences say what follows even where the terms do not name the set."""
    first = TERMS[terms[0] or "ISO_IR 6"].coded if terms else None
    initial = first if first is not None and not first.in_g0 else None
    named = {coded.term for term in terms if term and (coded := TERMS[term].coded) is not None}
    found, parts = Reading(), list[str]()
    g0: CodedSet | None = None
    g1, position = initial, 0
    while position < len(value):
        byte = value[position]
        if byte == 0x1B and (escape := _SEQUENCE.match(value, position)):
            coded = ESCAPES.get(escape[0])
            if coded is not None and coded.term not in named:
                found.undeclared.add(coded.term)
            if coded is not None and not coded.in_g0:
                g1 = coded
            elif coded is not None or escape[0] in (ASCII_TO_G0, ROMAJI_TO_G0):
                g0 = coded
            else:
                found.lost += 1
                parts.append("?")
            position = escape.end()
            continue
        active = g0 if 0x21 <= byte <= 0x7E else g1 if byte >= 0x80 else None
        if active is not None:
            character = active.decode(value[position : position + active.size])
            found.lost += character is None
            parts.append(character or "?")
            position += active.size
            continue
        if byte >= 0x80 or byte == 0x1B:
            found.lost += 1
            parts.append("?")
        else:
            parts.append(chr(byte))
            if parts[-1] in resetting:
                g0, g1 = None, initial
        position += 1
    found.text = "".join(parts)
    return found
