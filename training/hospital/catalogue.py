"""The demo hospital's catalogue: forty procedures, two of them in two steps. Codes and protocols are its own scheme."""

from decimal import Decimal

from ris.actions.catalogue import ProcedureData, StepData

SCHEME = "99STEPWISE"
_CONTRAST = "Iodinated contrast 350 mg/ml"
_GADOLINIUM = "Gadolinium chelate 0.5 mmol/ml"


def _step(
    code: str, position: int, description: str, modality: str, minutes: int, pre_medication: str = "", contrast: str = ""
) -> StepData:
    return StepData(
        description=description,
        modality=modality,
        duration_minutes=minutes,
        protocol_code=f"P-{code}-{position}",
        protocol_scheme=SCHEME,
        protocol_meaning=f"{description} protocol",
        pre_medication=pre_medication,
        requested_contrast_agent=contrast,
    )


def _one(
    code: str, meaning: str, modality: str, minutes: int, price: int, *, laterality: str = "", before: str = "", contrast: str = ""
) -> ProcedureData:
    step = _step(code, 1, meaning, modality, minutes, before, contrast)
    return ProcedureData(code, SCHEME, meaning, (step,), Decimal(price), laterality)


def _two(code: str, meaning: str, price: int, first: tuple[str, str, int], second: tuple[str, str, int]) -> ProcedureData:
    steps = (_step(code, 1, *first), _step(code, 2, *second))
    return ProcedureData(code, SCHEME, meaning, steps, Decimal(price))


PROCEDURES = (
    _one("CTHEAD", "CT head without contrast", "CT", 15, 240),
    _one("CTCHEST", "CT chest with contrast", "CT", 20, 380, contrast=_CONTRAST),
    _one("CTABDPEL", "CT abdomen and pelvis", "CT", 30, 460, before="Oral contrast 60 min before", contrast=_CONTRAST),
    _one("CTPE", "CT pulmonary angiography", "CT", 20, 420, contrast=_CONTRAST),
    _one("CTSPINEL", "CT lumbar spine", "CT", 15, 310),
    _one("CTSINUS", "CT paranasal sinuses", "CT", 10, 210),
    _one("CTCOLON", "CT colonography", "CT", 45, 520, before="Bowel preparation the day before"),
    _one("MRBRAIN", "MR brain", "MR", 30, 610),
    _one("MRBRAINC", "MR brain with contrast", "MR", 45, 740, contrast=_GADOLINIUM),
    _one("MRSPINEL", "MR lumbar spine", "MR", 30, 620),
    _one("MRKNEER", "MR right knee", "MR", 30, 590, laterality="R"),
    _one("MRKNEEL", "MR left knee", "MR", 30, 590, laterality="L"),
    _one("MRCP", "MR cholangiopancreatography", "MR", 30, 680, before="Nothing by mouth for 4 h"),
    _one("USABD", "Ultrasound abdomen", "US", 20, 150, before="Nothing by mouth for 6 h"),
    _one("USTHYR", "Ultrasound thyroid", "US", 15, 120),
    _one("USRENAL", "Ultrasound kidneys and bladder", "US", 20, 140),
    _one("USDVTR", "Ultrasound veins right leg", "US", 20, 165, laterality="R"),
    _one("USOBS", "Ultrasound obstetric", "US", 30, 180),
    _one("XRCHEST", "X-ray chest two views", "DX", 10, 65),
    _one("XRHANDL", "X-ray left hand", "DX", 10, 55, laterality="L"),
    _one("XRANKLER", "X-ray right ankle", "DX", 10, 55, laterality="R"),
    _one("XRKNEEB", "X-ray both knees", "DX", 10, 75, laterality="B"),
    _one("XRHIP", "X-ray pelvis and hips", "DX", 10, 70),
    _one("XRABD", "X-ray abdomen", "DX", 10, 60),
    _one("MGSCREEN", "Mammography screening", "MG", 15, 130, laterality="B"),
    _one("MGDIAG", "Mammography diagnostic", "MG", 20, 175, laterality="B"),
    _one("MGTOMO", "Breast tomosynthesis", "MG", 20, 220, laterality="B"),
    _two("MGUSL", "Left breast work-up", 310, ("Mammography left breast", "MG", 20), ("Ultrasound left breast", "US", 20)),
    _one("RFSWALLOW", "Barium swallow", "RF", 20, 190),
    _one("RFUGI", "Upper gastrointestinal series", "RF", 30, 240, before="Nothing by mouth for 6 h"),
    _one("RFENEMA", "Barium enema", "RF", 45, 280, before="Bowel preparation the day before"),
    _one("RFHSG", "Hysterosalpingography", "RF", 30, 260),
    _two("NMBONE", "Bone scan", 540, ("Inject Tc-99m MDP", "NM", 10), ("Whole body bone scan", "NM", 40)),
    _one("NMMYO", "Myocardial perfusion at rest", "NM", 40, 560),
    _one("NMTHYR", "Thyroid scintigraphy", "NM", 30, 320),
    _one("NMRENO", "Dynamic renal scintigraphy", "NM", 45, 410),
    _one("NMLUNG", "Lung perfusion scintigraphy", "NM", 30, 360),
    _one("XACORO", "Coronary angiography", "XA", 60, 2100, contrast=_CONTRAST),
    _one("XALEG", "Angiography of the legs", "XA", 60, 1850, contrast=_CONTRAST),
    _one("XAPICC", "PICC line placement", "XA", 30, 690),
)
