"""The form that switches a fault on: one for each kind, with the fields of its parameters."""

from typing import Any, Final

from django import forms

from ris.models import Site, Station
from ris.web.forms import PageForm
from training.actions.faults import DEFAULT_MINUTES, MOST_MINUTES, FaultData
from training.faults.kinds import SERVICES, Kind, Place
from training.faults.parameters import Choice, Number, Parameter

ERRORS_OF: Final = {"reason": "why", "station_ae_title": "station"}
"""Fields of the form by the action's names, where they differ; a parameter's field has its own name."""


class FaultForm(PageForm):
    """`minutes` of wall time, after which it ends; `why` is for the history."""

    station = forms.ChoiceField(required=False)
    service = forms.ChoiceField(required=False)
    minutes = forms.FloatField(required=False, label="Ends after, in minutes", initial=f"{DEFAULT_MINUTES:g}")
    why = forms.CharField(required=False, label="Why")

    def __init__(self, *args: Any, site: Site, kind: Kind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kind = kind
        for one in kind.parameters:
            self.fields[one.name] = _field(one)
            self.dress(self.fields[one.name])
        self.order_fields(["station", "service", *(one.name for one in kind.parameters)])
        self.fields["minutes"].help_text = f"By itself, whatever happens; at most {MOST_MINUTES:g}."
        self.fields["minutes"].widget.attrs |= {"min": 0, "max": MOST_MINUTES, "step": "any"}
        self._offer("station", _stations(site, kind))
        self._offer("service", [("", "All services"), *((name, SERVICES[name]) for name in kind.services)] if kind.services else [])

    @property
    def told(self) -> list[forms.BoundField]:
        """The fields of the kind's own."""
        return [self[one.name] for one in self._kind.parameters]

    def typed(self) -> FaultData:
        """The fault of a form that is valid."""
        given = self.cleaned_data
        return FaultData(
            kind=self._kind.name,
            station_ae_title=given.get("station", ""),
            service=given.get("service", ""),
            minutes=given["minutes"],
            parameters={one.name: given[one.name] for one in self._kind.parameters},
            reason=given["why"],
        )

    def errors_of(self) -> dict[str, str]:
        """Fields by the action's names."""
        return ERRORS_OF | {f"parameters.{one.name}": one.name for one in self._kind.parameters}

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        """What can be chosen; no field where there is nothing to choose."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        if choices:
            field.choices = choices
        else:
            del self.fields[name]


def _stations(site: Site, kind: Kind) -> list[tuple[str, str]]:
    if kind.place is Place.PROCESS:
        return []
    stations = Station.objects.filter(site=site).values_list("ae_title", "room")
    listed = [(ae_title, f"{ae_title}, {room}" if room else ae_title) for ae_title, room in stations]
    return [("", "Choose one" if kind.place is Place.ONE_STATION else "All stations"), *listed]


def _field(one: Parameter) -> forms.Field:
    """Whatever is typed goes to the action, which says what is wrong with it."""
    if isinstance(one, Choice):
        choices = [(word, _shown(meaning)) for word, meaning in one.choices.items()]
        return forms.ChoiceField(label=one.label, choices=choices, initial=one.default)
    field = forms.CharField(label=one.label, required=False, initial=one.default)
    if isinstance(one, Number):
        field.help_text = f"{one.least} to {one.most}{f' {one.unit}' if one.unit else ''}"
        field.widget.attrs["inputmode"] = "numeric"
    return field


def _shown(meaning: str) -> str:
    return meaning[:1].upper() + meaning[1:]
