"""A patient who is typed at the console, and what goes wrong when people type."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from pydicom.dataset import Dataset


@dataclass(frozen=True)
class TypedPatient:
    """Values as DICOM writes them: `name` PN, `birth_date` DA. All but the name may be empty; `description` is what is done,
    `modality` on what kind of machine where the profile leaves that open."""

    name: str
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""
    accession_number: str = ""
    description: str = ""
    modality: str = ""

    def item(self) -> Dataset:
        """A worklist item of the patient without any request."""
        item = Dataset()
        if not all(value.isascii() for value in (self.name, self.patient_id, self.description)):
            item.SpecificCharacterSet = "ISO_IR 192"
        item.PatientName, item.PatientID = self.name, self.patient_id
        item.PatientBirthDate, item.PatientSex = self.birth_date, self.sex
        item.AccessionNumber = self.accession_number
        return item


def _transposed_digits(patient: TypedPatient, chance: Random) -> TypedPatient:
    """Two neighbouring, different characters of the ID change places."""
    ident = patient.patient_id
    places = [n for n in range(len(ident) - 1) if ident[n] != ident[n + 1] and ident[n].isdigit() and ident[n + 1].isdigit()]
    if not places:
        return replace(patient, patient_id=f"{ident}1")
    n = chance.choice(places)
    return replace(patient, patient_id=ident[:n] + ident[n + 1] + ident[n] + ident[n + 2 :])


def _swapped_names(patient: TypedPatient, _: Random) -> TypedPatient:
    """Family and given name change places."""
    groups = []
    for group in patient.name.split("="):
        family, *rest = group.split("^")
        groups.append("^".join([rest[0], family, *rest[1:]]) if rest else f"^{family}")
    return replace(patient, name="=".join(groups))


def _day_and_month(patient: TypedPatient, chance: Random) -> TypedPatient:
    """Day and month of the birth date change places; where that is no date, the year is wrong by ten."""
    born = patient.birth_date
    if len(born) != 8 or not born.isdigit():
        return _transposed_digits(patient, chance)
    if int(born[6:]) <= 12 and born[4:6] != born[6:]:
        return replace(patient, birth_date=f"{born[:4]}{born[6:]}{born[4:6]}")
    return replace(patient, birth_date=f"{int(born[:4]) - 10:04}{born[4:]}" if born[4:] != "0229" else f"{born[:4]}0228")


def _double_patient(patient: TypedPatient, chance: Random) -> TypedPatient:
    """The same person once more, under a number that is made up at the console."""
    return replace(patient, patient_id=f"TMP{chance.randrange(10**6):06}")


def _missing_letter(patient: TypedPatient, chance: Random) -> TypedPatient:
    """A letter of the family name is left out."""
    family, separator, rest = patient.name.partition("^")
    if len(family) < 2:
        return _transposed_digits(patient, chance)
    n = chance.randrange(len(family))
    return replace(patient, name=family[:n] + family[n + 1 :] + separator + rest)


TYPING_ERRORS: dict[str, Callable[[TypedPatient, Random], TypedPatient]] = {
    "transposed-digits": _transposed_digits,
    "swapped-names": _swapped_names,
    "day-and-month": _day_and_month,
    "missing-letter": _missing_letter,
    "double-patient": _double_patient,
}
"""What goes wrong, by name."""


def mistyped(patient: TypedPatient, error: str, chance: Random) -> TypedPatient:
    """The patient with one of TYPING_ERRORS. Where there is nothing that it could do to, another one comes instead. Raises KeyError."""
    return TYPING_ERRORS[error](patient, chance)
