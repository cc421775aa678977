"""Unique identifiers: the rules of PS3.5 9.1 and new ones under a configured root."""

import re
from uuid import uuid4

UUID_ROOT = "2.25"  # PS3.5 B.2: a UUID as one decimal component
MAXIMUM_LENGTH = 64
_LONGEST_ROOT = MAXIMUM_LENGTH - 1 - len(str(2**64))  # leaves at least 64 random bits behind the root
_COMPONENTS = re.compile(r"[0-9]+(?:\.[0-9]+)*\Z")


def problem_with(uid: str) -> str | None:
    """Why `uid` breaks the rules of PS3.5 9.1, in words; None when it is a good UID."""
    if not uid:
        return "it is empty"
    if len(uid) > MAXIMUM_LENGTH:
        return f"it has {len(uid)} characters, at most {MAXIMUM_LENGTH} are allowed"
    if not uid.isascii() or not _COMPONENTS.match(uid):
        return "it must be numbers separated by single dots"
    for component in uid.split("."):
        if len(component) > 1 and component.startswith("0"):
            return f"its component {component!r} has a leading zero"
    return None


def is_valid(uid: str) -> bool:
    """Whether `uid` follows the rules of PS3.5 9.1."""
    return problem_with(uid) is None


def new_uid(root: str = UUID_ROOT) -> str:
    """A new UID under `root`: the whole UUID as one component, shortened only when the root leaves no room for it.

    Raises ValueError when the root is no UID or leaves less than 64 random bits.
    """
    problem = problem_with(root) or (f"it has {len(root)} characters, at most {_LONGEST_ROOT} fit" if len(root) > _LONGEST_ROOT else None)
    if problem:
        raise ValueError(f"{root!r} cannot be the root of UIDs: {problem}.")
    return f"{root}.{uuid4().int}"[:MAXIMUM_LENGTH]
