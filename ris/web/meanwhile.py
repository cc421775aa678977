"""Whose change a field holds where somebody else was faster: what the form was opened with, what was typed, what is there now."""

import json
from collections.abc import Iterable
from typing import Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from ris.kept import keep

Sent = str | list[str] | bool
"""As a browser sends a field: a text, the boxes that are ticked, or whether the one box is."""

TAKEN: Final = "What you had not changed is now as it is there; what both changed says so beside it."


class SeenValues(forms.CharField):
    """What the fields of a form that changes a record held when it was opened: JSON by name. A form that comes back without it is compared
    with what is there now alone."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(required=False)


def written(fields: Iterable[forms.BoundField]) -> str:
    """What `read` takes apart."""
    return json.dumps({bound.name: _untouched(bound) for bound in fields}, ensure_ascii=False)


def read(text: str) -> dict[str, Sent]:
    """What was seen, by field; nothing when it is not what `written` made."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def settle(bound: forms.BoundField, seen: dict[str, Sent], data: QueryDict) -> bool:
    """Let a field that nobody typed into here take what is there now (True then), with what it `was` beside it.

    Where both changed it, what is there stands beside it as `now`. `initial` is what is there now."""
    if not bound.field.has_changed(bound.initial, bound.data):
        return False
    now = _untouched(bound)
    if bound.name not in seen or (_differ(bound.field, seen[bound.name], bound.data) and _differ(bound.field, seen[bound.name], now)):
        keep(bound, "now", in_words(bound, bound.field.prepare_value(bound.initial)))  # for the template
    elif not _differ(bound.field, seen[bound.name], bound.data):
        _put(data, bound.html_name, now)
        keep(bound, "was", in_words(bound, seen[bound.name]))
        return True
    return False


def in_words(bound: forms.BoundField, value: object) -> str:
    """A value as the field shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    labels = {str(key): str(label) for key, label in getattr(bound.field, "choices", ()) if isinstance(label, str)}
    many = value if isinstance(value, list | tuple) else [value]
    return ", ".join(labels.get(str(one), str(one)) for one in many if one not in (None, "")) or "nothing"


def _untouched(bound: forms.BoundField) -> Sent:
    """What a browser sends of what is there now."""
    value = bound.field.prepare_value(bound.initial)
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return "" if value is None else str(value)


def _differ(field: forms.Field, seen: Sent, typed: object) -> bool:
    """Whether two of what a browser sends are of another meaning; what cannot be read is."""
    try:
        return field.has_changed(field.to_python(_in_lines(seen)), _in_lines(typed))
    except ValidationError:
        return True


def _in_lines(value: object) -> object:
    """A text with the ends of lines that the database has, which a browser sends as CR LF."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _put(data: QueryDict, name: str, value: Sent) -> None:
    if isinstance(value, str):
        data[name] = value
    elif isinstance(value, list):
        data.setlist(name, value)
    elif value:
        data[name] = "on"
    else:
        data.pop(name, None)
