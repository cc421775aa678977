"""What the forms of all pages share: the look of the fields, dates as they are written here, the domain's errors in their places."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict

from ris import clock
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, SeenUnsaid
from ris.validation import whole_number, within_reach
from ris.web import meanwhile, times
from ris.web.meanwhile import SeenValues
from ris.web.wording import word

_WORDED = re.compile(r"(\d{1,2})[-. ]([A-Za-z]{3})[A-Za-z]*[-. ](\d{4})")
_NUMBERED = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")


class SeenNumber(forms.IntegerField):
    """The version of a record as it was when the form was opened. A form that changes a record has the present one as its initial value,
    and is refused when it comes back without (`PageForm.clean`); one that makes a record has none, or 0."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(required=False)


class SeenText(forms.CharField):
    """As SeenNumber, where a record is told by a text."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(required=False)


class PageForm(forms.Form):
    """A form whose fields look like the stylesheet's; errors are shown by the page, not by the browser."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "f-%s")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            self.dress(field)
            word(field)
            if isinstance(field, SeenValues):
                field.initial = self._there  # asked when the page is made: all fields have their values by then

    @staticmethod
    def dress(field: forms.Field) -> None:
        """Give the field's widget its class."""
        kind = "select" if isinstance(field.widget, forms.Select) and not isinstance(field.widget, forms.RadioSelect) else "input"
        if not isinstance(field.widget, forms.CheckboxInput | forms.RadioSelect | forms.HiddenInput):
            field.widget.attrs["class"] = f"{kind} {field.widget.attrs.get('class', '')}".strip()

    def clean(self) -> dict[str, Any]:
        """Refuse what does not say what was seen of the record that it changes, as if somebody had been faster."""
        given: dict[str, Any] = super().clean() or {}
        seen = [bound for bound in self if isinstance(bound.field, SeenNumber | SeenText) and bound.initial]
        unsaid = [bound.name for bound in seen if given.get(bound.name) in (None, "")]
        for name in unsaid:
            self.errors.pop(name, None)  # nobody typed it
        if unsaid:
            self.refuse(SeenUnsaid())
        return given

    def take(self, error: InvalidInput, fields: Mapping[str, str] | None = None) -> None:
        """Put the domain's errors at their fields; `fields` maps the domain's names to the form's. The rest concerns the whole form."""
        names = fields or {}
        for name, message in error.errors.items():
            field = names.get(name, name)
            if field in self.fields:
                self.add_error(field, f"{self.fields[field].label} {message}")
            else:
                self.add_error(None, f"{name.replace('_', ' ').capitalize()} {message}")

    def refuse(self, error: Conflict) -> None:
        """Say what the domain refused. Where somebody was faster, a field that nobody typed into here takes what is there now, and one that
        both changed has it beside what was typed; who saves once more has seen it: the versions in the form are the present ones.
        `initial` is what is there now."""
        if not isinstance(error, ChangedMeanwhile):
            self.add_error(None, str(error))
            return
        data = QueryDict(mutable=True)
        data.update(self.data)
        compared = [bound for bound in self if bound.name in self.compared]
        taken = [meanwhile.settle(bound, self._seen(), data) for bound in compared if not bound.is_hidden]
        for bound in self:
            if isinstance(bound.field, SeenValues) or (bound in compared and bound.is_hidden):
                data[bound.html_name] = bound.initial
        self.add_error(None, f"{error} {meanwhile.TAKEN}" if any(taken) else str(error))
        self.data = data

    def _seen(self) -> dict[str, meanwhile.Sent]:
        """What the fields held when the form was opened, as far as it says so."""
        said = [str(bound.data or "") for bound in self if isinstance(bound.field, SeenValues)]
        return meanwhile.read(said[0]) if said else {}

    def _there(self) -> str:
        """What is there now, for a form that is opened."""
        return meanwhile.written(bound for bound in self if bound.name in self.compared and not bound.is_hidden)

    @property
    def compared(self) -> set[str]:
        """The fields that show what is there."""
        return set(self.initial)

    @property
    def faults(self) -> list[tuple[str, str]]:
        """For the summary: (id of the field, message), in the order of the fields; the id is empty for the whole form."""
        found = [("", str(message)) for message in self.non_field_errors()]
        for bound in self:
            target = bound.id_for_label or f"{bound.auto_id}_0"  # of a group of boxes the first
            for error in bound.errors.as_data():
                found += [(target, _naming(str(bound.label), message) if error.code else message) for message in error.messages]
        return found


def _naming(label: str, message: str) -> str:
    """A message of Django's own (which has a code) stands beside its field and does not say which it is; in a summary it must."""
    return message if label.casefold() in message.casefold() else f"{label}: {message}"


def seen_number(request: HttpRequest) -> int:
    """The version that a button was pressed at; SeenUnsaid when the request has none."""
    seen = whole_number(request.POST.get("version", ""))
    if seen is None:
        raise SeenUnsaid
    return seen


