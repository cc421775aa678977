"""Values in a sentence: they stand in quotation marks, as `repr` or a person puts them."""

import re
from typing import Final

_QUOTED: Final = re.compile(r"""(?<!\w)'(?:\\.|[^'\\])*(?:'|\\?$)|"(?:\\.|[^"\\])*(?:"|\\?$)|“[^”]*(?:”|$)""", re.DOTALL)


def masked(text: str, mask: str, *, behind: str = "", before: str = "") -> str:
    """The sentence with `mask` for each value; one whose end was cut off goes to the end.

    Values that stand right `behind` some words, or right `before` some, stay; empty words stand nowhere.
    """

    def shown(found: re.Match[str]) -> bool:
        return bool(behind and text.endswith(behind, 0, found.start())) or bool(before and text.startswith(before, found.end()))

    return _QUOTED.sub(lambda found: found[0] if shown(found) else mask, text)
