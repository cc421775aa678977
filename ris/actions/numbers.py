"""Identifiers that the RIS gives out. Those that travel as SH hold at most 16 characters."""

import uuid
from collections.abc import Callable

from django.db.models import F

from ris import clock
from ris.models import NumberSequence, Site

_PATIENT_ID_START = 4_800_000
_ADMISSION_ID_START = 310_000


def next_number(site: Site, name: str, start: int = 0) -> int:
    """Next number of the site's range, above `start`. Call it inside a transaction: a rolled-back number is given again.

    The UPDATE locks the row until the transaction ends, so that two orders never share a number.
    """
    updated = NumberSequence.objects.filter(site=site, name=name).update(value=F("value") + 1)
    if not updated:
        NumberSequence.objects.bulk_create([NumberSequence(site=site, name=name, value=start)], ignore_conflicts=True)
        NumberSequence.objects.filter(site=site, name=name).update(value=F("value") + 1)
    return NumberSequence.objects.get(site=site, name=name).value


def until_free(draw: Callable[[], str], is_taken: Callable[[str], bool]) -> str:
    """The first number drawn that nobody has: numbers that were typed or imported may lie ahead in the range.

    A refusal would not do, since it rolls the range back and the next attempt would draw the same number.
    """
    number = draw()
    while is_taken(number):
        number = draw()
    return number


def accession_number(site: Site) -> str:
    """`A261123-014`: a number per day and site."""
    day = f"{clock.today(site):%y%m%d}"
    return f"A{day}-{next_number(site, f'accession {day}'):03d}"


def order_number(site: Site, kind: str) -> str:
    """Placer (`P…`) or filler (`F…`) order number."""
    return f"{kind[0].upper()}{next_number(site, f'{kind} order number', 100_000)}"


def requested_procedure_id(site: Site) -> str:
    return f"RP-{next_number(site, 'requested procedure', 70_000)}"


def scheduled_procedure_step_id(site: Site) -> str:
    return f"SPS-{next_number(site, 'scheduled procedure step', 90_000)}"


def patient_id(site: Site) -> str:
    return str(next_number(site, "patient", _PATIENT_ID_START))


def admission_id(site: Site) -> str:
    return f"V{next_number(site, 'admission', _ADMISSION_ID_START)}"


def study_instance_uid() -> str:
    """A UID under 2.25 (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"
