"""Which patient has which exam: nobody gets one that makes no sense for their sex and age."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from random import Random

from ris.models import Patient


@dataclass(frozen=True)
class Suits:
    """Whom an exam is for: sex (empty: anybody), age in years from and to."""

    sex: str = ""
    youngest: int = 0
    oldest: int = 120

    def __call__(self, patient: Patient, today: date) -> bool:
        born = patient.birth_date or today
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        return self.sex in ("", patient.sex) and self.youngest <= age <= self.oldest


_BY_PROCEDURE = {
    "USOBS": Suits("F", 18, 45),
    "RFHSG": Suits("F", 20, 45),
    "MGSCREEN": Suits("F", 50, 75),
    "CTCOLON": Suits(youngest=45),
    "NMBONE": Suits(youngest=35),
    "NMMYO": Suits(youngest=35),
    "XAPICC": Suits(youngest=16),
}
_BY_MODALITY = {"MG": Suits("F", 35), "XA": Suits(youngest=45), "NM": Suits(youngest=18), "CT": Suits(youngest=12)}
_ANYBODY = Suits()


class Cast:
    """The patients in a drawn order; each is given out once before anybody is given out again."""

    def __init__(self, patients: Iterable[Patient], today: date, chance: Random) -> None:
        self._everybody = list(patients)
        self._today = today
        self._chance = chance
        self._queue: list[Patient] = []

    def take(self, procedure_code: str, modality: str) -> Patient:
        """The next patient whom the exam suits. Raises LookupError when it suits nobody."""
        suits = _BY_PROCEDURE.get(procedure_code) or _BY_MODALITY.get(modality, _ANYBODY)
        for _ in range(2):
            for patient in self._queue:
                if suits(patient, self._today):
                    self._queue.remove(patient)
                    return patient
            rest = [patient for patient in self._everybody if patient not in self._queue]
            self._queue += self._chance.sample(rest, len(rest))
        raise LookupError(f"none of {len(self._everybody)} patients is one for {procedure_code}")
