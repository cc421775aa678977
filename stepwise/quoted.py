"""Values in a sentence: they stand in quotation marks, as `repr` or a person puts them."""

import re
from typing import Final

_QUOTED: Final = re.compile(r"""(?<!\w)'(?:\\.|[^'\\])*(?:'|\\?$)|"(?:\\.|[^"\\])*(?:"|\\?$)|“[^”]*(?:”|$)""", re.DOTALL)


def masked(text: str, mask: str) -> str:
    """The sentence with `mask` for each value; one whose end was cut off goes to the end."""
    return _QUOTED.sub(lambda _: mask, text)
