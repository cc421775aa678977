"""What people type: dates, times, names."""

from datetime import UTC, date, datetime, time

import pytest
from django import forms

from ris.errors import InvalidInput, SeenUnsaid
from ris.web.forms import PageForm, SeenNumber, read_bound, read_date, read_moment, read_name, read_time


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
