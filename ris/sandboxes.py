"""Test exams that wait, by the one station that may see them: kept per process, read again after each that was made or removed."""

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from ris.models import Site, StepStation

_kept: dict[int, tuple[UUID, Mapping[str, tuple[int, ...]]]] = {}
NONE: Final[tuple[int, ...]] = ()


def of(site: Site) -> Mapping[str, tuple[int, ...]]:
    """Steps by AE title. `site` is as just read: its revision tells whether what is kept is still true."""
    kept = _kept.get(site.pk)
    if kept is None or kept[0] != site.stations_revision:
        found: dict[str, tuple[int, ...]] = {}
        tests = StepStation.objects.filter(step__site=site, step__requested_procedure__is_test=True).order_by("step")
        for ae_title, step_id in tests.values_list("ae_title", "step_id"):
            found[ae_title] = (*found.get(ae_title, NONE), step_id)
        kept = _kept[site.pk] = site.stations_revision, found
    return kept[1]


def of_others(site: Site, lists: Iterable[str]) -> tuple[int, ...]:
    """Steps of test exams that are on none of these lists: nobody else is to take them for patients."""
    tests = of(site)
    if not tests:
        return NONE
    own = set(lists)
    return tuple(sorted(step for ae_title, steps in tests.items() if ae_title not in own for step in steps))
