"""The forms of a console: what it is set to, and what its keys ask for."""

from typing import Any

from django import forms

from mpps.reasons import MODALITY_GROUP, reasons
from ris.web.forms import PageForm, SeenNumber
from ris.web.meanwhile import SeenValues
from training.actions.consoles import ConsoleData
from training.consoles import imitated, listed
from training.consoles.looks import LOOKS
from training.models import Console
from training.typed import TYPING_ERRORS

_ELSEWHERE = ("host", "port", "called")
_SEXES = (("", "Not known"), ("F", "F"), ("M", "M"), ("O", "O"))


class ConsoleForm(PageForm):
    """Every setting of a console. `version` is that of the console as it was seen."""

    ae_title = forms.CharField(
        label="AE title", help_text="1 to 16 ASCII characters: that of a station, to work off its list, or a new one"
    )
    kind = forms.ChoiceField(label="Kind", help_text="What it looks like, and the modality that it asks for")
    profile = forms.ChoiceField(label="Imitates", required=False, help_text="A device with the quirks of real ones")
    operator = forms.CharField(label="Operator", required=False, help_text="As FAMILY^GIVEN; stands in its series")
    host = forms.CharField(
        label="Host", required=False, help_text="Of another RIS or broker, for example 10.20.8.7; empty for this Stepwise"
    )
    port = forms.IntegerField(label="Port", required=False, help_text="Often 104 or 11112")
    called = forms.CharField(label="Called AE title", required=False, help_text="That of the other side")
    version = SeenNumber()
    opened = SeenValues()

    def __init__(self, *args: Any, known: ConsoleData | None = None, may_point: bool, **kwargs: Any) -> None:
        """`known` is the console that is changed, whose AE title stays; without `may_point` its target does, too."""
        super().__init__(*args, **kwargs)
        self._known = known
        kind, profile = self.fields["kind"], self.fields["profile"]
        assert isinstance(kind, forms.ChoiceField) and isinstance(profile, forms.ChoiceField)
        own = {known.kind: known.kind} if known and known.kind not in LOOKS else {}
        kind.choices = [*((look.kind, f"{look.kind}, {look.word.lower()}") for look in LOOKS.values()), *own.items()]
        profile.choices = [("", "None: does all as the standard has it"), *_devices()]
        if known is not None:
            del self.fields["ae_title"]
        if not may_point:
            for name in _ELSEWHERE:
                del self.fields[name]

    def typed(self) -> ConsoleData:
        """What was typed, over what is known."""
        known = self._known or ConsoleData("")
        return ConsoleData(**{name: self.cleaned_data.get(name, getattr(known, name)) for name in ConsoleData.__dataclass_fields__})


def _devices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The devices to imitate, by their kind."""
    kinds = dict.fromkeys(one.kind for one in imitated.ALL.values())
    return [(kind or "Any", [(one.name, one.title) for one in imitated.ALL.values() if one.kind == kind]) for kind in kinds]


def initial(data: ConsoleData, version: int) -> dict[str, Any]:
    """A console as the form shows it."""
    return {name: getattr(data, name) for name in ConsoleData.__dataclass_fields__} | {"version": version}


class DiscontinueForm(PageForm):
    """Why an exam is broken off; the reasons that a modality's operator uses come first."""

    reason = forms.ChoiceField(label="Reason (CID 9300)", required=False)

    def __init__(self, *args: Any, console: Console, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["reason"]
        assert isinstance(field, forms.ChoiceField)
        usual = [(one.code, f"{one.meaning} ({one.code})") for one in reasons().values() if MODALITY_GROUP in one.context_groups]
        others = [(one.code, f"{one.meaning} ({one.code})") for one in reasons().values() if MODALITY_GROUP not in one.context_groups]
        field.choices = [("", "Choose a reason"), ("Of modalities (CID 9301)", usual), ("Others", others)]


class GroupForm(PageForm):
    """The entries that become one exam."""

    picks = forms.MultipleChoiceField(
        label="Entries of the list",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Two or more of one patient; one performed step is reported for all of them",
    )

    def __init__(self, *args: Any, console: Console, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["picks"]
        assert isinstance(field, forms.MultipleChoiceField)
        rows = sorted(listed.of_several(console.rows), key=lambda row: (row["name"], row["day"], row["time"]))
        field.choices = [
            (row["key"], " · ".join(row[part] for part in ("name", "patient_id", "accession", "time", "procedure", "step_id")))
            for row in rows
        ]


class HandForm(PageForm):
    """A patient who is typed at the console."""

    name = forms.CharField(label="Patient name", required=False, help_text="As FAMILY^GIVEN")
    patient_id = forms.CharField(label="Patient ID", required=False)
    birth_date = forms.CharField(label="Birth date", required=False, help_text="As 1984-05-31")
    sex = forms.ChoiceField(label="Sex", required=False, choices=_SEXES)
    accession_number = forms.CharField(label="Accession number", required=False, help_text="From paper, if there is any")
    description = forms.CharField(label="Exam", required=False)
    slip = forms.ChoiceField(label="Typing error", required=False, help_text="What goes wrong when people type")

    def __init__(self, *args: Any, console: Console, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        slip = self.fields["slip"]
        assert isinstance(slip, forms.ChoiceField)
        slip.choices = [("", "None"), *((name, name.replace("-", " ").capitalize()) for name in TYPING_ERRORS)]
