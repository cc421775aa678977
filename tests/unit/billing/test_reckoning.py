"""Books that took long to reckon are shown again for a while, others never."""

from datetime import date

import pytest

from billing import accounting, reckoning
from billing.accounting import Books
from ris.models import Site
from tests.support.hospital import a_site

pytestmark = pytest.mark.django_db
DAYS = (date(2026, 11, 1), date(2026, 11, 30))


class Stopwatch:
    """Stands still but for what reckoning takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, takes: float) -> None:
        self.now, self.reckoned = 1000.0, 0
        books = accounting.books

        def slowly(site: Site, first: date, last: date) -> Books:
            self.now += takes
            self.reckoned += 1
            return books(site, first, last)

        monkeypatch.setattr(accounting, "books", slowly)

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("takes", "reckoned"), [(0.5, 3), (2.0, 1)], ids=["soon done", "long"])
def test_what_took_long_is_not_reckoned_for_each_that_asks(monkeypatch: pytest.MonkeyPatch, takes: float, reckoned: int) -> None:
    stopwatch = Stopwatch(monkeypatch, takes)
    kept, site = reckoning.Kept(stopwatch), a_site()
    for _ in range(3):
        assert kept.books(site, *DAYS).took == takes
    assert stopwatch.reckoned == reckoned


def test_after_a_while_it_is_reckoned_anew_and_other_days_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stopwatch = Stopwatch(monkeypatch, 2.0)
    kept, site = reckoning.Kept(stopwatch), a_site()
    kept.books(site, *DAYS)
    kept.books(site, DAYS[0], DAYS[0])
    assert stopwatch.reckoned == 2
    stopwatch.now += reckoning.SHARE * 2.0
    kept.books(site, *DAYS)
    assert stopwatch.reckoned == 3
