"""What a scan produces: series with their instances, believable for each modality, without any pixel."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pydicom.dataset import Dataset

from dimse.uids import new_uid
from training import dose
from training.memory import Series
from training.performed import Device


@dataclass(frozen=True)
class SeriesPlan:
    """One series: what is written behind the exam's name, how many images it holds, from and to, and how it is `made` (`dose.MAKERS`)."""

    label: str
    fewest: int
    most: int
    made: str = "none"


_SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "RF": "1.2.840.10008.5.1.4.1.1.12.2",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

_PLANS = {
    "CT": (
        SeriesPlan("Scout", 1, 2, "scout"),
        SeriesPlan("Axial 5 mm", 18, 36, "helical"),
        SeriesPlan("Coronal 3 mm", 12, 24, "reconstruction"),
    ),
    "MR": (SeriesPlan("Localizer", 3, 3), SeriesPlan("T2 sagittal", 12, 20), SeriesPlan("T1 axial", 14, 24)),
    "US": (SeriesPlan("Images", 6, 18),),
    "CR": (SeriesPlan("Exposures", 1, 2, "radiograph"),),
    "DX": (SeriesPlan("Exposures", 2, 3, "radiograph"),),
    "MG": (SeriesPlan("CC and MLO", 4, 4, "mammogram"),),
    "RF": (SeriesPlan("Fluoroscopy", 4, 10, "fluoroscopy"), SeriesPlan("Spot images", 2, 6, "radiograph")),
    "XA": (SeriesPlan("Runs", 5, 12, "angiography"),),
    "NM": (SeriesPlan("Static", 2, 4, "scintigraphy"),),
    "PT": (SeriesPlan("Emission", 20, 40, "positrons"),),
}
_OTHER = (SeriesPlan("Images", 1, 4),)


def plan(modality: str, chance: Random, description: str = "") -> list[Series]:
    """The series that an exam on such a machine is going to have, none acquired yet. `description` tells the part of the body."""
    region = dose.region_of(description)
    return [_planned(one, region, description, chance) for one in _PLANS.get(modality, _OTHER)]


def _planned(one: SeriesPlan, region: dose.Region, description: str, chance: Random) -> Series:
    images = chance.randint(one.fewest, one.most)
    technique, values = dose.MAKERS[one.made](region, images, description, chance)
    return Series(uid=new_uid(), label=one.label, technique=technique, planned=images, images=0, dose=values)


def repeated(series: Series) -> Series:
    """The same once more, as it is planned when a patient moved."""
    return {**series, "uid": new_uid(), "images": 0}


def acquired(planned: Sequence[Series], share: float = 1.0) -> list[Series]:
    """The series with their images, in order, up to `share` (0 to 1) of all images: at least one series, with a share of 0 an empty one."""
    left = round(sum(one["planned"] for one in planned) * share)
    done: list[Series] = []
    for one in planned:
        if done and left <= 0:
            break
        done.append(with_images(one, min(one["planned"], left)))
        left -= one["planned"]
    return done


def with_images(series: Series, images: int) -> Series:
    """The series with so many of its images acquired."""
    return {**series, "images": images}


def items(device: Device, description: str, protocol: str, series: Sequence[Series]) -> list[Dataset]:
    """Items of PerformedSeriesSequence."""
    return [_item(device, f"{description} {one['label']}".strip(), protocol, one) for one in series]


def _item(device: Device, description: str, protocol: str, series: Series) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = series["uid"]
    item.SeriesDescription = description[:64]
    item.ProtocolName = (protocol or description)[:64]
    item.OperatorsName = device.operator
    item.PerformingPhysicianName = device.physician
    item.RetrieveAETitle = ""
    item.ReferencedImageSequence = [_image(device.modality, f"{series['uid']}.{number}") for number in range(1, series["images"] + 1)]
    item.ReferencedNonImageCompositeSOPInstanceSequence = []
    return item


def _image(modality: str, uid: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = _SOP_CLASSES.get(modality, _SECONDARY_CAPTURE)
    reference.ReferencedSOPInstanceUID = uid
    return reference
