"""What a scan made, without a modality that made it."""

from random import Random

from pydicom.dataset import Dataset

from training.acquisition import acquired, items, plan
from training.performed import Device


def acquire(device: Device, description: str, protocol: str, chance: Random, *, share: float = 1.0) -> list[Dataset]:
    """Items of PerformedSeriesSequence for a whole scan, or for the `share` (0 to 1) that was done when it was broken off."""
    return items(device, description, protocol, acquired(plan(device.modality, chance, description), share))
