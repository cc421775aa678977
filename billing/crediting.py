"""The message of a credit, from that of the charge it takes back: whoever and whatever was charged then, whatever is stored now."""

from collections.abc import Mapping
from datetime import datetime

from billing.hl7 import CREDIT, timestamp, transaction_id


def credit_message(charged: str, control_id: str, sent_at: datetime) -> str:
    """The DFT^P03 of a credit: the same patient, account, visit and lines; MSH-7, MSH-10, EVN-2, FT1-2, FT1-5 and FT1-6 are its own.

    `charged` is a message of ours, with one FT1 for each line in their order.
    """
    at, segments, lines = timestamp(sent_at), [], 0
    for segment in charged.rstrip("\r").split("\r"):
        lines += segment.startswith("FT1|")
        own = {
            "MSH": {6: at, 9: control_id},  # MSH-1 is the separator itself
            "EVN": {2: at},
            "FT1": {2: transaction_id(control_id, lines), 5: at, 6: CREDIT},
        }
        segments.append(_with(segment, own.get(segment[:3], {})))
    return "\r".join((*segments, ""))


def _with(segment: str, own: Mapping[int, str]) -> str:
    fields = segment.split("|")
    for number, text in own.items():
        fields[number] = text
    return "|".join(fields)
