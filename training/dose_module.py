"""The Radiation Dose module of an MPPS message (PS3.3-2017c C.4.16), out of the values of `training.dose`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pydicom.dataset import Dataset

from training.dose import Values, received, total
from training.memory import Series

_EXPOSED: Final = ("TotalNumberOfExposures", "ExposureDoseSequence")
_AT_DISTANCE: Final = ("DistanceSourceToDetector", "EntranceDoseInmGy", "ExposedArea")
_COMMENTED: Final = "CommentsOnRadiationDose"
_FLUOROSCOPIC: Final = (
    "TotalTimeOfFluoroscopy",
    "DistanceSourceToDetector",
    "EntranceDoseInmGy",
    "ImageAndFluoroscopyAreaDoseProduct",
    *_EXPOSED,
)

KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "CT": (*_EXPOSED, _COMMENTED),
    "XA": _FLUOROSCOPIC,
    "RF": _FLUOROSCOPIC,
    "DX": (*_AT_DISTANCE, "ImageAndFluoroscopyAreaDoseProduct", *_EXPOSED),
    "CR": (*_AT_DISTANCE, "ImageAndFluoroscopyAreaDoseProduct", *_EXPOSED),
    "MG": (*_AT_DISTANCE, *_EXPOSED, _COMMENTED),
    "NM": (_COMMENTED,),
    "PT": (_COMMENTED,),
}
"""What a machine of each modality tells."""

_DISTANCES: Final = {"XA": 1050, "RF": 1150, "DX": 1500, "CR": 1150, "MG": 660}
_AREAS: Final = {"DX": [35, 43], "CR": [24, 30], "MG": [24, 29]}  # cm


def announced(modality: str) -> Dataset:
    """The attributes without values, as an N-CREATE holds what will be set later (PS3.4 F.7.2.1.2)."""
    empty = Dataset()
    for keyword in KEYWORDS.get(modality, ()):
        setattr(empty, keyword, [] if keyword == "ExposureDoseSequence" else None)
    return empty


def module(modality: str, series: Sequence[Series]) -> Dataset:
    """The attributes with what the series so far cost; those of which nothing is known yet are left out."""
    values, told = total(series), Dataset()
    for keyword in KEYWORDS.get(modality, ()):
        value = _VALUES[keyword](modality, values, series)
        if value not in (None, "", []):
            setattr(told, keyword, value)
    return told


def comment(values: Values) -> str:
    """What the module has no attribute for, in words and in ASCII."""
    said = []
    if "dlp" in values:
        said.append(f"DLP {values['dlp']:.1f} mGy.cm, CTDIvol {values.get('ctdivol', 0):.1f} mGy")
    if "glandular" in values:
        said.append(f"Average glandular dose {values['glandular']:.2f} mGy")
    if "activity" in values:
        said.append(f"Administered activity {values['activity']:.0f} MBq")
    return "; ".join(said)


def _exposures(modality: str, values: Values, series: Sequence[Series]) -> int | None:
    """Of a CT its irradiations: one of each series that was scanned."""
    if modality == "CT":
        return sum("dlp" in received(one) for one in series) or None
    return round(values["exposures"]) if "exposures" in values else None


def _items(modality: str, _: Values, series: Sequence[Series]) -> list[Dataset]:
    """An item for each series that took radiation."""
    return [_item(modality, values) for one in series if "kv" in (values := received(one))]


def _item(modality: str, values: Values) -> Dataset:
    item = Dataset()
    item.RadiationMode = "PULSED" if "fluoro" in values else "CONTINUOUS"
    item.KVP = f"{values['kv']:.0f}"
    item.XRayTubeCurrentInuA = f"{values['ma'] * 1000:.0f}"
    item.ExposureTime = f"{values['ms']:.0f}"
    item.FilterType = "FLAT"
    item.FilterMaterial = "RHODIUM" if modality == "MG" else "ALUMINUM"
    if said := comment(values):
        item.CommentsOnRadiationDose = said
    return item


def _rounded(name: str, digits: int) -> Callable[[str, Values, Sequence[Series]], str | None]:
    return lambda _, values, __: f"{values[name]:.{digits}f}" if name in values else None


_VALUES: Mapping[str, Callable[[str, Values, Sequence[Series]], object]] = {
    "TotalTimeOfFluoroscopy": lambda _, values, __: round(values["fluoro"]) if "fluoro" in values else None,
    "TotalNumberOfExposures": _exposures,
    "DistanceSourceToDetector": lambda modality, values, _: _DISTANCES[modality] if values else None,
    "EntranceDoseInmGy": _rounded("entrance", 2),
    "ExposedArea": lambda modality, values, _: _AREAS[modality] if values else None,
    "ImageAndFluoroscopyAreaDoseProduct": _rounded("dap", 2),
    "CommentsOnRadiationDose": lambda _, values, __: comment(values),
    "ExposureDoseSequence": _items,
}
