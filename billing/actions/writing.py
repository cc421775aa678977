"""How a row of a charge comes into being, with its control ID and its lines."""

from collections.abc import Iterable
from typing import Final

from django.db.models import F
from django.db.models.functions import Now

from billing.models import Charge, ChargeLine
from ris.insertion import insert_few, insert_one
from ris.prepared import PreparedUpdate

_name = PreparedUpdate(lambda pk: Charge.objects.filter(pk=pk), "pk", columns=("control_id",), next_attempt_at=Now())

AFRESH: Final = {"tries_from": F("attempts"), "tried_since": None}
"""For an update: giving up counts tries and time from now on. What a charge waited for a person is no time of trying."""


def write(charge: Charge, lines: Iterable[ChargeLine]) -> Charge:
    """Write a new charge, due at once by the database's wall time."""
    charge.next_attempt_at = charge.created_at  # until it has its control ID
    charge = insert_one(charge)
    charge.control_id = f"C{charge.pk:08d}"
    _name(charge.pk, control_id=charge.control_id)
    write_lines(charge, lines)
    return charge


def write_lines(charge: Charge, lines: Iterable[ChargeLine]) -> None:
    """Write new lines of the charge."""
    lines = list(lines)
    for line in lines:
        line.charge = charge
    insert_few(lines)
