"""Why an exam is asked for, by whom and from where: by the words of the procedure, and by whom it is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from training.load.wording import matching

GROWN_UP = 16
"""Years; who is younger is a child."""

_GENERAL = ("Internal medicine", "Family practice", "Surgery", "Oncology")


@dataclass(frozen=True)
class Referral:
    """Reasons of planned exams, of emergencies and of those of children (none: as of adults), and the services that ask."""

    planned: tuple[str, ...]
    urgent: tuple[str, ...]
    children: tuple[str, ...] = ()
    services: tuple[str, ...] = _GENERAL


_BONES = ("Orthopedics", "Family practice", "Surgery", "Rheumatology")
_BELLY = ("Internal medicine", "Gastroenterology", "Surgery", "Family practice")
_CHEST = ("Internal medicine", "Pulmonology", "Oncology", "Family practice")
_HEART = ("Cardiology", "Internal medicine")
_HEAD = ("Neurology", "Internal medicine", "Family practice")
_KIDNEYS = ("Urology", "Internal medicine", "Family practice")
_WOMEN = ("Gynecology",)
_BREAST = ("Gynecology", "Oncology", "Family practice")
_VESSELS = ("Internal medicine", "Surgery", "Cardiology")

_BY_WORD: tuple[tuple[tuple[str, ...], Referral], ...] = (
    (
        ("obstetric", "pregnan", "fetal"),
        Referral(("Dating", "Growth of the fetus", "Position of the placenta"), ("Bleeding in pregnancy",), services=_WOMEN),
    ),
    (("hysterosalping",), Referral(("Infertility work-up",), ("Infertility work-up",), services=_WOMEN)),
    (
        ("prostat", "scrot", "testic"),
        Referral(("Raised PSA", "Follow-up of the prostate"), ("Sudden pain of a testicle",), services=("Urology",)),
    ),
    (
        ("mammo", "breast", "tomosynthesis"),
        Referral(
            ("Palpable lump", "Recall from screening", "Family history", "Follow-up after breast surgery"),
            ("Abscess of the breast",),
            services=_BREAST,
        ),
    ),
    (
        ("swallow", "esophag", "oesophag"),
        Referral(("Trouble swallowing", "Reflux", "Lump in the throat"), ("Food stuck in the throat",), services=_BELLY),
    ),
    (("upper gastro",), Referral(("Reflux", "Fullness after meals", "After stomach surgery"), ("Vomiting without end",), services=_BELLY)),
    (
        ("enema", "colon"),
        Referral(("Change of bowel habit", "Blood in the stool", "Colonoscopy not complete"), ("Suspected ileus",), services=_BELLY),
    ),
    (
        ("cholangio", "mrcp"),
        Referral(("Jaundice", "Wide bile duct on ultrasound", "Raised liver enzymes"), ("Jaundice and fever",), services=_BELLY),
    ),
    (
        ("coronary", "myocard", "cardiac", "heart"),
        Referral(("Chest pain on effort", "Before valve surgery", "Weak heart"), ("Chest pain at rest",), services=_HEART),
    ),
    (
        ("pulmonary", "lung perfusion"),
        Referral(("Shortness of breath, D-dimer raised", "Follow-up after embolism"), ("Suspected embolism",), services=_CHEST),
    ),
    (
        ("angiography of the leg", "veins", "leg "),
        Referral(("Swollen leg", "Varicose veins", "Pain when walking"), ("Swollen leg, suspected thrombosis",), services=_VESSELS),
    ),
    (
        ("picc", "line placement", "port "),
        Referral(("Long course of antibiotics", "Chemotherapy"), ("No vein can be found",), services=("Internal medicine", "Oncology")),
    ),
    (
        ("sinus",),
        Referral(
            ("Blocked nose for months", "Before sinus surgery"),
            ("Swollen eye with sinusitis",),
            ("Blocked nose for months",),
            ("Family practice", "Surgery"),
        ),
    ),
    (
        ("head", "brain", "skull"),
        Referral(
            ("Headache for weeks", "New seizures", "Dizziness", "Loss of memory"),
            ("Headache after a fall", "Suspected stroke"),
            ("Headache after a fall", "New seizures"),
            _HEAD,
        ),
    ),
    (
        ("spine", "lumbar", "cervical", "sacr"),
        Referral(
            ("Back pain for months", "Before spinal surgery", "Numb leg"),
            ("Back pain with weakness of a leg", "Back pain after a fall"),
            ("Crooked spine", "Back pain after a fall"),
            ("Orthopedics", "Neurology", "Family practice"),
        ),
    ),
    (
        ("knee",),
        Referral(
            ("Knee locks after twisting", "Worn knee", "Before knee surgery"),
            ("Knee swollen after a fall",),
            ("Knee locks after twisting",),
            _BONES,
        ),
    ),
    (
        ("hip", "hips"),
        Referral(
            ("Hip pain when walking", "Control after hip replacement"),
            ("Hip pain after a fall", "Leg shortened after a fall"),
            ("Limping child",),
            _BONES,
        ),
    ),
    (
        ("hand", "wrist", "finger", "ankle", "foot", "toe", "elbow", "shoulder", "forearm", "femur", "arm "),
        Referral(
            ("Joint pain", "Control after cast"),
            ("Pain after a fall", "Swollen after a twist"),
            ("Fell at play", "Control after cast"),
            _BONES,
        ),
    ),
    (
        ("bone scan",),
        Referral(("Bone pain, known tumor", "Staging"), ("Bone pain, known tumor",), services=("Oncology", "Urology", "Rheumatology")),
    ),
    (
        ("bone density", "densitometr", "dxa"),
        Referral(("Suspected osteoporosis", "Control under therapy"), ("Suspected osteoporosis",), services=_BONES),
    ),
    (
        ("thyroid",),
        Referral(
            ("Overactive thyroid", "Nodule of the thyroid", "Goiter"),
            ("Swollen neck",),
            ("Swollen neck",),
            ("Internal medicine", "Family practice"),
        ),
    ),
    (
        ("kidney", "renal", "bladder", "urin"),
        Referral(
            ("Follow-up of kidney stones", "Raised creatinine", "Blood in the urine"),
            ("Colic of the flank",),
            ("Infections of the urine again and again",),
            _KIDNEYS,
        ),
    ),
    (
        ("chest", "thorax", "lung"),
        Referral(
            ("Cough for weeks", "Before surgery", "Follow-up of a lung nodule"),
            ("Cough and fever", "Shortness of breath", "Chest pain after a fall"),
            ("Cough and fever",),
            _CHEST,
        ),
    ),
    (
        ("abdom", "liver", "pelvis", "gall"),
        Referral(
            ("Abdominal pain for weeks", "Right upper quadrant pain", "Raised liver enzymes", "Loss of weight"),
            ("Acute abdominal pain", "Suspected ileus"),
            ("Abdominal pain", "Suspected appendicitis"),
            _BELLY,
        ),
    ),
    (("pet ", "pet/", "whole body"), Referral(("Staging", "Control after chemotherapy"), ("Staging",), services=("Oncology",))),
    (("pediatric", "paediatric", "child", "infant"), Referral(("Failure to thrive", "Follow-up"), ("Fever without a cause",))),
)
"""By a word of the procedure's meaning; the first that is found counts."""
_ANY = Referral(("Follow-up", "Unclear finding", "Before surgery"), ("Acute pain", "After an accident"))
_SCREENING = Referral(("Screening",), ("Screening",), services=("Gynecology", "Family practice"))

