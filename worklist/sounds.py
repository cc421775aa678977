"""Whether two person names sound alike: the fuzzy matching that an association may negotiate (PS3.4 C.2.2.2.1.1, K.5.1.1).

A word in Latin letters is compared by its code, which is American Soundex, but that the first letter is coded like the others: Karl is
Carl, Schmidt is Smith, Meyer is Maier. A word in any other script is compared as it is, without case, accents and width, hiragana being
katakana. Words may stand in any order and in any component, and the name may have more of them.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from worklist import values

_DIGITS: Final = {letter: digit for digit, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), start=1) for letter in letters}
_LONGEST: Final = 4  # digits of a code
_SILENT: Final = "hw"  # consonants of one class with these between them count once
_LETTERS: Final = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})
_APART: Final = re.compile(r"[\s^=\-.,·・]+")
_WITHIN: Final = str.maketrans("", "", "'’`ʼ")
_TO_KATAKANA: Final = {code: code + 0x60 for code in range(0x3041, 0x3097)}


@lru_cache(maxsize=8192)
def words(group: str) -> tuple[str, ...]:
    """The words of a component group, folded."""
    folded = values.name_groups(group.replace("=", " "))[0].translate(_LETTERS).translate(_WITHIN).translate(_TO_KATAKANA)
    return tuple(filter(None, _APART.split(folded)))


@lru_cache(maxsize=8192)
def code(word: str) -> str:
    """What a folded word sounds like; of a word that is not all Latin letters the word."""
    if not (word.isascii() and word.isalpha()):
        return word
    digits, last = "", 0
    for position, letter in enumerate(word):
        digit = _DIGITS.get(letter, 0)
        if digit and digit != last:
            digits += str(digit)
        elif not digit and position == 0:
            digits += "0"
        if letter not in _SILENT:
            last = digit
    return digits[:_LONGEST]


WordTest = Callable[[str], bool]


def word_test(asked: str) -> WordTest:
    """Whether a folded word sounds like `asked`."""
    wanted = code(asked)
    return lambda word: word == asked or code(word) == wanted


def name_test(asked: str, test_of: Callable[[str], WordTest] = word_test) -> Callable[[str], bool]:
    """The test of a stored name: each group that is asked against its own, a key of one group against any.

    Each word that is asked needs a word of its own in the group; `test_of` makes its test. Stars alone ask for nothing.
    """
    groups = asked.rstrip("=").split("=")[:3]
    tests = [[test_of(word) for word in words(group) if word.strip("*")] for group in groups]
    if len(groups) == 1:
        return lambda name: any(_all_met(tests[0], words(group)) for group in name.split("=") if group)

    def test(name: str) -> bool:
        found = [*name.split("="), "", ""]
        return all(_all_met(wanted, words(group)) for wanted, group in zip(tests, found, strict=False))

    return test


def _all_met(tests: Sequence[WordTest], found: Sequence[str]) -> bool:
    """Whether every test can have a word of its own (augmenting paths: the work grows with the product of both, not with their orders)."""
    holder: dict[int, int] = {}

    def finds_one(test: int, seen: set[int]) -> bool:
        for at, word in enumerate(found):
            if at not in seen and tests[test](word):
                seen.add(at)
                if at not in holder or finds_one(holder[at], seen):
                    holder[at] = test
                    return True
        return False

    return all(finds_one(test, set()) for test in range(len(tests)))
