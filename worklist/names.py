"""Whether person names match, as they are written or by their sound (PS3.4 C.2.2.2.1)."""

from collections.abc import Callable

from worklist import sounds, values
from worklist.wildcards import wildcard


def test_of(asked: str) -> Callable[[str], bool]:
    """Person names by component group, without case and accents; a key of one group matches any group.

    Trailing empty components do not count on either side, so that `SMITH^*` finds `SMITH` too.
    """
    groups = values.name_groups(asked)
    tests = [_group_test(group) if group else None for group in groups]
    if "=" not in asked.rstrip("="):
        only = tests[0] or (lambda group: True)
        return lambda value: any(only(group) for group in values.name_groups(value) if group)
    return lambda value: all(test is None or test(group) for test, group in zip(tests, values.name_groups(value), strict=True))


def _group_test(asked: str) -> Callable[[str], bool]:
    if "*" not in asked and "?" not in asked:
        return lambda group: group == asked
    test, carets = wildcard(asked), asked.count("^")
    return lambda group: test(group) or test(group + "^" * max(0, carets - group.count("^")))


def fuzzy_test(asked: str) -> Callable[[str], bool]:
    """Names that match, and those that sound alike."""
    exactly, alike = test_of(asked), sounds.name_test(asked, _word_test)
    return lambda value: exactly(value) or alike(value)


def _word_test(asked: str) -> Callable[[str], bool]:
    """A word with wildcards is a pattern for words; what many consoles put behind every name, a star, does not spoil its sound."""
    bare = asked.rstrip("*")
    alike = sounds.word_test(bare) if not {*"*?"} & {*bare} else None
    if bare == asked and alike is not None:
        return alike
    fits = wildcard(asked)
    return lambda word: fits(word) or (alike is not None and alike(word))
