"""Reasons for discontinuing a performed procedure step: CID 9300 with the context groups that it includes (PS3.16), and what each does.

| column of `cid9300.csv` | meaning |
|---|---|
| code, scheme, meaning | the code item |
| context_groups | numbers of the context groups that it stands in |
| step | verb of `ris.transitions` for the scheduled steps: `put_back` on the worklist, or `discontinue` |
| charge | what is charged when something was made: `nothing`, `reduced`, or `review`, which a person decides |

A hospital that decides otherwise names a file of its own in RIS_DISCONTINUATION_REASONS, with the columns code, step and charge.
"""

import csv
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_TABLE = Path(__file__).with_name("cid9300.csv")
MODALITY_GROUP = "9301"
"""The context group of the reasons that a modality's operator uses."""
DCM = "DCM"
DISCONTINUE, PUT_BACK = "discontinue", "put_back"
NOTHING, REDUCED, REVIEW = "nothing", "reduced", "review"
_STEPS, _CHARGES = (DISCONTINUE, PUT_BACK), (NOTHING, REDUCED, REVIEW)


@dataclass(frozen=True, slots=True)
class Reason:
    """An item of PerformedProcedureStepDiscontinuationReasonCodeSequence (0040,0281). What is not in the table has the defaults."""

    code: str
    scheme: str
    meaning: str
    context_groups: tuple[str, ...] = ()
    step: str = DISCONTINUE
    charge: str = REVIEW


@cache
def reasons() -> dict[str, Reason]:
    """All reasons by code value, in the order of the table (those that a modality uses come first), as the hospital has them."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        found = {row["code"]: Reason(**row | {"context_groups": tuple(row["context_groups"].split())}) for row in csv.DictReader(lines)}
    return found | _changed(settings.DISCONTINUATION_REASONS, found)


def known(code: str, scheme: str) -> Reason | None:
    """The reason of the table; DCM is taken for a scheme that is not given. None for codes of others."""
    found = reasons().get(code)
    return found if found is not None and found.scheme == (scheme or DCM) else None


def _changed(path: str, known: dict[str, Reason]) -> dict[str, Reason]:
    """What the hospital's own file changes; ImproperlyConfigured with the line when it is not such a file."""
    if not path:
        return {}
    found = {}
    try:
        with Path(path).open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines), 2):
                code, step, charge = (str(row.get(name) or "").strip() for name in ("code", "step", "charge"))
                if code not in known or step not in _STEPS or charge not in _CHARGES:
                    raise ImproperlyConfigured(
                        f"RIS_DISCONTINUATION_REASONS: line {number} of {path} must be a code of CID 9300, {' or '.join(_STEPS)}, and "
                        f"{', '.join(_CHARGES[:-1])} or {_CHARGES[-1]}, under the heading code,step,charge."
                    )
                found[code] = replace(known[code], step=step, charge=charge)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImproperlyConfigured(f"RIS_DISCONTINUATION_REASONS: {path} cannot be read: {error}") from error
    return found