def seen_text(request: HttpRequest) -> str:
    """What a button was pressed at, where that is told by a text; SeenUnsaid when the request has none."""
    text = request.POST.get("seen", "")
    if not text:
        raise SeenUnsaid
    return text


def read_date(text: str) -> date:
    """`25-May-1959`, `1959-05-25` or `19590525`; ValueError says what is wrong."""
    stripped = text.strip()
    if match := _WORDED.fullmatch(stripped):
        month = match[2].capitalize()
        if month not in times.MONTHS:
            raise ValueError(f"{stripped} has no month that is known here; write it as 25-May-1959")
        year, number, day = int(match[3]), times.MONTHS.index(month) + 1, int(match[1])
    elif match := _NUMBERED.fullmatch(stripped):
        year, number, day = int(match[1]), int(match[2]), int(match[3])
    else:
        raise ValueError(f"{stripped[:20]!r} is not a date; write it as 25-May-1959 or 1959-05-25")
    try:
        return date(year, number, day)
    except ValueError:
        raise ValueError(f"{stripped} does not exist") from None


def read_time(text: str) -> time:
    """`9:05`, `09:05` or `0905`, 24 hours; ValueError says what is wrong."""
    match = re.fullmatch(r"(\d{1,2}):?(\d{2})", text.strip())
    if match and int(match[1]) < 24 and int(match[2]) < 60:
        return time(int(match[1]), int(match[2]))
    raise ValueError(f"{text.strip()[:20]!r} is not a time; write it as 09:05 or 14:30")


class DayField(forms.Field):
    """A date in one of the ways it is written here; None when empty."""

    widget = forms.TextInput

    def prepare_value(self, value: Any) -> Any:
        return times.day(value) if isinstance(value, date) and not isinstance(value, datetime) else value

    def to_python(self, value: Any) -> date | None:
        if value in self.empty_values or isinstance(value, date):
            return value or None
        try:
            return read_date(str(value))
        except ValueError as error:
            raise ValidationError(f"{self.label}: {error}") from error


class TimeOfDayField(forms.Field):
    """A time of day, 24 hours; None when empty."""

    widget = forms.TextInput

    def prepare_value(self, value: Any) -> Any:
        return f"{value:%H:%M}" if isinstance(value, time) else value

    def to_python(self, value: Any) -> time | None:
        if value in self.empty_values or isinstance(value, time):
            return value or None
        try:
            return read_time(str(value))
        except ValueError as error:
            raise ValidationError(f"{self.label}: {error}") from error


class MomentField(forms.Field):
    """Day and time on the hospital's clock (`23-Nov-2026 14:30`; the time alone is today), as an aware datetime; None when empty."""

    widget = forms.TextInput

    def prepare_value(self, value: Any) -> Any:
        return times.moment_text(value) if isinstance(value, datetime) else value

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values or isinstance(value, datetime):
            return value or None
        try:
            return read_moment(str(value))
        except ValueError as error:
            raise ValidationError(f"{self.label}: {error}") from error


def read_moment(text: str) -> datetime:
    """`23-Nov-2026 14:30`, `2026-11-23T14:30` or `14:30` of today, on the hospital's clock; ValueError says what is wrong."""
    stripped = text.strip()
    if match := re.fullmatch(r"(.+?)[ T]+(\d{1,2}:?\d{2})", stripped):
        return clock.at(read_day(match[1]), read_time(match[2]))
    if re.fullmatch(r"\d{1,2}:\d{2}", stripped):
        return clock.at(clock.today(), read_time(stripped))
    raise ValueError(f"{stripped[:30]!r} is not a day and a time; write them as 23-Nov-2026 14:30")


def read_bound(text: str, *, is_end: bool = False) -> datetime:
    """One end of a span of time: as `read_moment` has it, with seconds too, or a day alone.

    A day alone is its beginning or, where it `is_end`, the beginning of the next one. ValueError says what is wrong.
    """
    stripped = text.strip()
    if match := re.fullmatch(r"(.*\d{1,2}:\d{2}):([0-5]\d)", stripped):
        return read_moment(match[1]) + timedelta(seconds=int(match[2]))
    try:
        day = read_day(stripped)
    except ValueError:
        return read_moment(stripped)
    return clock.at(day + timedelta(days=is_end), time())


def read_day(text: str) -> date:
    """As `read_date`, of a day that something can happen on here."""
    day = read_date(text)
    try:
        return within_reach(day)
    except ValueError as error:
        raise ValueError(f"{text.strip()} {error}") from None


def read_name(text: str) -> str:
    """A PN value of what people type: `Haddad, Rania` or `Rania Haddad`; one with carets is taken as it is."""
    stripped = text.strip()
    if "^" in stripped:
        return stripped
    if "," in stripped:
        family, _, given = stripped.partition(",")
        return f"{family.strip()}^{given.strip()}".rstrip("^")
    given, _, family = stripped.rpartition(" ")
    return f"{family}^{given}".rstrip("^")
