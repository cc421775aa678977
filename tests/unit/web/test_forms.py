"""What people type: dates, times, names."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Final

import pytest
from django import forms
from django.http import QueryDict

from ris.errors import ChangedMeanwhile, InvalidInput, SeenUnsaid
from ris.web.forms import DayField, PageForm, SeenNumber, read_bound, read_date, read_moment, read_name, read_time
from ris.web.meanwhile import SeenValues


@pytest.mark.parametrize("text", ["25-May-1959", "25 may 1959", "1959-05-25", "19590525", " 25-May-1959 "])
def test_a_date_is_read_in_each_of_its_ways(text: str) -> None:
    assert read_date(text) == date(1959, 5, 25)


@pytest.mark.parametrize(
    ("text", "why"),
    [("31-Feb-1959", "31-Feb-1959 does not exist"), ("25-Xyz-1959", "no month"), ("05/25/1959", "is not a date"), ("", "is not a date")],
)
def test_a_wrong_date_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_date(text)


def test_times_have_24_hours() -> None:
    assert (read_time("9:05"), read_time("1430")) == (time(9, 5), time(14, 30))
    with pytest.raises(ValueError, match="is not a time"):
        read_time("24:00")


def test_a_moment_is_on_the_hospitals_clock(settings: object) -> None:
    settings.TIME_ZONE = "America/New_York"  # type: ignore[attr-defined]
    assert read_moment("23-Nov-2026 14:30") == read_moment("2026-11-23T14:30") == datetime(2026, 11, 23, 19, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="write them as"):
        read_moment("tomorrow")


def test_a_bound_may_have_seconds_and_be_a_day_alone(settings: object) -> None:
    settings.TIME_ZONE = "America/New_York"  # type: ignore[attr-defined]
    assert read_bound("23-Nov-2026 14:30:05") == read_bound("2026-11-23T14:30:05") == datetime(2026, 11, 23, 19, 30, 5, tzinfo=UTC)
    assert read_bound("23-Nov-2026 14:30") == datetime(2026, 11, 23, 19, 30, tzinfo=UTC)
    assert read_bound("23-Nov-2026") == datetime(2026, 11, 23, 5, tzinfo=UTC)
    assert read_bound("2026-11-23", is_end=True) == datetime(2026, 11, 24, 5, tzinfo=UTC)
    for wrong in ("tomorrow", "23-Nov-2026 14:30:61", "31-Nov-2026"):
        with pytest.raises(ValueError, match="write them as"):
            read_bound(wrong)


@pytest.mark.parametrize(
    ("typed", "value"),
    [("Haddad, Rania", "Haddad^Rania"), ("Rania Haddad", "Haddad^Rania"), ("Haddad", "Haddad"), ("Haddad^R", "Haddad^R"), ("", "")],
)
def test_a_name_becomes_a_pn_value(typed: str, value: str) -> None:
    assert read_name(typed) == value


class Form(PageForm):
    place = forms.CharField(label="Station", required=False)
    version = SeenNumber()


class Several(PageForm):
    name = forms.CharField(required=False)
    notes = forms.CharField(required=False, widget=forms.Textarea)
    day = DayField(required=False)
    on = forms.BooleanField(required=False)
    off = forms.BooleanField(required=False)
    days = forms.MultipleChoiceField(required=False, choices=[("1", "Mon"), ("2", "Tue")], widget=forms.CheckboxSelectMultiple)
    opened = SeenValues()


OPENED: Final = {"name": "US 1", "notes": "a\nb", "day": date(2030, 3, 4), "on": True, "off": False, "days": ["1"]}
SENT: Final = {"name": "US 1", "notes": "a\r\nb", "day": "04-Mar-2030", "on": "on", "days": ["1"]}
NOW: Final = {"name": "US eins", "notes": "c", "day": date(2030, 3, 5), "on": False, "off": True, "days": ["1", "2"]}


def refused(typed: Mapping[str, str | list[str]], opened: str | None = None) -> Several:
    """A form with these things typed into, refused because all else is as in NOW."""
    data = QueryDict(mutable=True)
    for name, value in {**SENT, **typed, "opened": Several(initial=OPENED)["opened"].value() if opened is None else opened}.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    form = Several(data, initial=NOW)
    assert form.is_valid()
    form.refuse(ChangedMeanwhile("Somebody else changed it."))
    return form


def values(form: Several) -> dict[str, object]:
    return {name: form[name].value() for name in NOW}


def beside(form: Several, name: str, what: str) -> str:
    """What a template shows beside a field: what it `was`, or is `now`."""
    return str(vars(form[name])[what])


def test_what_nobody_typed_into_takes_what_is_there_now() -> None:
    form = refused({})
    assert values(form) == NOW | {"day": "05-Mar-2030"}
    assert [beside(form, name, "was") for name in ("name", "days", "on")] == ["US 1", "Mon", "yes"]
    assert "What you had not changed" in form.faults[0][1]
    assert form["opened"].value() == Several(initial=NOW)["opened"].value()


def test_what_both_changed_stays_as_typed_with_what_is_there_beside_it() -> None:
    form = refused({"name": "US uno", "days": []})
    assert values(form) == NOW | {"day": "05-Mar-2030", "name": "US uno", "days": []}
    assert [beside(form, name, "now") for name in ("name", "days")] == ["US eins", "Mon, Tue"]


def test_what_only_this_one_changed_asks_for_nothing() -> None:
    data = QueryDict(mutable=True)
    data.update({"name": "US uno", "opened": Several(initial={"name": "US 1"})["opened"].value()})
    form = Several(data, initial={"name": "US 1"})
    assert form.is_valid()
    form.refuse(ChangedMeanwhile("Somebody else changed it."))
    assert form["name"].value() == "US uno" and not hasattr(form["name"], "now")
    assert form.faults == [("", "Somebody else changed it.")]


@pytest.mark.parametrize("opened", ["", "{", "[]", "[" * 90_000, '{"days": 3}'])
def test_a_form_that_does_not_say_what_it_was_opened_with_is_asked_of_all_that_differs(opened: str) -> None:
    form = refused({}, opened)
    assert (form["name"].value(), beside(form, "name", "now")) == ("US 1", "US eins")
    assert (form["days"].value(), beside(form, "days", "now")) == (["1"], "Mon, Tue")


@pytest.mark.parametrize("version", ["", " ", "none", "1.5"])
def test_a_version_that_is_none_is_refused_once_and_then_it_is_the_present_one(version: str) -> None:
    form = Form({"place": "CT2", "version": version}, initial={"place": "CT1", "version": 3})
    assert form.faults == [("", str(SeenUnsaid()))]
    assert (form["place"].value(), form["version"].value()) == ("CT2", 3)


def test_what_is_made_anew_needs_no_version() -> None:
    assert Form({"place": "CT2"}).is_valid()
    assert Form({"place": "CT2"}, initial={"version": 0}).is_valid()


def test_errors_of_the_domain_stand_at_their_fields() -> None:
    form = Form({"place": ""})
    assert form.is_valid()
    form.take(InvalidInput({"station_ae_title": "is unknown", "weight_kg": "must be more"}), {"station_ae_title": "place"})
    assert form.faults == [("", "Weight kg must be more"), ("f-place", "Station is unknown")]


def test_a_field_without_words_of_its_own_says_the_products() -> None:
    class Some(PageForm):
        name = forms.CharField(max_length=3)
        kind = forms.ChoiceField(choices=[("a", "A")])
        count = forms.IntegerField(min_value=2)
        own = forms.CharField(error_messages={"required": "Say who you are"})

    found = Some({"name": "four", "kind": "b", "count": "1"})
    assert {name: list(said) for name, said in found.errors.items()} == {
        "name": ["Holds 4 characters; at most 3 are kept"],
        "kind": ["“b” is not in the list; choose one that is"],
        "count": ["Is less than 2, the least that is taken"],
        "own": ["Say who you are"],
    }
    assert Some({"name": "a\0", "count": "x"}).errors["name"] == ["Holds a character that cannot be typed; type it again as plain text"]
    assert Some({"count": "x"}).errors["count"] == ["Write a whole number, in digits"]
    assert Some({}).errors["kind"] == ["Choose one"]
