"""The history of a record, a patient or an order, in words."""

from datetime import date, datetime

from ris.identity import MERGED_INTO
from ris.models import RecordChange
from ris.web import times
from ris.web.names import shown_name
from ris.web.stair import Moment

_VERBS = {
    "register": ("Registered", "SCHEDULED"),
    "import": ("Imported", "SCHEDULED"),
    "edit": ("Changed", "INFO"),
    "merge": ("Took over another record", "INFO"),
    MERGED_INTO: ("Merged into another record", "CANCELED"),
    "give_back": ("Gave a merged record back", "INFO"),
    "undo_merge": ("Merge undone", "SCHEDULED"),
    "add_procedure": ("Procedure added", "SCHEDULED"),
    "add_step": ("Step added", "SCHEDULED"),
    "cancel": ("Canceled", "CANCELED"),
    "cancel_procedure": ("Procedure canceled", "CANCELED"),
    "remove": ("Taken off", "CANCELED"),
}
_LABELS = {"patient_id": "ID", "issuer_of_patient_id": "issuer of the ID", "weight_kg": "weight", "size_m": "height", "patient": ""}
_SILENT = ("name_key", "received")  # what follows from the rest, and what only programs read


def of_record(subject: str, key: int) -> list[Moment]:
    """Every change of the record, the latest first."""
    return [_moment(change) for change in RecordChange.objects.filter(subject=subject, subject_id=key).order_by("-at", "-pk")]


def _moment(change: RecordChange) -> Moment:
    title, look = _VERBS.get(change.verb, (change.verb.replace("_", " ").capitalize(), "INFO"))
    facts = [fact for name, (before, after) in change.detail.items() if (fact := _fact(name, before, after))]
    return Moment(change.at, look, title, "; ".join([*facts, *filter(None, [change.reason])]), change.actor)


def _fact(name: str, before: object, after: object) -> str:
    """`name ROE, Ann, before DOE, Ann`; nothing of what people cannot read."""
    column = name.rpartition(".")[2]
    if column in _SILENT or column.endswith(("_key", "_keys")):
        return ""
    said, was = _value(column, after), _value(column, before)
    if not said and not was:
        return ""
    label = _LABELS.get(column, column.replace("_", " "))
    what = said if said and not was else f"{said or 'nothing'}, before {was}" if said else f"{was} no longer" if label else was
    return f"{label} {what}".strip()


def _value(column: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = "" if value in (None, "None", "[]", "{}") else str(value)
    if column == "name":
        return str(shown_name(text)) if text else ""
    try:
        return times.day(date.fromisoformat(text)) if column == "birth_date" and text else text
    except ValueError:
        return text


def ordered(at: datetime, by: str) -> Moment:
    """The beginning of an order, which its history does not hold."""
    return Moment(at, "SCHEDULED", "Ordered", "", by)
