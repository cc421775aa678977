"""What a scan costs in radiation, believable for each kind of machine and part of the body, and how MPPS tells of it.

The Radiation Dose module (PS3.3-2017c C.4.16; retired since, and still sent) has no place for what a CT, a mammography unit or a gamma
camera shows: as real ones do, they write it into CommentsOnRadiationDose. MR and ultrasound have none. The values of a series are by names:

kv kV, ma mA, ms milliseconds, ctdivol mGy, dlp mGy·cm, dap dGy·cm², fluoro seconds, exposures a number, entrance mGy at the skin,
glandular mGy, activity MBq.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from training.memory import Series

Values = dict[str, float]
_SHARED: Final = frozenset({"dlp", "dap", "fluoro", "exposures"})
"""Values that grow with the images; the others are the same from the first one on."""

_SUMMED: Final = _SHARED | {"activity"}


@dataclass(frozen=True)
class Region:
    """A part of the body. CT: CTDIvol in mGy and length in cm; X-ray: dose area product in dGy·cm², entrance dose in mGy, and kV."""

    words: tuple[str, ...]
    ctdivol: tuple[float, float]
    length: tuple[float, float]
    dap: tuple[float, float]
    entrance: tuple[float, float]
    kv: int


_REGIONS: Final = (
    Region(("head", "brain", "skull", "sinus", "cranial"), (38, 58), (14, 18), (2.5, 6), (0.9, 2.2), 75),
    Region(("abdomen", "pelvis", "liver", "colon", "hip", "spine", "lumbar"), (7, 14), (38, 52), (8, 22), (2.2, 6), 80),
    Region(("chest", "lung", "thorax", "pulmonary", "rib"), (4, 9), (30, 40), (0.6, 1.8), (0.1, 0.25), 125),
    Region(("hand", "wrist", "knee", "ankle", "foot", "elbow", "finger"), (6, 12), (10, 20), (0.05, 0.4), (0.05, 0.2), 55),
)
_ELSEWHERE: Final = Region((), (6, 12), (20, 40), (3, 9), (0.8, 2.5), 70)

_ACTIVITIES: Final = (("bone", 500, 740), ("thyroid", 70, 90), ("lung", 150, 200), ("myocardial", 350, 600), ("renal", 80, 120))
_FRAMES_PER_SECOND: Final = (7, 15)

Technique = tuple[str, Values]
Maker = Callable[[Region, int, str, Random], Technique]


def region_of(description: str) -> Region:
    """The part of the body that the words are about."""
    words = description.lower()
    return next((region for region in _REGIONS if any(word in words for word in region.words)), _ELSEWHERE)


def _none(_: Region, __: int, ___: str, ____: Random) -> Technique:
    return "", {}


def _reconstruction(_: Region, __: int, ___: str, ____: Random) -> Technique:
    return "reconstruction", {}


def _scout(_: Region, images: int, __: str, chance: Random) -> Technique:
    ctdivol = _between(chance, 0.08, 0.14)
    return "120 kV, 35 mA", {"kv": 120, "ma": 35, "ms": 4000, "ctdivol": ctdivol, "dlp": round(ctdivol * 40 * images, 1)}


def _helical(region: Region, _: int, __: str, chance: Random) -> Technique:
    kv, ma = chance.choice((100, 120)), chance.randint(110, 290)
    ctdivol = _between(chance, *region.ctdivol)
    dlp = round(ctdivol * chance.uniform(*region.length), 1)
    return f"{kv} kV, auto {ma} mA", {"kv": kv, "ma": ma, "ms": chance.randint(3, 9) * 1000, "ctdivol": ctdivol, "dlp": dlp}


def _radiograph(region: Region, images: int, _: str, chance: Random) -> Technique:
    ma, ms = chance.choice((200, 320, 400)), chance.randint(4, 60)
    dap = round(sum(chance.uniform(*region.dap) for _ in range(images)), 2)
    return f"{region.kv} kV, {ma} mA, {ms} ms", {
        "kv": region.kv,
        "ma": ma,
        "ms": ms,
        "dap": dap,
        "entrance": _between(chance, *region.entrance, digits=2),
        "exposures": images,
    }


def _mammogram(_: Region, images: int, __: str, chance: Random) -> Technique:
    kv, ma, ms = chance.randint(26, 31), 100, chance.randint(500, 1100)
    entrance, glandular = _between(chance, 4.5, 9), _between(chance, 1.1, 2.1, digits=2)
    values: Values = {"kv": kv, "ma": ma, "ms": ms, "entrance": entrance, "glandular": glandular, "exposures": images}
    return f"{kv} kV, {ma * ms / 1000:.0f} mAs, W/Rh", values


def _fluoroscopy(_: Region, __: int, ___: str, chance: Random) -> Technique:
    seconds, kv = chance.randint(60, 300), chance.randint(75, 100)
    dap = round(seconds / 60 * chance.uniform(8, 25), 1)
    values: Values = {"kv": kv, "ma": 3, "ms": seconds * 1000, "dap": dap, "fluoro": seconds}
    return f"{kv} kV, {chance.choice(_FRAMES_PER_SECOND)} pulses/s", values


def _angiography(_: Region, images: int, __: str, chance: Random) -> Technique:
    seconds, kv = chance.randint(150, 900), chance.randint(70, 95)
    dap = round(seconds / 60 * chance.uniform(6, 18) + images * chance.uniform(6, 20), 1)
    entrance = round(dap * chance.uniform(1.2, 1.8), 1)
    values: Values = {"kv": kv, "ma": 600, "ms": seconds * 1000, "dap": dap, "fluoro": seconds, "entrance": entrance, "exposures": images}
    return f"{kv} kV, {chance.choice(_FRAMES_PER_SECOND)} frames/s", values


def _scintigraphy(_: Region, __: int, description: str, chance: Random) -> Technique:
    words = description.lower()
    low, high = next(((low, high) for word, low, high in _ACTIVITIES if word in words), (150, 400))
    activity = chance.randint(low, high)
    return f"{activity} MBq Tc-99m", {"activity": activity}


def _positrons(_: Region, __: int, ___: str, chance: Random) -> Technique:
    activity = chance.randint(200, 380)
    return f"{activity} MBq F-18", {"activity": activity}


MAKERS: Mapping[str, Maker] = {
    "none": _none,
    "reconstruction": _reconstruction,
    "scout": _scout,
    "helical": _helical,
    "radiograph": _radiograph,
    "mammogram": _mammogram,
    "fluoroscopy": _fluoroscopy,
    "angiography": _angiography,
    "scintigraphy": _scintigraphy,
    "positrons": _positrons,
}
"""How a series is made, by name: technique as a console writes it, and what all of its images together cost."""


def received(series: Series) -> Values:
    """What its images so far cost; nothing without one."""
    if not series["images"]:
        return {}
    share = series["images"] / max(series["planned"], series["images"])
    return {name: value * share if name in _SHARED else value for name, value in series["dose"].items()}


def total(series: Sequence[Series]) -> Values:
    """Of all series together: sums, for doses at the skin and in the gland the mean of the exposures, for CTDIvol the highest."""
    found = [received(one) for one in series]
    sums: Values = {name: sum(one.get(name, 0) for one in found) for name in _SUMMED if any(name in one for one in found)}
    for name in ("entrance", "glandular"):
        exposed = [(one[name], one.get("exposures", 1)) for one in found if name in one]
        if exposed and sum(weight for _, weight in exposed):
            sums[name] = sum(value * weight for value, weight in exposed) / sum(weight for _, weight in exposed)
    if any("ctdivol" in one for one in found):
        sums["ctdivol"] = max(one.get("ctdivol", 0) for one in found)
    return sums


SHOWN: Final = (
    ("dlp", "DLP", "mGy·cm", ".1f"),
    ("ctdivol", "CTDIvol", "mGy", ".1f"),
    ("dap", "DAP", "dGy·cm²", ".2f"),
    ("fluoro", "fluoroscopy", "s", ".0f"),
    ("glandular", "AGD", "mGy", ".2f"),
    ("activity", "activity", "MBq", ".0f"),
    ("exposures", "exposures", "", ".0f"),
)
"""Name, what a console calls it, unit, and how it is written, the most telling first."""


def in_words(series: Sequence[Series]) -> str:
    """`DLP 612.4 mGy·cm, CTDIvol 11.2 mGy`; empty when there was no radiation."""
    values = total(series)
    return ", ".join(f"{what} {values[name]:{written}} {unit}".rstrip() for name, what, unit, written in SHOWN if name in values)


def _between(chance: Random, low: float, high: float, *, digits: int = 1) -> float:
    return round(chance.uniform(low, high), digits)
