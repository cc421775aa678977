"""Values kept for those who ask again soon, by what they were made from: never out of date, and never more than a bound."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Two generations of values: when the younger one weighs `bound`, it becomes the older one, and what that one held goes.

    Any thread may get and put; what two of them make at once is made twice.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._weight = 0
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        found = self._young.get(key)
        return self._old.get(key) if found is None else found

    def put(self, key: K, value: V, weight: int = 1) -> None:
        if self._weight >= self._bound:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[key] = value
        self._weight += weight
