"""What consoles look like, by the modality that they are: another maker's machine each. The rest is `.console--…` in the stylesheet."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Look:
    """`word` says what it is, `title` what stands on a machine without a profile; `name` is that of its colours and its drawing."""

    kind: str
    word: str
    title: str
    name: str

    @property
    def drawing(self) -> str:
        """The template of what its screen draws."""
        return f"training/drawings/{self.name}.html"


LOOKS: Final = {
    look.kind: look
    for look in (
        Look("CT", "Computed tomography", "Meridian Axial", "ct"),
        Look("MR", "Magnetic resonance", "Borealis 3T", "mr"),
        Look("US", "Ultrasound", "Sonoro E", "us"),
        Look("DX", "Digital radiography", "Planar DX", "dx"),
        Look("CR", "Computed radiography", "Planar CR", "dx"),
        Look("MG", "Mammography", "Senora M", "mg"),
        Look("RF", "Fluoroscopy", "Fluvius RF", "rf"),
        Look("XA", "Angiography", "Fluvius XA", "rf"),
        Look("NM", "Nuclear medicine", "Gammora Duo", "nm"),
        Look("PT", "Positron emission", "Gammora PET", "nm"),
        Look("OT", "Other", "Plain modality", "ot"),
    )
}
"""Those that can be chosen, by modality."""


def look_of(kind: str) -> Look:
    """Of any other modality a plain one."""
    return LOOKS.get(kind) or Look(kind, f"Modality {kind}", "Plain modality", "ot")
