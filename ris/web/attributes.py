"""What staff set (`ris.attributes`) as fields of forms, and as lines of a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from ris import attributes, names
from ris.attribute import Attribute
from ris.models import Visit
from ris.validation import calendar_day
from ris.web import times
from ris.web.forms import DayField, PageForm, read_name

_LONG = ("LT", "ST")


@dataclass(frozen=True)
class Part:
    """Fields of a form that belong together: those shown at once, and those on request, which are open when one is to be put right."""

    title: str
    about: str
    usual: Sequence[BoundField]
    rare: Sequence[BoundField]

    @property
    def is_open(self) -> bool:
        return any(field.errors for field in self.rare)

    @property
    def word(self) -> str:
        return self.title.lower()

    @property
    def filled(self) -> str:
        """What of those on request has a value."""
        return ", ".join(str(field.label) for field in self.rare if field.value() and field.value() != Visit.PatientClass.UNKNOWN)


@dataclass(frozen=True)
class Line:
    """A value that is set, in words."""

    label: str
    text: str
    is_long: bool


class AttributesForm(PageForm):
    """A form with a field for each attribute of some records, which may not exist yet. What nobody changes is not set anew."""

    tables: Mapping[str, Sequence[Attribute]] = {}

    def set_records(self, records: Mapping[str, Any]) -> None:
        """Add the fields, with what the records have; None for one that is to be made."""
        self.tables = {name: attributes.RECORDS[name] for name in records}
        for name, table in self.tables.items():
            for attribute in table:
                field = _field(attribute, _initial(attribute, records[name]))
                self.dress(field)
                self.fields[attribute.keyword] = field

    @property
    def compared(self) -> set[str]:
        return super().compared | {attribute.keyword for table in self.tables.values() for attribute in table}

    def typed(self, name: str) -> dict[str, Any]:
        """What was changed of a record, by keyword."""
        found: dict[str, Any] = {}
        for attribute in self.tables[name]:
            if attribute.keyword in self.changed_data and attribute.keyword in self.data:
                found[attribute.keyword] = _typed(attribute, self.cleaned_data[attribute.keyword])
        return found

    def part(self, name: str, title: str, about: str = "", only: Iterable[str] = (), without: Iterable[str] = ()) -> Part:
        """The fields of a record, or some of them."""
        chosen = [one for one in self.tables[name] if (not only or one.keyword in only) and one.keyword not in without]
        usual = [self[one.keyword] for one in chosen if not one.rare]
        return Part(title, about, usual, [self[one.keyword] for one in chosen if one.rare])


def _field(attribute: Attribute, initial: Any) -> forms.Field:
    common: dict[str, Any] = {"label": attribute.label, "required": False, "initial": initial, "help_text": _hint(attribute)}
    if attribute.choices:
        choices = [*([] if attribute.needed else [("", "Not known")]), *attribute.choices]
        known = {value for value, _ in choices}
        return forms.ChoiceField(choices=choices if initial in known or not initial else [*choices, (initial, initial)], **common)
    if attribute.vr == "DA":
        return DayField(**common)
    widget = forms.Textarea(attrs={"rows": 2}) if attribute.vr in _LONG else forms.TextInput()
    return forms.CharField(widget=widget, **common)


def _hint(attribute: Attribute) -> str:
    if attribute.vr == "PN":
        return "; ".join(filter(None, (attribute.hint, "for example Haddad, Rania" if attribute.hint else "For example Haddad, Rania")))
    return f"For example {attribute.suggested[1].lower()}" if attribute.suggested else attribute.hint


def _initial(attribute: Attribute, record: Any) -> Any:
    """The value that the record has, as people write it."""
    value = attribute.of(record) if record is not None else attribute.empty
    if attribute.vr == "PN":
        return "; ".join(map(_name, value)) if attribute.is_many else _name(value)
    if attribute.vr == "DA":
        return calendar_day(value) if value else None
    if attribute.vr == "TM" and value:
        return ":".join(value[at : at + 2] for at in range(0, len(value), 2))
    if attribute.choices and isinstance(value, list):
        return value[0]["code"] if value else ""
    return attributes.in_words(value)


def _name(value: str) -> str:
    """`Haddad, Rania`; a name of more parts or scripts as DICOM writes it."""
    return names.plain(value) if "=" not in value and value.count("^") <= 1 else value


def _typed(attribute: Attribute, cleaned: Any) -> Any:
    if isinstance(cleaned, date):
        return f"{cleaned:%Y%m%d}"
    if attribute.vr == "PN":
        return [read_name(one) for one in cleaned.split(";") if one.strip()] if attribute.is_many else read_name(cleaned)
    return cleaned or ""


def lines(record: Any, name: str, without: Iterable[str] = ()) -> list[Line]:
    """What is set of a record, in the order of its table."""
    found = []
    for attribute in attributes.RECORDS[name] if record is not None else ():
        if attribute.keyword not in without and (text := _in_words(attribute, record)):
            found.append(Line(attribute.label, text, attribute.vr in _LONG))
    return found


def _in_words(attribute: Attribute, record: Any) -> str:
    value = attribute.of(record)
    if isinstance(value, str) and attribute.choices:
        return dict(attribute.choices).get(value, value)
    if attribute.choices and value:
        return ", ".join(one["meaning"] for one in value)
    if attribute.vr == "PN":
        return ", ".join(map(names.plain, value)) if attribute.is_many else names.plain(value)
    shown = _initial(attribute, record)
    return times.day(shown) if isinstance(shown, date) else shown or ""
