"""Words in the meaning of a procedure."""

import re
from collections.abc import Iterable


def matching(meaning: str, words: Iterable[str]) -> bool:
    """Whether a word of the meaning begins with one of these, in any case: `hip` is found in "both hips", not in "Whipple"."""
    return any(re.search(rf"\b{re.escape(word)}", meaning + " ", re.IGNORECASE) for word in words)
