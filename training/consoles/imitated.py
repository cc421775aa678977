"""The devices that a console can imitate, by name."""

from typing import Final

from training.profiles import PLAIN, Profile, all_profiles

ALL: Final[dict[str, Profile]] = {name: profile for name, profile in all_profiles().items() if profile is not PLAIN}


def named(name: str) -> Profile:
    """The device of this name; the plain one for none, and for one that is not known any more."""
    return ALL.get(name, PLAIN)
