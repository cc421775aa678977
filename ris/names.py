"""Person names (PS3.5 6.2.1): up to three component groups, five components each."""

import unicodedata

GROUPS = ("alphabetic", "ideographic", "phonetic")
MOST_WORDS = 100
"""Of a name: three groups of 64 characters."""


def normalised(text: str) -> str:
    """Key for searching: no case, no accents, single spaces. `MÜLLER^Jürgen` → `muller jurgen`."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(bare.replace("^", " ").replace("=", " ").replace(",", " ").split())


def words(text: str) -> list[str]:
    """What to look for in keys. More than a name can have, which no database looks up, are cut off: nobody is called so."""
    return normalised(text).split()[:MOST_WORDS]


def canonical(name: str) -> str:
    """Drop empty trailing components and groups and surrounding spaces, which carry no meaning (PS3.5 6.2.1.1)."""
    groups = ["^".join(part.strip() for part in group.split("^")).rstrip("^") for group in name.split("=")]
    return "=".join(groups).rstrip("=")


def plain(name: str) -> str:
    """For one line of text: `FAMILY, Given Middle` of the first group that has a value."""
    group = next((group for group in name.split("=") if group.strip("^ ")), "")
    family, _, rest = group.partition("^")
    given = " ".join(part for part in rest.split("^")[:2] if part)
    return ", ".join(part for part in (family, given) if part)
