"""DIMSE statuses of the services served here: PS3.7 Annex C (general), PS3.4 Table K.4-1 (worklist) and F.7 (MPPS)."""

from enum import StrEnum
from typing import Final

SUCCESS: Final = 0x0000
OPTIONAL_ATTRIBUTES_NOT_SUPPORTED: Final = 0x0001
NO_SUCH_ATTRIBUTE: Final = 0x0105
INVALID_ATTRIBUTE_VALUE: Final = 0x0106
ATTRIBUTE_LIST_ERROR: Final = 0x0107
PROCESSING_FAILURE: Final = 0x0110
DUPLICATE_SOP_INSTANCE: Final = 0x0111
NO_SUCH_SOP_INSTANCE: Final = 0x0112
NO_SUCH_EVENT_TYPE: Final = 0x0113
NO_SUCH_ARGUMENT: Final = 0x0114
INVALID_ARGUMENT_VALUE: Final = 0x0115
ATTRIBUTE_VALUE_OUT_OF_RANGE: Final = 0x0116
INVALID_SOP_INSTANCE: Final = 0x0117
NO_SUCH_SOP_CLASS: Final = 0x0118
CLASS_INSTANCE_CONFLICT: Final = 0x0119
MISSING_ATTRIBUTE: Final = 0x0120
MISSING_ATTRIBUTE_VALUE: Final = 0x0121
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
NO_SUCH_ACTION_TYPE: Final = 0x0123
NOT_AUTHORIZED: Final = 0x0124
DUPLICATE_INVOCATION: Final = 0x0210
UNRECOGNIZED_OPERATION: Final = 0x0211
MISTYPED_ARGUMENT: Final = 0x0212
RESOURCE_LIMITATION: Final = 0x0213

OUT_OF_RESOURCES: Final = 0xA700
IDENTIFIER_DOES_NOT_MATCH: Final = 0xA900
UNABLE_TO_PROCESS: Final = 0xC000
HANDLER_FAILED: Final = 0xC001
UNDECODABLE_IDENTIFIER: Final = 0xC002
CANCELED: Final = 0xFE00
PENDING: Final = 0xFF00
PENDING_OPTIONAL_KEYS_NOT_SUPPORTED: Final = 0xFF01

DONE: Final = (SUCCESS, ATTRIBUTE_LIST_ERROR, ATTRIBUTE_VALUE_OUT_OF_RANGE)
"""What answers an N-CREATE or N-SET that was applied: success, and the warnings of PS3.7 10.1.3.1.9 and 10.1.5.1.6."""

# Not a status: the Error ID (0000,0903) that goes with 0110H when a performed step is final (PS3.4 F.7.2.2.3).
ERROR_ID_MAY_NO_LONGER_BE_UPDATED: Final = 0xA710

NAMES: Final[dict[int, str]] = {
    SUCCESS: "Success",
    OPTIONAL_ATTRIBUTES_NOT_SUPPORTED: "Requested optional attributes are not supported",
    NO_SUCH_ATTRIBUTE: "No such attribute",
    INVALID_ATTRIBUTE_VALUE: "Invalid attribute value",
    ATTRIBUTE_LIST_ERROR: "Attribute list error",
    PROCESSING_FAILURE: "Processing failure",
    DUPLICATE_SOP_INSTANCE: "Duplicate SOP instance",
    NO_SUCH_SOP_INSTANCE: "No such SOP instance",
    NO_SUCH_EVENT_TYPE: "No such event type",
    NO_SUCH_ARGUMENT: "No such argument",
    INVALID_ARGUMENT_VALUE: "Invalid argument value",
    ATTRIBUTE_VALUE_OUT_OF_RANGE: "Attribute value out of range",
    INVALID_SOP_INSTANCE: "Invalid SOP instance",
    NO_SUCH_SOP_CLASS: "No such SOP class",
    CLASS_INSTANCE_CONFLICT: "Class-instance conflict",
    MISSING_ATTRIBUTE: "Missing attribute",
    MISSING_ATTRIBUTE_VALUE: "Missing attribute value",
    SOP_CLASS_NOT_SUPPORTED: "Refused: SOP class not supported",
    NO_SUCH_ACTION_TYPE: "No such action type",
    NOT_AUTHORIZED: "Refused: not authorized",
    DUPLICATE_INVOCATION: "Duplicate invocation",
    UNRECOGNIZED_OPERATION: "Unrecognized operation",
    MISTYPED_ARGUMENT: "Mistyped argument",
    RESOURCE_LIMITATION: "Resource limitation",
    OUT_OF_RESOURCES: "Refused: out of resources",
    IDENTIFIER_DOES_NOT_MATCH: "Identifier does not match SOP class",
    CANCELED: "Canceled",
    PENDING: "Pending",
    PENDING_OPTIONAL_KEYS_NOT_SUPPORTED: "Pending: optional keys not supported",
}


class StatusClass(StrEnum):
    SUCCESS = "success"
    WARNING = "warning"
    PENDING = "pending"
    CANCEL = "cancel"
    FAILURE = "failure"


def class_of(status: int) -> StatusClass:
    """The class of a status by its range (PS3.7 Annex C). What lies in no range counts as a failure."""
    if status == SUCCESS:
        return StatusClass.SUCCESS
    if status in (OPTIONAL_ATTRIBUTES_NOT_SUPPORTED, ATTRIBUTE_LIST_ERROR, ATTRIBUTE_VALUE_OUT_OF_RANGE) or status & 0xF000 == 0xB000:
        return StatusClass.WARNING
    if status in (PENDING, PENDING_OPTIONAL_KEYS_NOT_SUPPORTED):
        return StatusClass.PENDING
    if status == CANCELED:
        return StatusClass.CANCEL
    return StatusClass.FAILURE


def name_of(status: int) -> str:
    """The status in words, e.g. `name_of(0x0110)` is "Processing failure"."""
    if status in NAMES:
        return NAMES[status]
    if status & 0xF000 == 0xC000:
        return "Unable to process"
    return f"Unknown status {status:04X}H"
