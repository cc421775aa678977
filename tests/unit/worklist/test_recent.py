"""What is kept for those who ask again is what was put, and never more than twice the bound."""

from worklist.recent import Recent


def test_what_was_put_is_found_until_newer_values_outweigh_it_twice() -> None:
    kept: Recent[str, int] = Recent(bound=2)
    assert kept.get("a") is None
    for number, key in enumerate("abcd"):
        kept.put(key, number)
    assert [kept.get(key) for key in "abcd"] == [0, 1, 2, 3]
    kept.put("e", 4)
    assert [kept.get(key) for key in "abcde"] == [None, None, 2, 3, 4]


def test_heavy_values_push_out_light_ones() -> None:
    kept: Recent[str, bytes] = Recent(bound=10)
    for key in "abc":
        kept.put(key, b"x" * 10, weight=10)
    assert [kept.get(key) is not None for key in "abc"] == [False, True, True]
