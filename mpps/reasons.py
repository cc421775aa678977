"""Reasons for discontinuing a performed procedure step: CID 9300 with the context groups that it includes (PS3.16)."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("cid9300.csv")
MODALITY_GROUP = "9301"
"""The context group of the reasons that a modality's operator uses."""


@dataclass(frozen=True, slots=True)
class Reason:
    """An item of PerformedProcedureStepDiscontinuationReasonCodeSequence (0040,0281)."""

    code: str
    scheme: str
    meaning: str
    context_groups: tuple[str, ...] = ()


@cache
def reasons() -> dict[str, Reason]:
    """All reasons by code value, in the order of the table: those that a modality uses come first."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        return {
            row["code"]: Reason(row["code"], row["scheme"], row["meaning"], tuple(row["context_groups"].split()))
            for row in csv.DictReader(lines)
        }
