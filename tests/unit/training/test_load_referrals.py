"""Why the exams of a load are asked for, by whom and from where."""

from random import Random

import pytest

from training.hospital.catalogue import PROCEDURES
from training.load import department, referrals

CLASSES = ("E", "I", "O", "")


def drawn(meaning: str, *, urgent: bool = False, age: int = 50, count: int = 200) -> set[str]:
    chance, asked = Random(1), referrals.referral(meaning)
    return {referrals.reason(asked, age, urgent, chance) for _ in range(count)}


@pytest.mark.parametrize(
    ("meaning", "has", "never"),
    [
        ("Barium swallow", "Trouble swallowing", "Infertility work-up"),
        ("Hysterosalpingography", "Infertility work-up", "Reflux"),
        ("MR right knee", "Worn knee", "Jaundice"),
        ("MR cholangiopancreatography", "Jaundice", "Knee locks after twisting"),
        ("PICC line placement", "Chemotherapy", "Chest pain at rest"),
        ("Mammography screening", "Screening", "Palpable lump"),
        ("Mammography diagnostic", "Palpable lump", "Screening"),
        ("Thyroid scintigraphy", "Overactive thyroid", "Bone pain, known tumor"),
        ("Ultrasound veins right leg", "Swollen leg", "Raised liver enzymes"),
        ("Something new", "Follow-up", "Jaundice"),
    ],
)
def test_the_reason_suits_the_procedure(meaning: str, has: str, never: str) -> None:
    assert has in drawn(meaning)
    assert never not in drawn(meaning) | drawn(meaning, urgent=True) | drawn(meaning, age=5)


def test_every_procedure_of_the_demo_has_reasons_of_its_own() -> None:
    assert [one.meaning for one in PROCEDURES if referrals.referral(one.meaning) is referrals.referral("")] == []


def test_services_and_places_suit_thousands_of_patients() -> None:
    chance = Random(1)
    for number in range(6000):
        procedure = PROCEDURES[number % len(PROCEDURES)]
        suits = department.suits(procedure.meaning, procedure.steps[0].modality)
        sex, kind = suits.sex(chance), chance.choice(CLASSES)
        age = chance.randint(0, 15) if chance.random() < suits.children else chance.randint(suits.youngest, suits.oldest)
        service = referrals.service(referrals.referral(procedure.meaning), sex, age, kind, chance)
        place = referrals.place(service, age, kind, chance)
        case = (procedure.meaning, sex, age, kind, service, place)
        assert service != "Pediatrics" or age < 16, case
        assert service != "Gynecology" or (sex == "F" and age >= 16), case
        assert ("Women" in place) <= (sex == "F" and age >= 16), case
        assert ("Pediatric" in place or "Children" in place) == (age < 16 and kind in ("I", "O")), case
        assert (service == "Emergency department") == (kind == "E") == place.startswith("Emergency"), case
        assert place.startswith("ICU") == (service == "Intensive care") and (service != "Intensive care" or kind == "I"), case
        assert bool(place) == bool(kind), case
        assert kind != "I" or service != "Family practice", case
