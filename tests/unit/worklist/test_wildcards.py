"""Wildcard matching: the same answers as a plain definition, and no key that takes long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worklist.wildcards import wildcard


def plain(asked: str, text: str) -> bool:
    """The definition, word for word: `*` is nothing or one more character, `?` one character, all else itself."""
    if not asked:
        return not text
    if asked[0] == "*":
        return plain(asked[1:], text) or (bool(text) and plain(asked, text[1:]))
    return bool(text) and asked[0] in ("?", text[0]) and plain(asked[1:], text[1:])


@given(st.text("ab*?", max_size=8), st.text("ab\n", max_size=8))
def test_a_wildcard_key_finds_what_its_definition_finds(asked: str, text: str) -> None:
    assert wildcard(asked)(text) == plain(asked, text)


@pytest.mark.parametrize("asked", ["*?" * 31 + "#", "?*" * 31 + "#", "*a" * 31 + "#", "*" * 63 + "#", "*a?" * 21, "*" + "a" * 62 + "#"])
def test_no_key_takes_long(asked: str) -> None:
    begun = time.thread_time()
    assert wildcard(asked)("a" * 64) == (not asked.endswith("#"))
    assert time.thread_time() - begun < 0.05


def test_a_long_text_is_decided_soon_too() -> None:
    begun = time.thread_time()
    assert not wildcard("*a?" * 3000 + "#")("a" * 10_240)
    assert time.thread_time() - begun < 1
