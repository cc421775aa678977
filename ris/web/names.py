"""How a person's name is shown: `FAMILY, Given` and, beside it, the name in its own script."""

import unicodedata
from dataclasses import dataclass

NOT_KNOWN = "Not known"

_SCRIPTS = (
    ("HIRAGANA", "ja"),
    ("KATAKANA", "ja"),
    ("HANGUL", "ko"),
    ("CJK", "zh"),
    ("HEBREW", "he"),
    ("ARABIC", "ar"),
    ("GREEK", "el"),
    ("CYRILLIC", "ru"),
    ("DEVANAGARI", "hi"),
    ("THAI", "th"),
)
"""Language to pronounce a script in: the usual one, since a PN value (PS3.5 6.2.1) names none."""


@dataclass(frozen=True)
class ShownName:
    """`family` in capitals, `given` with what follows it, `lang` of both ("" when Latin), `alt` the other script in `alt_lang`."""

    family: str
    given: str
    lang: str = ""
    alt: str = ""
    alt_lang: str = ""

    def __str__(self) -> str:
        return ", ".join(part for part in (self.family, self.given) if part) or NOT_KNOWN

    @property
    def known(self) -> bool:
        return bool(self.family or self.given)


def shown_name(value: str) -> ShownName:
    """Of a PN value `alphabetic=ideographic=phonetic`: the first group that has text leads, the ideographic one stands beside it."""
    groups = [group if group.strip("^ ") else "" for group in [*value.split("="), "", "", ""][:3]]
    leading = next((group for group in groups if group), "")
    family, given = _components(leading)
    other = groups[1] if groups[1] != leading else ""
    return ShownName(
        family=_capitals(family),
        given=given,
        lang=_language(leading, groups[2]),
        alt=" ".join(part for part in _components(other) if part),
        alt_lang=_language(other, groups[2]),
    )


def _components(group: str) -> tuple[str, str]:
    """Family name and the rest in reading order: prefix, given, middle, suffix (PN holds the prefix fourth)."""
    family, given, middle, prefix, suffix = ([part.strip() for part in group.split("^")] + [""] * 5)[:5]
    return family, " ".join(part for part in (prefix, given, middle, suffix) if part)


def _capitals(text: str) -> str:
    """Capitals by character, without the one that changes the spelling (ß would become SS)."""
    return "".join(char if char == "ß" else char.upper() for char in text)


def _language(group: str, phonetic: str) -> str:
    """Han characters are Japanese or Korean when the phonetic group is in kana or hangul."""
    found = _script(group)
    return _script(phonetic) or found if found == "zh" else found


def _script(text: str) -> str:
    for char in text:
        if char.isalpha() and not char.isascii():
            name = unicodedata.name(char, "")
            for script, language in _SCRIPTS:
                if script in name:
                    return language
    return ""
