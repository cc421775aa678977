"""The one place where a status gets its word; its colour and shape follow from `data-status` in the stylesheet."""

from dataclasses import dataclass

WORDS = {
    # scheduled procedure step
    "SCHEDULED": "Scheduled",
    "ARRIVED": "Arrived",
    "READY": "Ready",
    "STARTED": "Started",
    "DEPARTED": "Departed",
    "COMPLETED": "Completed",
    "DISCONTINUED": "Discontinued",
    "CANCELED": "Canceled",
    # performed procedure step
    "IN PROGRESS": "In progress",
    "UNSCHEDULED": "Unscheduled",
    # charge
    "PENDING": "Pending",
    "SENDING": "Sending",
    "POSTED": "Posted",
    "FAILED": "Failed",
    "REVIEW": "Review",
    "HELD": "On hold",
    "VOID": "Void",
    "UNDELIVERED": "Not delivered",
    "WRITTEN_OFF": "Written off",
    "NOTHING": "Nothing",
    "UNCHARGED": "Not charged",
    # message for a destination
    "WAITING": "Waiting",
    "SENT": "Sent",
    "REFUSED": "Refused",
    "PARKED": "For a person",
    # findings, checks, messages
    "ERROR": "Problem",
    "WARNING": "Warning",
    "INFO": "Note",
    "PASS": "Pass",
}
TO_SCHEDULE = "To schedule"
"""The word for an exam that is ordered and has no time yet; its status is SCHEDULED, as DICOM knows no earlier one."""

_LOOKS_LIKE = {
    "SENDING": "PENDING",
    "HELD": "REVIEW",
    "WAITING": "PENDING",
    "SENT": "POSTED",
    "REFUSED": "FAILED",
    "PARKED": "REVIEW",
    "UNDELIVERED": "FAILED",
    "WRITTEN_OFF": "VOID",
    "NOTHING": "VOID",
    "UNCHARGED": "REVIEW",
}
"""Statuses that share the look of another."""


@dataclass(frozen=True)
class ShownStatus:
    """`look` is the value of `data-status`, `word` what is read."""

    look: str
    word: str


def shown_status(value: str) -> ShownStatus:
    """A status that is not in the map is shown as it stands, in grey."""
    return ShownStatus(_LOOKS_LIKE.get(value, value), WORDS.get(value, value))
