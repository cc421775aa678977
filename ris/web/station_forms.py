"""The forms of a station and of a pool."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django import forms

from dimse import charsets
from ris.actions.renaming import Renaming
from ris.actions.stations import StationData
from ris.models import Site, Station, StationPool
from ris.transitions import STATUSES
from ris.web.forms import PageForm, SeenNumber, SeenText, TimeOfDayField
from ris.web.meanwhile import SeenValues
from ris.web.station_words import BY_NAME, HOURS_A_DAY, set_in_words
from ris.web.status import shown_status

_TYPED = [name for name in BY_NAME if name in StationData.__dataclass_fields__]
_AT_LIMIT = ((Station.AtLimit.SUCCESS.value, "Success (0000)"), (Station.AtLimit.REFUSED.value, "Refused (A700)"))
_UNITS = (("1", "hours"), (str(HOURS_A_DAY), "days"))


_PART = re.compile(r'\s*(?:"((?:[^"]|"")*)"|[^,;]+)')
_TO_BE_QUOTED = re.compile(r'[,;]|^"')


def listed(typed: str) -> tuple[str, ...]:
    """The parts between commas or semicolons; one that holds such stands between quotation marks, its own ones doubled."""
    parts = (part[1].replace('""', '"') if part[1] is not None else part[0] for part in _PART.finditer(typed))
    return tuple(part.strip() for part in parts if part.strip())


def joined(parts: Iterable[str]) -> str:
    """What `listed` takes apart."""
    return ", ".join('"{}"'.format(part.replace('"', '""')) if _TO_BE_QUOTED.search(part) else part for part in parts)


class StationForm(PageForm):
    """Every setting of a station. `version` is that of the station as it was seen."""

    ae_title = forms.CharField()
    keeps_title = forms.BooleanField(required=False, initial=True)
    accepted = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    name = forms.CharField(required=False)
    room = forms.CharField(required=False)
    modalities = forms.CharField()
    opens = TimeOfDayField()
    closes = TimeOfDayField()
    addresses = forms.CharField(required=False)
    host = forms.CharField(required=False)
    port = forms.IntegerField(required=False)
    tls = forms.BooleanField(required=False)
    enabled = forms.BooleanField(required=False)
    character_set = forms.ChoiceField()
    time_zone = forms.CharField(required=False)
    aliases = forms.CharField(required=False)
    own_list_only = forms.BooleanField(required=False)
    statuses_shown = forms.MultipleChoiceField(
        choices=[(status, shown_status(status).word) for status in STATUSES], widget=forms.CheckboxSelectMultiple
    )
    requires_arrival = forms.BooleanField(required=False)
    age_limit_hours = forms.IntegerField(required=False)
    age_unit = forms.ChoiceField(label="Unit of the age limit", required=False, choices=_UNITS)
    answer_limit = forms.IntegerField(required=False)
    at_answer_limit = forms.ChoiceField(choices=_AT_LIMIT, required=False)
    empty_sequences = forms.BooleanField(required=False)
    only_ff00 = forms.BooleanField(required=False)
    refuses_several_items = forms.BooleanField(required=False)
    strict = forms.BooleanField(required=False)
    several_performed_steps = forms.BooleanField(required=False)
    reports_performed_steps = forms.BooleanField(required=False)
    refuses_undefined_attributes = forms.BooleanField(required=False)
    warns = forms.BooleanField(required=False)
    pools = forms.MultipleChoiceField(
        label="Pools",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Where it stands in with others: exams that wait on such a pool are on its list too, if it performs their modality",
    )
    pools_before = SeenText()
    version = SeenNumber()
    opened = SeenValues()
    then = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, site: Site, known: StationData | None = None, like: Station | None = None, **kwargs: Any) -> None:
        """`known` is the station that is changed; none for a new one. It is in the pools of `like`."""
        super().__init__(*args, **kwargs)
        self._offer_pools(site, [pool.code for pool in like.pools.all()] if like else [], is_new=known is None)
        self._known = known
        for name, field in self.fields.items():
            if name in BY_NAME:
                field.label, field.help_text = BY_NAME[name].label, BY_NAME[name].help
        own = known.character_set if known else charsets.UTF_8[0]
        sets = dict.fromkeys((*(value for value, _ in charsets.CHOICES), own))
        choose = self.fields["character_set"]
        assert isinstance(choose, forms.ChoiceField)
        choose.choices = [(value, set_in_words(value)) for value in sets]
        self._offer_titles(like if known is not None else None)
        for name in ("age_limit_hours", "answer_limit"):
            self.fields[name].widget.attrs["min"] = 1

    def _offer_titles(self, station: Station | None) -> None:
        """The title is another one: whether the one that it has is accepted from then on, and those that were before."""
        formers = [row.ae_title for row in station.former_titles.all() if row.until is None] if station else []
        choose = self.fields["accepted"]
        assert isinstance(choose, forms.MultipleChoiceField)
        choose.choices, self.initial["accepted"] = [(title, title) for title in formers], formers
        if not formers:
            del self.fields["accepted"]
        if station is None:
            del self.fields["keeps_title"]
        else:
            self.fields["keeps_title"].label = f"Accept {station.ae_title} too until the modality is changed"
            self.fields["keeps_title"].help_text = (
                f"With another AE title here the modality has to be changed, too. Until then it gets its list and may report as "
                f"{station.ae_title}; without this it is unknown at once. Answers name the new title: a console that drops what names "
                f"another one than it asked for is changed first"
            )

    def renaming(self) -> Renaming | None:
        """What was said of its titles; None for a new station."""
        if self._known is None:
            return None
        shown, ticked = self.initial["accepted"], self.cleaned_data.get("accepted", [])
        return Renaming(self._known.ae_title, self.cleaned_data["keeps_title"], [title for title in shown if title not in ticked])

    def _offer_pools(self, site: Site, of_it: list[str], *, is_new: bool) -> None:
        choose = self.fields["pools"]
        assert isinstance(choose, forms.MultipleChoiceField)
        choose.choices = [(one.code, f"{one.code} ({one.name})") for one in StationPool.objects.filter(site=site).order_by("code")]
        self.initial["pools"], self.initial["pools_before"] = of_it, "" if is_new else "\\".join(of_it)
        if not choose.choices:
            del self.fields["pools"]

    def chosen_pools(self) -> tuple[list[str], list[str]]:
        """The codes of its pools, as chosen and as they were when the form was opened. No code holds a backslash."""
        return self.cleaned_data.get("pools", []), [code for code in self.cleaned_data["pools_before"].split("\\") if code]

    def typed(self) -> StationData:
        """What was typed; with `known`, over what is known."""
        given = self.cleaned_data
        hours = given["age_limit_hours"]
        changes: dict[str, Any] = {name: given[name] for name in _TYPED if name in given} | {
            "modalities": listed(given["modalities"]),
            "aliases": listed(given["aliases"]),
            "addresses": listed(given["addresses"]),
            "statuses_shown": tuple(given["statuses_shown"]),
            "age_limit_hours": hours and hours * int(given["age_unit"] or 1),
            "at_answer_limit": given["at_answer_limit"] or Station.AtLimit.SUCCESS,
        }
        return replace(self._known, **changes) if self._known else StationData(**changes)


def initial(data: StationData, version: int) -> dict[str, Any]:
    """A station as the form shows it."""
    hours = data.age_limit_hours
    in_days = hours is not None and hours % HOURS_A_DAY == 0
    return {name: getattr(data, name) for name in _TYPED} | {
        "modalities": joined(data.modalities),
        "aliases": joined(data.aliases),
        "addresses": joined(data.addresses),
        "statuses_shown": list(data.statuses_shown),
        "age_limit_hours": hours // HOURS_A_DAY if hours and in_days else hours,
        "age_unit": _UNITS[1 if in_days or hours is None else 0][0],
        "version": version,
    }


class PoolForm(PageForm):
    """A pool's stations. `before` are those that were seen when the form was opened, `name_before` is the name."""

    code = forms.CharField(label="Code", help_text="Short, for lists and bookings, for example ANYCT; not an AE title")
    name = forms.CharField(label="Name", required=False, help_text="In words, for example “Any CT”")
    stations = forms.MultipleChoiceField(
        label="Stations",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="They stand in for each other: an exam on the pool is on the list of each of them that performs its modality",
    )
    before = SeenText()
    name_before = SeenText()
    opened = SeenValues()

    def __init__(self, *args: Any, site: Site, pool: StationPool | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choose = self.fields["stations"]
        assert isinstance(choose, forms.MultipleChoiceField)
        stations = Station.objects.filter(site=site).prefetch_related("modalities")
        choose.choices = [(one.ae_title, f"{one.ae_title} ({', '.join(map(str, one.modalities.all()))})") for one in stations]
        if pool is not None:
            del self.fields["code"]
