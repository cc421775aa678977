"""The form of a destination."""

from typing import Any, Final

from django import forms

from mpps.destinations import DestinationData
from mpps.models import Destination
from mpps.queueing import MISSED_DAYS, MOST_MISSED
from ris.web.forms import PageForm, SeenNumber
from ris.web.meanwhile import SeenValues
from ris.web.station_forms import joined, listed

_LISTS = ("stations", "modalities")
_KINDS = [
    (Destination.Kind.MESSAGES.value, "Every N-CREATE and N-SET, as received"),
    (Destination.Kind.EVENTS.value, "Notifications (N-EVENT-REPORT)"),
]


_TLS = "Its certificate is checked: an authority of RIS_DICOM_TLS_CA signs it, and it names the host"
_OFF = (
    f"Off: nothing is sent. What waits is kept, and what comes meanwhile follows when it is on again: "
    f"the last {MISSED_DAYS} days, at most {MOST_MISSED:,} performed steps"
)


class DestinationForm(PageForm):
    """Every setting of a destination; what may not be empty the domain says. `version` is that of the destination as it was seen."""

    name = forms.CharField(label="Name", required=False, help_text="What people here call it, e.g. PACS")
    kind = forms.ChoiceField(label="It gets", choices=_KINDS)
    host = forms.CharField(label="Host", required=False, help_text="Name or IP address")
    port = forms.IntegerField(label="Port", required=False)
    tls = forms.BooleanField(label="TLS", required=False, help_text=_TLS)
    called_ae_title = forms.CharField(label="Its AE title", required=False, help_text="Called AE title")
    calling_ae_title = forms.CharField(label="Our AE title", required=False, help_text="Calling AE title; empty: the hospital's")
    stations = forms.CharField(label="Stations", required=False, help_text="AE titles, with commas; empty: all")
    modalities = forms.CharField(label="Modalities", required=False, help_text="E.g. CT, MR; empty: all")
    enabled = forms.BooleanField(label="Enabled", required=False, help_text=_OFF)
    version = SeenNumber()
    opened = SeenValues()

    def typed(self) -> DestinationData:
        """What was typed."""
        given = {name: value for name, value in self.cleaned_data.items() if name not in ("version", "opened")}
        return DestinationData(**given | {name: listed(given[name]) for name in _LISTS})


LABELS: Final = {name: str(field.label) for name, field in DestinationForm.base_fields.items()}


def initial(data: DestinationData, version: int) -> dict[str, Any]:
    """A destination as the form shows it."""
    shown = {name: getattr(data, name) for name in DestinationData.__dataclass_fields__}
    return shown | {"stations": joined(data.stations), "modalities": joined(data.modalities), "version": version}
