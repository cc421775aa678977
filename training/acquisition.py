"""What a scan produces: series with their instances, believable for each modality, without any pixel."""

from dataclasses import dataclass
from random import Random

from pydicom.dataset import Dataset

from dimse.uids import new_uid
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


def acquire(device: Device, description: str, protocol: str, chance: Random, *, share: float = 1.0) -> list[Dataset]:
    """Items of PerformedSeriesSequence for a whole scan, or for the `share` (0 to 1) that was done when it was broken off.

    At least one series comes back; with a share of 0 it lists no instance.
    """
    plans = _PLANS.get(device.modality, _OTHER)
    wanted = [chance.randint(plan.fewest, plan.most) for plan in plans]
    left = round(sum(wanted) * share)
    series: list[Dataset] = []
    for plan, count in zip(plans, wanted, strict=True):
        if series and left <= 0:
            break
        series.append(_series(device, f"{description} {plan.label}".strip(), protocol, min(count, left)))
        left -= count
    return series


def _series(device: Device, description: str, protocol: str, images: int) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = new_uid()
    series.SeriesDescription = description[:64]
    series.ProtocolName = (protocol or description)[:64]
    series.OperatorsName = device.operator
    series.PerformingPhysicianName = device.physician
    series.RetrieveAETitle = ""
    series.ReferencedImageSequence = [_image(device.modality, f"{series.SeriesInstanceUID}.{number}") for number in range(1, images + 1)]
    series.ReferencedNonImageCompositeSOPInstanceSequence = []
    return series


def _image(modality: str, uid: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = _SOP_CLASSES.get(modality, _SECONDARY_CAPTURE)
    reference.ReferencedSOPInstanceUID = uid
    return reference
