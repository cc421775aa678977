"""Closing what is left over, by the rules of `ris.expiry`: one exam, one transaction, one row of its history; a person can undo it."""

from ris.actions import steps
from ris.actor import HOUSEKEEPING
from ris.errors import Conflict
from ris.expiry import Rule
from ris.models import ScheduledProcedureStep


def close(step: ScheduledProcedureStep, rule: Rule, days: int) -> bool:
    """Close a step as it was read; False when something has happened with it since."""
    try:
        steps.change_status(step.pk, rule.verb, HOUSEKEEPING, rule.reason.format(days=days), expected_version=step.version)
    except (Conflict, ScheduledProcedureStep.DoesNotExist):
        return False
    return True
