"""Identifiers that the RIS gives out. Those that travel as SH hold at most 16 characters."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.db import connection

from ris import clock
from ris.models import NumberSequence, Site

_TABLE = connection.ops.quote_name(NumberSequence._meta.db_table)


def next_number(site: Site, name: str, start: int = 0) -> int:
    """Next number of the site's range, above `start`. Call it inside a transaction: a rolled-back number is given again."""
    return next_numbers(site, name, 1, start)[0]


def next_numbers(site: Site, name: str, count: int, start: int = 0) -> range:
    """As many numbers of the site's range, one after the other.

    The UPDATE locks the row until the transaction ends, so that two orders never share a number.
    """
    if not _advance(site, name, count):
        NumberSequence.objects.bulk_create([NumberSequence(site=site, name=name, value=start)], ignore_conflicts=True)
        _advance(site, name, count)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT value FROM {_TABLE} WHERE site_id = %s AND name = %s", [site.pk, name])
        (last,) = cursor.fetchone()
    return range(last - count + 1, last + 1)


def _advance(site: Site, name: str, count: int) -> bool:
    """Whether the range has begun. Plain SQL, since six ranges are asked for each exam or lot of exams."""
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {_TABLE} SET value = value + %s WHERE site_id = %s AND name = %s", [count, site.pk, name])
        return bool(cursor.rowcount)


@dataclass(frozen=True)
class Numbers:
    """A kind of identifier: the range that it counts in, how it is written, and the number that the range begins behind."""

    name: str
    pattern: str
    start: int = 0

    def draw(self, site: Site, count: int) -> list[str]:
        return [self.pattern.format(number) for number in next_numbers(site, self.name, count, self.start)]

    def draw_free(self, site: Site, count: int, taken: Callable[[list[str]], set[str]]) -> list[str]:
        """As many that nobody has: see `until_free`. `taken` says which of some numbers are."""
        found: list[str] = []
        while len(found) < count:
            drawn = self.draw(site, count - len(found))
            held = taken(drawn)
            found += [number for number in drawn if number not in held]
        return found


PATIENT_ID = Numbers("patient", "{}", 4_800_000)
ADMISSION_ID = Numbers("admission", "V{}", 310_000)
PLACER_ORDER = Numbers("placer order number", "P{}", 100_000)
FILLER_ORDER = Numbers("filler order number", "F{}", 100_000)
REQUESTED_PROCEDURE_ID = Numbers("requested procedure", "RP-{}", 70_000)
SCHEDULED_PROCEDURE_STEP_ID = Numbers("scheduled procedure step", "SPS-{}", 90_000)


def accession_numbers(day: date) -> Numbers:
    """`A261123-014`: the range of a day."""
    return Numbers(f"accession {day:%y%m%d}", f"A{day:%y%m%d}-{{:03d}}")


def until_free(draw: Callable[[], str], is_taken: Callable[[str], bool]) -> str:
    """The first number drawn that nobody has: numbers that were typed or imported may lie ahead in the range.

    A refusal would not do, since it rolls the range back and the next attempt would draw the same number.
    """
    number = draw()
    while is_taken(number):
        number = draw()
    return number


def accession_number(site: Site) -> str:
    """A number per day and site."""
    return accession_numbers(clock.today(site)).draw(site, 1)[0]


def order_number(site: Site, kind: str) -> str:
    """Placer (`P…`) or filler (`F…`) order number."""
    return {"placer": PLACER_ORDER, "filler": FILLER_ORDER}[kind].draw(site, 1)[0]


def requested_procedure_id(site: Site) -> str:
    return REQUESTED_PROCEDURE_ID.draw(site, 1)[0]


def scheduled_procedure_step_id(site: Site) -> str:
    return SCHEDULED_PROCEDURE_STEP_ID.draw(site, 1)[0]


def patient_id(site: Site) -> str:
    return PATIENT_ID.draw(site, 1)[0]


def admission_id(site: Site) -> str:
    return ADMISSION_ID.draw(site, 1)[0]


def study_instance_uid() -> str:
    """A UID under 2.25 (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"
