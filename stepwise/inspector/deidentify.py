"""Data sets without identities, for a bug report: after the Basic Application Level Confidentiality Profile of PS3.15 E.1.

What is kept is a short list, everything else goes: private and unknown attributes, bytes, text that is no code, codes that are not about
the work (diagnoses, people, institutions), and values that are none of their VR are removed or emptied.
Identifiers become pseudonyms, the same for the same value in all data sets of an export, so that what belongs together still does.
After that no identifier that a data set has in its place stands anywhere in the export, in free text that was kept on purpose either.
A name that only free text has is known to nobody.

It is not the profile to the letter: identifiers that it removes have pseudonyms, and times of day stay. So the files say in words how they
were made (0012,0063), and do not claim the profile by its code, 113100 DCM in (0012,0064), of which PS3.15 E.1.1 and PS3.3 C.7.1.1 ask one.
"""

import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, count
from typing import Final

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import UID

from dimse import charsets, values
from dimse.charsets import CharacterSet
from stepwise.inspector import kept, moments
from stepwise.inspector.moments import LEGAL
from stepwise.inspector.originals import Originals

PROFILE: Final = "the Basic Application Level Confidentiality Profile of PS3.15 Annex E, as far as worklist and MPPS attributes go"
METHOD: Final = "Stepwise, after PS3.15 E.1 Basic Profile, not to the letter"
"""The first value of De-identification Method (0012,0063)."""
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
        "TimezoneOffsetFromUTC",
    }
)
"""Text that says what, not who, within a sequence of `kept.CODE_SEQUENCES`."""
_BESIDE_CODES: Final = frozenset({"TimezoneOffsetFromUTC"})
"""Those of them that stand anywhere."""
_DECLARATION: Final = re.compile(r"[A-Za-z0-9 _-]{0,16}")
_NUMBERS: Final = frozenset({"AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
_TEXT: Final = frozenset({"LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_CODE_STRING: Final = re.compile(r"[A-Za-z0-9 _*?]{0,16}")
_LENIENT: Final = {"DA": re.compile(r"[0-9 -]{0,18}"), "DT": re.compile(r"[0-9.+ -]{0,54}"), "TM": re.compile(r"[0-9.: -]{0,28}")}
"""Dates and times that may be wrong, and stay so where dates are kept: that is what a report may be about."""
_NO_DAYS_IN: Final = frozenset({"CodeValue", "LongCodeValue", "URNCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"})
"""Their digits are no day, however they look."""
_TAG: Final = re.compile(r"^\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)$")


@dataclass(frozen=True)
class Choice:
    """What may stay: dates as they are (else moved by one random span), free text, AE titles (else renamed)."""

    keep_dates: bool = False
    keep_text: bool = False
    keep_ae_titles: bool = False

    @property
    def method(self) -> list[str]:
        """Values of De-identification Method (0012,0063), of at most 64 characters."""
        dates = "Dates and times as they were" if self.keep_dates else "Dates moved by one span, times of day as they were"
        text = "Descriptions kept, without known identifiers" if self.keep_text else "Descriptions emptied"
        return [METHOD, dates, text, "AE titles as they were" if self.keep_ae_titles else "AE titles renamed"]


class Deidentifier:
    """For the data sets of one export: first every one of them is `learn`ed, then they are `clean`ed."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self._shift = timedelta(0 if choice.keep_dates else -(30 + secrets.randbelow(3650)))
        self._originals = Originals()
        self._known: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._numbers: Counter[str] = Counter()

    # --- What is to go --------------------------------------------------------------------------------------------

    def learn(self, dataset: Dataset) -> None:
        for element in dataset.iterall():
            if element.keyword == "PatientBirthDate":
                for value in values.of(element.value):
                    self._originals.add_day(_bare(value))
            if kind := self._kind(element):
                for value in values.of(element.value):
                    self.learn_value(kind, value)

    def learn_value(self, kind: str, value: str) -> None:
        """An identifier beside the data sets: a UID of the command set, an AE title."""
        bare = _bare(value)
        if bare and not (kind == "UID" and is_well_known(bare)):
            if kind == "PERSON":
                self._originals.add_name(bare)
            else:
                self._originals.add(bare)

    def _kind(self, element: DataElement) -> str:
        if element.tag.is_private:
            return ""
        by_vr = {"PN": "PERSON", "UI": "UID", "AE": "" if self.choice.keep_ae_titles else "AE"}
        return IDENTIFIERS.get(element.keyword) or by_vr.get(str(element.VR), "")

    # --- What comes instead ---------------------------------------------------------------------------------------

    def clean(self, dataset: Dataset, declared: str = "") -> Dataset:
        """A new data set. It declares a character set only when kept text is beyond ASCII: that it is written in, the one that was
        `declared` where this can be."""
        cleaned = self._cleaned(dataset)
        texts = [(str(element.VR), text) for element in cleaned.iterall() for text in _texts(element) if not text.isascii()]
        if texts:
            read = charsets.read(declared)
            is_fit = declared == "\\".join(read.terms) and all(_fits(read, vr, text) for vr, text in texts)
            cleaned.SpecificCharacterSet = list(read.terms) if is_fit else "ISO_IR 192"
        cleaned.PatientIdentityRemoved = "YES"
        cleaned.DeidentificationMethod = self.choice.method
        return cleaned

    def declaration(self, declared: str) -> str:
        """Specific Character Set as it was declared, misspelled or unknown, for that is what a report may be about; no identifiers."""
        return "\\".join(self._scrubbed_whole(term) if _DECLARATION.fullmatch(term) else "" for term in declared.split("\\"))

    def _cleaned(self, dataset: Dataset, within: str = "") -> Dataset:
        """`within` is the keyword of the sequence that it is an item of."""
        found = Dataset()
        for element in dataset:
            if element.tag.is_private or element.tag.element == 0 or element.keyword in ("", "SpecificCharacterSet"):
                continue
            if element.VR == "SQ":
                if not kept.is_of_people(element.keyword):
                    found.add(DataElement(element.tag, "SQ", [self._cleaned(item, element.keyword) for item in element.value or ()]))
            elif element.keyword in CODES and element.keyword not in _BESIDE_CODES and within not in kept.CODE_SEQUENCES:
                found.add(DataElement(element.tag, element.VR, ""))
            else:
                found.add(DataElement(element.tag, element.VR, self._value(element), validation_mode=0))
        return found

    def _value(self, element: DataElement) -> object:
        vr, keyword = str(element.VR), element.keyword
        if keyword in ABOUT_THE_PATIENT or (vr in _TEXT and not self._may_stay(keyword)):
            return None if vr in _NUMBERS else ""
        if vr in _NUMBERS:
            return element.value if all(map(self._is_mere_number, values.of(element.value))) else None
        texts = [self._text(element, vr, value) for value in values.of(element.value)]
        return texts if len(texts) > 1 else "".join(texts)

    def _may_stay(self, keyword: str) -> bool:
        """Whether text of this attribute is looked at value by value; else it goes as it is."""
        return keyword in CODES or keyword in IDENTIFIERS or (self.choice.keep_text and keyword in kept.FREE_TEXT)

    def _is_mere_number(self, value: str) -> bool:
        """Whether it is a number, or a tag, and no identifier: what a modality wrote into IS or DS may be none of them."""
        try:
            float(_TAG.sub("0", value) or 0)
        except ValueError:
            return False
        return value not in self._originals

    def _text(self, element: DataElement, vr: str, value: str) -> str:
        if kind := self._kind(element):
            return self.pseudonym(kind, value)
        if not kept.has_its_form(element.keyword, value):
            return ""
        if vr in LEGAL:
            return self._scrubbed_whole(self._moment(vr, value))
        if vr == "CS":
            return self._code_string(element.keyword, value)
        if vr in _TEXT and element.keyword not in _NO_DAYS_IN:
            return self.scrubbed(value)
        return self._originals.masked(value, _mask(value)) if vr in _TEXT | {"AE"} else ""

    def _moment(self, vr: str, value: str) -> str:
        if self.choice.keep_dates and _LENIENT[vr].fullmatch(value):
            return value
        return moments.moved(vr, value, self._shift)

    def _code_string(self, keyword: str, value: str) -> str:
        """A defined term; any other word only where text is kept, for it may be a name as well."""
        if kept.is_term(value) and _CODE_STRING.fullmatch(value):
            return value
        may_stay = self.choice.keep_text or keyword in CODES
        return self._scrubbed_whole(value) if may_stay and _CODE_STRING.fullmatch(value) else ""

    def pseudonym(self, kind: str, value: str) -> str:
        """The same for the same value; wildcards at its ends stay, and so do UIDs of the standard."""
        bare = _bare(value)
        if not bare or (kind == "UID" and is_well_known(bare)):
            return value.strip()
        key = (kind, bare.casefold() if kind == "PERSON" else bare)
        if key not in self._known:
            self._numbers[kind] += 1
            self._known[key] = self._fresh(kind, self._numbers[kind])
            self._taken.add(self._known[key])
        stars = value.strip()
        return f"{'*' if stars.startswith('*') else ''}{self._known[key]}{'*' if stars.endswith('*') else ''}"

    def _fresh(self, kind: str, number: int) -> str:
        """In none of which an original identifier stands."""
        if kind == "UID":
            candidates: Iterator[str] = chain(
                (f"2.25.{n}" for n in range(number, number + 1000)), (f"1.2.826.0.1.3680043.10.999.{n}" for n in count(1))
            )
        elif kind == "PERSON":
            candidates = chain([f"PERSON{number}^GIVEN{number}"], (f"{_letters()}^{_letters()}" for _ in count()))
        else:
            candidates = chain([f"{kind}-{number}"], (_letters() for _ in count()))
        return next(one for one in candidates if one not in self._taken and not self._originals.stand_in(one))

    def scrubbed(self, text: str) -> str:
        """Free text without the identifiers that are known, and without days unless dates are kept."""
        mask = _mask(text)
        return self._originals.masked(text if self.choice.keep_dates else moments.without_days(text, mask), mask)

    def _scrubbed_whole(self, text: str) -> str:
        return "" if self._originals.stand_in(text) else text

    def moved_day(self, day: date) -> date:
        return day + self._shift


def is_well_known(uid: str) -> bool:
    """Whether a UID names something of the standard, and nothing of a hospital."""
    return uid.startswith("1.2.840.10008.") and UID(uid).name != uid


def _bare(value: str) -> str:
    return value.strip(" \0*?")


def _mask(text: str) -> str:
    return "-" if text.isascii() else "…"


def _letters() -> str:
    return "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(12))


def _fits(declared: CharacterSet, vr: str, text: str) -> bool:
    try:
        declared.encode(text, vr)
    except charsets.Unfit:
        return False
    return True


def _texts(element: DataElement) -> Iterable[str]:
    return values.of(element.value) if element.VR != "SQ" and not isinstance(element.value, bytes) else ()
