"""What a scan produces: series with their instances, believable for each modality, without any pixel."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pydicom.dataset import Dataset

from dimse.uids import new_uid
from training.memory import Series
from training.performed import Device


@dataclass(frozen=True)
class SeriesPlan:
    """One series: what is written behind the exam's name, and how many images it holds, from and to."""

    label: str
    fewest: int
    most: int


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
    "CT": (SeriesPlan("Scout", 1, 2), SeriesPlan("Axial 5 mm", 18, 36), SeriesPlan("Coronal 3 mm", 12, 24)),
    "MR": (SeriesPlan("Localizer", 3, 3), SeriesPlan("T2 sagittal", 12, 20), SeriesPlan("T1 axial", 14, 24)),
    "US": (SeriesPlan("Images", 6, 18),),
    "CR": (SeriesPlan("Exposures", 1, 2),),
    "DX": (SeriesPlan("Exposures", 2, 3),),
    "MG": (SeriesPlan("CC and MLO", 4, 4),),
    "RF": (SeriesPlan("Fluoroscopy", 4, 10), SeriesPlan("Spot images", 2, 6)),
    "XA": (SeriesPlan("Runs", 5, 12),),
    "NM": (SeriesPlan("Static", 2, 4),),
    "PT": (SeriesPlan("Emission", 20, 40),),
}
_OTHER = (SeriesPlan("Images", 1, 4),)


def plan(modality: str, chance: Random) -> list[Series]:
    """The series that an exam on such a machine is going to have, none acquired yet."""
    return [
        Series(uid=new_uid(), label=one.label, technique="", planned=chance.randint(one.fewest, one.most), images=0, dose={})
        for one in _PLANS.get(modality, _OTHER)
    ]


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


def acquire(device: Device, description: str, protocol: str, chance: Random, *, share: float = 1.0) -> list[Dataset]:
    """Items of PerformedSeriesSequence for a whole scan, or for the `share` (0 to 1) that was done when it was broken off."""
    return items(device, description, protocol, acquired(plan(device.modality, chance), share))


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
