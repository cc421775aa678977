"""What others did to a record since a person looked at it, in a sentence: who, when, what."""

from collections.abc import Iterable
from typing import Any, Final

from ris import clock, names
from ris.errors import ChangedMeanwhile
from ris.models import Change, RecordChange, Site

LOOK_AGAIN: Final = "Look again, then decide."
CHANGE_AGAIN: Final = "Look at the present values and change them again."
_MOST_CHANGES, _MOST_FACTS, _LONGEST = 3, 6, 40
_EDIT: Final = "edit"
_SILENT: Final = ("name_key", "received")


def crossed(what: str, site: Site, changes: Iterable[Change], advice: str = LOOK_AGAIN) -> ChangedMeanwhile:
    """The refusal of who has not seen these changes, which come in their order."""
    told = "; ".join(_told(change, site) for change in changes)
    return ChangedMeanwhile(f"Somebody else changed {what} meanwhile{f': {told}' if told else ''}. {advice}")


def since(subject: str, key: int, versions: int) -> list[RecordChange]:
    """The changes of a record that as many versions made, the last of them when there are many."""
    found = RecordChange.objects.filter(subject=subject, subject_id=key).order_by("-pk")
    return list(found[: min(max(versions, 1), _MOST_CHANGES)])[::-1]


def _told(change: Change, site: Site) -> str:
    """`maria at 14:30: room “Room 1” → “Room 2”`."""
    at = clock.local(change.at, site)
    when = f"{at:%H:%M}" if at.date() == clock.today(site) else f"{at:%d-%b-%Y %H:%M}"
    did = "" if change.verb == _EDIT else f", “{change.verb.replace('_', ' ')}”"
    facts = [fact for name, values in change.detail.items() if (fact := _fact(name, values))]
    more = f" and {len(facts) - _MOST_FACTS} more" if len(facts) > _MOST_FACTS else ""
    what = ", ".join(facts[:_MOST_FACTS])
    return f"{change.actor} at {when}{did}{f': {what}{more}' if facts else ''}"


def _fact(name: str, values: Any) -> str:
    column = name.rpartition(".")[2]
    if column in _SILENT or column.endswith(("_key", "_keys")) or not isinstance(values, list) or len(values) != 2:
        return ""
    before, after = map(_value, values)
    return f"{column.replace('_', ' ')} {before} → {after}"


def _value(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    text = names.plain(text) if "^" in text else text
    return f"“{text if len(text) <= _LONGEST else f'{text[:_LONGEST]}…'}”" if text else "nothing"
