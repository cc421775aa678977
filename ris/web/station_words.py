"""The settings of a station as people read them: one table for its page, its form and its history."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dimse import charsets
from ris.models import RecordChange, Station
from ris.transitions import WAITING
from ris.web.stair import Moment
from ris.web.status import shown_status

HOURS_A_DAY: Final = 24
IDENTITY, WORKLIST, PERFORMED = "Identity", "Worklist", "Performed steps"


@dataclass(frozen=True)
class Setting:
    """`sentence` says what it does for the person at the desk, `typing` how it is typed.

    `group` is the panel it is shown in, empty for what another one says too. `accepted` is no part of `StationData`: the form says it
    by a `Renaming`.
    """

    name: str
    label: str
    group: str
    sentence: str
    typing: str = ""

    @property
    def help(self) -> str:
        """Beside the field of the form."""
        return "; ".join(filter(None, (self.sentence, self.typing)))


_COMMAS = "several with commas between them"
_COMMAS_OR_QUOTED = f"{_COMMAS}; one that holds a comma in quotation marks"
_NO_LIMIT = "empty for no limit"
SETTINGS: Final = (
    Setting("ae_title", "AE title", IDENTITY, "The name that the modality calls with; exams are booked on it"),
    Setting("accepted", "Still accepted as", IDENTITY, "Former AE titles under which it may call until the modality is changed"),
    Setting("name", "Name", IDENTITY, "How it is called on lists and in worklist answers"),
    Setting("room", "Room", IDENTITY, "Where patients are sent to"),
    Setting("modalities", "Modalities", IDENTITY, "What it performs, the main one first", _COMMAS),
    Setting("opens", "Opens", IDENTITY, "Free times are looked for from then on"),
    Setting("closes", "Closes", IDENTITY, "Exams end by then"),
    Setting("addresses", "May call from", IDENTITY, "Addresses and networks; none means from anywhere", _COMMAS),
    Setting("host", "Host", IDENTITY, "Where it answers a C-ECHO of ours; empty: it is not asked", "name or IP address"),
    Setting("port", "Port", IDENTITY, "Of that host", "often 104 or 11112"),
    Setting("tls", "Its port speaks TLS", IDENTITY, "Its certificate is checked: an authority of RIS_DICOM_TLS_CA signs it"),
    Setting("enabled", "Can be booked", IDENTITY, "What is booked on it already stays"),
    Setting("character_set", "Character set", WORKLIST, "What its console can show; text that does not fit is sent in UTF-8"),
    Setting("time_zone", "Time zone", WORKLIST, "Of its queries and answers", "like Europe/Berlin; empty for the hospital's"),
    Setting("aliases", "Also sees the list of", WORKLIST, "AE titles, for example the scanner next door", _COMMAS_OR_QUOTED),
    Setting("own_list_only", "Own list only", WORKLIST, "Whatever it asks for, it gets no exam but of its own list and those it also sees"),
    Setting("statuses_shown", "Statuses shown", WORKLIST, "What is on its list unless its query asks for a status"),
    Setting("requires_arrival", "Requires arrival", WORKLIST, "An exam is on its list only once the patient has arrived"),
    Setting("age_limit_hours", "Age limit", WORKLIST, "Exams whose start is longer ago leave its list", _NO_LIMIT),
    Setting("answer_limit", "Answer limit", WORKLIST, "Most exams for one query, the earliest first", _NO_LIMIT),
    Setting("at_answer_limit", "When there are more", "", "Many consoles show “query failed” for anything but success"),
    Setting("empty_sequences", "Empty code sequences", WORKLIST, "For consoles that want code sequences even when there is no code"),
    Setting("only_ff00", "FF00 for every answer", WORKLIST, "For clients that take FF01 (a key is not supported) for the end"),
    Setting("refuses_several_items", "Refuse several step items", WORKLIST, "Otherwise the first item of such a query is used"),
    Setting(
        "strict", "Strict", PERFORMED, "Refuses messages that break the standard; otherwise takes what can be understood, with a finding"
    ),
    Setting(
        "several_performed_steps",
        "Several performed steps for one exam",
        PERFORMED,
        "A completed performed step does not end its exam; staff complete it when all are done",
    ),
    Setting(
        "reports_performed_steps",
        "Reports performed steps",
        PERFORMED,
        "Otherwise each N-CREATE and N-SET of it is refused: 0124H, not authorized",
    ),
    Setting(
        "refuses_undefined_attributes",
        "Refuse attributes that MPPS does not define",
        PERFORMED,
        "0105H, with the attributes; otherwise they are kept",
    ),
    Setting(
        "warns",
        "Answer with warnings",
        PERFORMED,
        "0107H where such attributes were kept, 0116H where a misspelled status was understood; otherwise 0000H",
    ),
)
BY_NAME: Final = {setting.name: setting for setting in SETTINGS}
_LABELS: Final = {setting.name: setting.label for setting in SETTINGS}


@dataclass(frozen=True)
class Said:
    """A setting and its present value in words; `is_set` when it is not what it is by default."""

    setting: Setting
    value: str
    is_set: bool = False


def said(station: Station, group: str) -> list[Said]:
    """The settings of a panel."""
    return [Said(one, *_value(station, one.name)) for one in SETTINGS if one.group == group]


def set_in_words(declared: str) -> str:
    """`All languages: UTF-8 (ISO_IR 192)`; the terms alone when it is none of the usual sets."""
    words = dict(charsets.CHOICES).get(declared)
    return f"{words} ({declared})" if words else declared


def age_in_words(hours: int) -> str:
    """`48 hours` is two days."""
    number, unit = (hours // HOURS_A_DAY, "day") if hours % HOURS_A_DAY == 0 else (hours, "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _value(station: Station, name: str) -> tuple[str, bool]:
    special = _SPECIAL.get(name)
    if special is not None:
        return special(station)
    value = getattr(station, name)
    if isinstance(value, bool):
        return ("Yes", value) if value else ("No", False)
    return str(value) or "Not known", False


def _limit(station: Station) -> tuple[str, bool]:
    if station.answer_limit is None:
        return "None", False
    end = "then A700, refused" if station.at_answer_limit == Station.AtLimit.REFUSED else "then success"
    return f"{station.answer_limit}, {end}", True


def _listed(values: Iterable[Any], none: str) -> tuple[str, bool]:
    text = ", ".join(map(str, values))
    return text or none, bool(text)


def _statuses(station: Station) -> tuple[str, bool]:
    return ", ".join(shown_status(one).word for one in station.statuses_shown), station.statuses_shown != list(WAITING)


_SPECIAL: dict[str, Callable[[Station], tuple[str, bool]]] = {
    "modalities": lambda station: (_listed(station.modalities.all(), "None")[0], False),
    "opens": lambda station: (f"{station.opens:%H:%M}", False),
    "closes": lambda station: (f"{station.closes:%H:%M}", False),
    "addresses": lambda station: _listed(station.addresses, "Anywhere"),
    "aliases": lambda station: _listed(station.aliases.all(), "None"),
    "accepted": lambda station: _listed([row for row in station.former_titles.all() if row.until is None], "None"),
    "character_set": lambda station: (set_in_words(station.character_set), station.character_set != "\\".join(charsets.UTF_8)),
    "time_zone": lambda station: (station.time_zone or "The hospital's", bool(station.time_zone)),
    "statuses_shown": _statuses,
    "age_limit_hours": lambda station: (age_in_words(station.age_limit_hours), True) if station.age_limit_hours else ("None", False),
    "answer_limit": _limit,
    "host": lambda station: (station.host or "Not given", False),
    "port": lambda station: (str(station.port or "Not given"), False),
    "strict": lambda station: ("Yes", False) if station.strict else ("No: lenient, findings recorded", True),
    "enabled": lambda station: ("Yes", False) if station.enabled else ("No", True),
    "reports_performed_steps": lambda station: ("Yes", False) if station.reports_performed_steps else ("No: refused with 0124H", True),
}
_PLAIN = {"True": "yes", "False": "no", "": "none"}


def history(subject: str, subject_id: int, labels: Mapping[str, str] = _LABELS) -> list[Moment]:
    """Every change of the station, pool or destination, latest first. `labels` of what they hold, by name."""
    changes = RecordChange.objects.filter(subject=subject, subject_id=subject_id).order_by("-at", "-pk")
    return [_moment(change, labels) for change in changes]


_VERBS = {"register": "Registered", "rename": "Renamed", "send_again": "Sent again", "leave_out": "Left out"}


def _moment(change: RecordChange, labels: Mapping[str, str]) -> Moment:
    is_new = change.verb == "register"
    text = "; ".join(_change(_label(name, labels), None if is_new else before, after) for name, (before, after) in change.detail.items())
    said = "; ".join(filter(None, (text, change.reason)))
    return Moment(change.at, "INFO", _VERBS.get(change.verb, "Changed"), said, change.actor)


def _label(name: str, labels: Mapping[str, str]) -> str:
    return labels.get(name) or name.replace("_", " ").capitalize()


def _change(label: str, before: str | None, after: str) -> str:
    """`Answer limit: 200, before none`; of something new (None) only what it is."""
    was = "" if before is None else f", before {_PLAIN.get(before, before)}"
    return f"{label}: {_PLAIN.get(after, after)}{was}"
