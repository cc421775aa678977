"""Data sets without identities, for a bug report: after the Basic Application Level Confidentiality Profile of PS3.15 E.1.

What is kept is a short list, everything else goes: private and unknown attributes, bytes, and text that is no code are removed or emptied.
Identifiers become pseudonyms, the same for the same value in all data sets of an export, so that what belongs together still does.
After that no original identifier stands anywhere, in free text that was kept on purpose either.
"""

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, count
from typing import Final

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import UID

from dimse import values

PROFILE: Final = "PS3.15 Annex E, Basic Application Level Confidentiality Profile (113100 DCM), as far as worklist and MPPS attributes go"
IDENTIFIERS: Final = {
    "PatientID": "PATIENT",
    "OtherPatientIDs": "PATIENT",
    "AccessionNumber": "ACCESSION",
    "RequestedProcedureID": "PROCEDURE",
    "ScheduledProcedureStepID": "STEP",
    "PerformedProcedureStepID": "PERFORMED",
    "StudyID": "STUDY",
    "AdmissionID": "ADMISSION",
    "PlacerOrderNumberImagingServiceRequest": "ORDER",
    "FillerOrderNumberImagingServiceRequest": "ORDER",
    "PlacerOrderNumberProcedure": "ORDER",
    "FillerOrderNumberProcedure": "ORDER",
}
"""Identifiers by keyword, and what their pseudonyms are called. Names (PN) and UIDs (UI) are identifiers by their VR."""
ABOUT_THE_PATIENT: Final = frozenset(
    {
        "PatientBirthDate",
        "PatientBirthTime",
        "PatientSex",
        "PatientAge",
        "PatientSize",
        "PatientWeight",
        "PregnancyStatus",
        "SmokingStatus",
        "LastMenstrualDate",
        "PatientSexNeutered",
        "PatientBirthDateInAlternativeCalendar",
        "PatientDeathDateInAlternativeCalendar",
    }
)
"""Emptied, whatever their VR."""
CODES: Final = frozenset(
    {
        "CodeValue",
        "CodingSchemeDesignator",
        "CodingSchemeVersion",
        "CodeMeaning",
        "LongCodeValue",
        "URNCodeValue",
        "ContextIdentifier",
        "MappingResource",
        "SpecificCharacterSet",
        "TimezoneOffsetFromUTC",
    }
)
"""Text that says what, not who."""
_NUMBERS: Final = frozenset({"AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
_TEXT: Final = frozenset({"LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_PLAIN: Final = {"CS": re.compile(r"[A-Za-z0-9 _*?]{0,16}"), "TM": re.compile(r"[0-9.: -]{0,28}")}
_DAY: Final = re.compile(r"(?<![0-9])([0-9]{4})([0-9]{2})([0-9]{2})")
_DATES: Final = {"DA": re.compile(r"[0-9 -]{0,18}"), "DT": re.compile(r"[0-9.+ -]{0,54}")}
_TAG: Final = re.compile(r"^\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)$")
_SHORT: Final = 3
"""An identifier of fewer characters is looked for as a whole value alone: within other text it would be everywhere."""


@dataclass(frozen=True)
class Choice:
    """What may stay: dates as they are (else moved by one random span), free text, AE titles (else renamed)."""

    keep_dates: bool = False
    keep_text: bool = False
    keep_ae_titles: bool = False


class Deidentifier:
    """For the data sets of one export: first every one of them is `learn`ed, then they are `clean`ed."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self._shift = timedelta(0 if choice.keep_dates else -(30 + secrets.randbelow(3650)))
        self._originals: set[str] = set()
        self._known: dict[tuple[str, str], str] = {}

    # --- What is to go --------------------------------------------------------------------------------------------

    def learn(self, dataset: Dataset) -> None:
        for element in dataset.iterall():
            if kind := self._kind(element):
                for value in values.of(element.value):
                    self.learn_value(kind, value)

    def learn_value(self, kind: str, value: str) -> None:
        """An identifier beside the data sets: a UID of the command set, an AE title."""
        bare = _bare(value)
        if bare and not (kind == "UID" and is_well_known(bare)):
            self._originals.add(bare.casefold())
            if kind == "PERSON":
                self._originals.update(part.casefold() for part in re.split(r"[\^= ]+", bare) if len(part) >= _SHORT)

    def _kind(self, element: DataElement) -> str:
        if element.tag.is_private:
            return ""
        by_vr = {"PN": "PERSON", "UI": "UID", "AE": "" if self.choice.keep_ae_titles else "AE"}
        return IDENTIFIERS.get(element.keyword) or by_vr.get(str(element.VR), "")

    # --- What comes instead ---------------------------------------------------------------------------------------

    def clean(self, dataset: Dataset) -> Dataset:
        """A new data set, in the default repertoire or, where kept text needs it, in UTF-8."""
        cleaned = self._cleaned(dataset)
        cleaned.pop("SpecificCharacterSet", None)
        if not all(text.isascii() for element in cleaned.iterall() for text in _texts(element)):
            cleaned.SpecificCharacterSet = "ISO_IR 192"
        elif "SpecificCharacterSet" in dataset:
            cleaned.SpecificCharacterSet = ""
        return cleaned

    def _cleaned(self, dataset: Dataset) -> Dataset:
        found = Dataset()
        for element in dataset:
            if element.tag.is_private or element.tag.element == 0 or not element.keyword:
                continue
            if element.VR == "SQ":
                found.add(DataElement(element.tag, "SQ", [self._cleaned(item) for item in element.value or ()]))
            else:
                found.add(DataElement(element.tag, element.VR, self._value(element), validation_mode=0))
        return found

    def _value(self, element: DataElement) -> object:
        vr, keyword = str(element.VR), element.keyword
        if keyword == "SpecificCharacterSet":
            return element.value
        if keyword in ABOUT_THE_PATIENT or (vr in _TEXT and not self.choice.keep_text and keyword not in CODES | IDENTIFIERS.keys()):
            return None if vr in _NUMBERS else ""
        if vr in _NUMBERS:
            return element.value if all(map(self._is_mere_number, values.of(element.value))) else None
        kept = [self._text(element, vr, value) for value in values.of(element.value)]
        return kept if len(kept) > 1 else "".join(kept)

    def _is_mere_number(self, value: str) -> bool:
        """Whether it is a number, or a tag, and no identifier: what a modality wrote into IS or DS may be none of them."""
        try:
            float(_TAG.sub("0", value) or 0)
        except ValueError:
            return False
        return value.casefold() not in self._originals

    def _text(self, element: DataElement, vr: str, value: str) -> str:
        if kind := self._kind(element):
            return self.pseudonym(kind, value)
        if vr in _DATES:
            return self._scrubbed_whole(self.moved(value)) if _DATES[vr].fullmatch(value) else ""
        if vr in _PLAIN:
            return self._scrubbed_whole(value) if _PLAIN[vr].fullmatch(value) else ""
        return self.scrubbed(value) if vr in _TEXT | {"AE"} else ""

    def pseudonym(self, kind: str, value: str) -> str:
        """The same for the same value; wildcards at its ends stay, and so do UIDs of the standard."""
        bare = _bare(value)
        if not bare or (kind == "UID" and is_well_known(bare)):
            return value.strip()
        key = (kind, bare.casefold() if kind == "PERSON" else bare)
        if key not in self._known:
            self._known[key] = self._fresh(kind, 1 + sum(one == kind for one, _ in self._known))
        stars = value.strip()
        return f"{'*' if stars.startswith('*') else ''}{self._known[key]}{'*' if stars.endswith('*') else ''}"

    def _fresh(self, kind: str, number: int) -> str:
        """In none of which an original identifier stands."""
        taken = set(self._known.values())
        if kind == "UID":
            candidates: Iterator[str] = chain(
                (f"2.25.{n}" for n in range(number, number + 1000)), (f"1.2.826.0.1.3680043.10.999.{n}" for n in count(1))
            )
        elif kind == "PERSON":
            candidates = chain([f"PERSON{number}^GIVEN{number}"], (f"{_letters()}^{_letters()}" for _ in count()))
        else:
            candidates = chain([f"{kind}-{number}"], (_letters() for _ in count()))
        return next(one for one in candidates if one not in taken and not self._stands_in(one))

    def _stands_in(self, text: str) -> bool:
        folded = text.casefold()
        return folded in self._originals or any(one in folded for one in self._originals if len(one) >= _SHORT)

    def scrubbed(self, text: str) -> str:
        """Free text without the identifiers that are known."""
        for original in sorted(self._originals, key=len, reverse=True):
            if len(original) >= _SHORT or text.strip().casefold() == original:
                text = re.sub(re.escape(original), "…" if not text.isascii() else "-", text, flags=re.IGNORECASE)
        return "" if self._stands_in(text) else text  # case folding may change lengths, which no pattern follows

    def _scrubbed_whole(self, text: str) -> str:
        return "" if self._stands_in(text) else text

    def moved(self, text: str) -> str:
        """Each day in a DA or DT value, or a range of them, moved by the span of the export; empty when it is no day."""
        if not self._shift:
            return text
        try:
            return _DAY.sub(lambda found: f"{date(*map(int, found.groups())) + self._shift:%Y%m%d}", text)
        except (ValueError, OverflowError):
            return ""

    def moved_day(self, day: date) -> date:
        return day + self._shift


def is_well_known(uid: str) -> bool:
    """Whether a UID names something of the standard, and nothing of a hospital."""
    return uid.startswith("1.2.840.10008.") and UID(uid).name != uid


def _bare(value: str) -> str:
    return value.strip(" \0*?")


def _letters() -> str:
    return "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(12))


def _texts(element: DataElement) -> Iterable[str]:
    return values.of(element.value) if element.VR != "SQ" and not isinstance(element.value, bytes) else ()
