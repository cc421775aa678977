"""Who comes without an appointment, and what is typed of them."""

from collections.abc import Sequence
from random import Random

from training.day.story import Patient
from training.typed import TYPING_ERRORS, TypedPatient, mistyped

_STRANGERS = (
    "ADEYEMI^Grace",
    "BERGER^Anton",
    "CASTILLO^Inés",
    "DVOŘÁK^Petr",
    "EASTWOOD^Joan",
    "FAROOQ^Imran",
    "GRECO^Lucia",
    "HANSEN^Nils",
)
_STRANGER, _MISTAKE = 0.4, 0.7


def typed(known: Sequence[Patient], modality: str, chance: Random) -> TypedPatient:
    """A stranger of whom only the name is typed, or somebody whom the hospital knows, mostly with a mistake."""
    description = f"{modality} emergency"
    if not known or chance.random() < _STRANGER:
        return TypedPatient(chance.choice(_STRANGERS), description=description)
    one = chance.choice(known)
    right = TypedPatient(one.name, one.patient_id, one.birth_date, one.sex, description=description)
    return mistyped(right, chance.choice(list(TYPING_ERRORS)), chance) if chance.random() < _MISTAKE else right