EMERGENCY = "Emergency department"
_NEVER_INPATIENTS = ("Family practice",)
_ALSO_CHILDREN = ("Family practice", "Orthopedics", "Surgery", "Neurology")

_WARDS = tuple(f"{floor} {wing} {bed:02d}" for floor in (2, 3, 4, 5) for wing in ("North", "East", "South", "West") for bed in range(1, 25))
_INTENSIVE = tuple(f"ICU {bed:02d}" for bed in range(1, 17))
_CHILDREN = tuple(f"Pediatric ward {bed:02d}" for bed in range(1, 25))
_EMERGENCY_ROOMS = tuple(f"Emergency {room:02d}" for room in range(1, 19))
_CLINICS = ("Clinic A", "Clinic B", "Day clinic")
_CLINIC_OF = {
    "Oncology": "Oncology clinic", "Orthopedics": "Fracture clinic", "Cardiology": "Heart clinic", "Gynecology": "Women's clinic",
    "Pediatrics": "Children's clinic",
}  # fmt: skip


def referral(meaning: str) -> Referral:
    """Who asks for a procedure and why, by the words of its meaning."""
    if matching(meaning, ("screening",)) and matching(meaning, ("mammo", "breast")):
        return _SCREENING
    return next((one for words, one in _BY_WORD if matching(meaning, words)), _ANY)


def reason(asked: Referral, age: int, urgent: bool, chance: Random) -> str:
    if age < GROWN_UP and asked.children:
        return chance.choice(asked.children)
    return chance.choice(asked.urgent if urgent else asked.planned)


def service(asked: Referral, sex: str, age: int, patient_class: str, chance: Random) -> str:
    """The requesting service: of children mostly Pediatrics, Gynecology of women only, Family practice not of inpatients."""
    if patient_class == "E":
        return EMERGENCY
    found: Sequence[str] = [one for one in asked.services if sex == "F" or one != "Gynecology"]
    if patient_class == "I":
        if age >= GROWN_UP and chance.random() < 0.06:
            return "Intensive care"
        found = [one for one in found if one not in _NEVER_INPATIENTS]
    if age < GROWN_UP:
        found = [one for one in found if one in _ALSO_CHILDREN] + ["Pediatrics"] * 3
    return chance.choice(found or ["Internal medicine"])


def place(requesting_service: str, age: int, patient_class: str, chance: Random) -> str:
    """Where the patient of a visit is; empty for somebody who comes from home."""
    if patient_class == "E":
        return chance.choice(_EMERGENCY_ROOMS)
    if patient_class == "I":
        return chance.choice(_INTENSIVE if requesting_service == "Intensive care" else _WARDS if age >= GROWN_UP else _CHILDREN)
    if patient_class == "O":
        if age < GROWN_UP:
            return _CLINIC_OF["Pediatrics"]
        return chance.choice((*_CLINICS, _CLINIC_OF[requesting_service]) if requesting_service in _CLINIC_OF else _CLINICS)
    return ""
