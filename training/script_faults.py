"""Lines of a script that switch faults on and off: `fault delay seconds=3 for 5 min`, `fault off delay`.

The kinds, what each can be told and the limits are those of `training.actions.faults`, which looks at every line before anything is sent.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ris.errors import InvalidInput
from ris.models import Site
from training.actions import faults
from training.actions.faults import DEFAULT_MINUTES, FaultData
from training.acts import ALL
from training.faults.kinds import KINDS, Place
from training.script_words import Word, WrongWord

USAGE: Final = "fault KIND [NAME=VALUE…] [station=AET|all] [service=NAME] [for N s|min|h]"
OFF_USAGE: Final = "fault off KIND|all"
WHAT: Final = (
    "switch a fault on, for this station and 10 minutes of real time unless said otherwise; "
    f"{OFF_USAGE} ends it before, and so does the end of the script"
)
_LASTS = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?) ?(s|m|min|h)")
_MINUTES = {"s": 1 / 60, "m": 1.0, "min": 1.0, "h": 60.0}
_NAMES = {"kind": "the fault", "minutes": "the time", "station_ae_title": "station=", "service": "service="}
_ANY: Final = "ANY"  # stands for the station of a script that leaves it to whoever plays it


@dataclass(frozen=True)
class SwitchOn:
    """`data` has no station where it is to be the script's own; `columns` say where each field stands in the line."""

    data: FaultData
    own_station: bool
    columns: Mapping[str, int] = field(default_factory=dict)

    def at(self, station: str) -> FaultData:
        """The fault, when this station plays the script."""
        return replace(self.data, station_ae_title=station) if self.own_station else self.data


@dataclass(frozen=True)
class SwitchOff:
    """`kind` is empty for all that the script switched on."""

    kind: str = ""


Switch = SwitchOn | SwitchOff


def read(verb: Word, rest: Sequence[Word], above: set[str]) -> Switch:
    """A `fault` line; `above` are the kinds that are switched on before it. Raises WrongWord for the first that is wrong."""
    plain = [word for word in rest if not word.key]
    if not plain:
        raise WrongWord(verb.column, f"which one? Write it as `{USAGE}` or `{OFF_USAGE}`")
    return _off(rest, above) if rest[0].text == "off" and not rest[0].key else _on(plain, [word for word in rest if word.key])


def check(switch: SwitchOn, station: str = "", site: Site | None = None) -> None:
    """Raises WrongWord for the first thing that no fault can be told. Without a site nobody knows yet which stations there are."""
    try:
        faults.check(site, switch.at(station or _ANY))
    except InvalidInput as error:
        name, reason = min(error.errors.items(), key=lambda one: switch.columns.get(one[0], switch.columns["kind"]))
        called = _NAMES.get(name) or f"{name.removeprefix('parameters.')}="
        raise WrongWord(switch.columns.get(name, switch.columns["kind"]), f"{called} {reason}") from error


def _off(rest: Sequence[Word], above: set[str]) -> SwitchOff:
    if len(rest) != 2 or rest[1].key:
        raise WrongWord(rest[2].column if len(rest) > 2 else rest[-1].column, f"write it as `{OFF_USAGE}`")
    kind = rest[1].text.lower()
    if not above or kind not in (ALL, *above):
        lines = f"the lines above switch on {', '.join(sorted(above))}" if above else "no line above switches one on"
        raise WrongWord(rest[1].column, f"{rest[1].text} is not on: {lines}; write it as `{OFF_USAGE}`")
    return SwitchOff("" if kind == ALL else kind)


def _on(plain: Sequence[Word], keyed: Sequence[Word]) -> SwitchOn:
    kind, columns = plain[0].text.lower(), {"kind": plain[0].column}
    told: dict[str, str] = {}
    for word in keyed:
        name = {"station": "station_ae_title", "service": "service"}.get(word.key, f"parameters.{word.key}")
        if name in columns:
            raise WrongWord(word.column, f"{word.key}= stands here twice")
        told[name], columns[name] = word.text, word.value_column
    minutes = _minutes(plain[1:], columns)
    station = told.pop("station_ae_title", "")
    shared = kind in KINDS and KINDS[kind].place is Place.PROCESS
    data = FaultData(
        kind,
        "" if station == ALL else station,
        told.pop("service", ""),
        minutes,
        {name.removeprefix("parameters."): value for name, value in told.items()},
    )
    switch = SwitchOn(data, own_station="station_ae_title" not in columns and not shared, columns=columns)
    check(switch)
    return switch


def _minutes(words: Sequence[Word], columns: dict[str, int]) -> float:
    if not words:
        return DEFAULT_MINUTES
    match = _LASTS.fullmatch(" ".join(word.text for word in words[1:]))
    if words[0].text != "for" or not match:
        raise WrongWord(words[0].column, f"{words[0].text} is not understood here; write it as `{USAGE}`, e.g. `for 5 min`")
    columns["minutes"] = words[1].column
    return float(match[1]) * _MINUTES[match[2]]
