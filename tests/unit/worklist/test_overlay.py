"""What was received, laid over the columns without pydicom, is what pydicom makes of it, to the byte."""

import warnings
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.worklist.test_encoding import ANY, LATIN, ODD, bare
from worklist import item, keys, overlay, values
from worklist.item import Source
from worklist.overlay import Odd

JSON = dict[str, Any]
TEXT = st.one_of(LATIN, ANY, ODD)
DIGITS = st.from_regex(r"[+-]?[0-9]{1,5}(\.[0-9]{1,3})?", fullmatch=True)
NUMBERS = {"DS": DIGITS, "IS": st.integers(-99_999, 99_999).map(str), "UI": st.from_regex(r"[0-9.]{1,12}", fullmatch=True)}
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\="), min_size=1, max_size=12)
LETTERS = st.sampled_from(["Ärztin", "山田^太郎", "два\r\nряда", " padded "])
ANY_NAME = st.fixed_dictionaries({}, optional={group: st.one_of(LATIN, ODD) for group in ("Alphabetic", "Ideographic", "Phonetic")})
NAME = st.fixed_dictionaries({"Alphabetic": PLAIN | LETTERS.filter(str.isprintable)}, optional={"Ideographic": PLAIN, "Phonetic": PLAIN})
VRS = ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "US", "UT"]
LETTERED = ("LO", "LT", "SH", "ST", "UC", "UT")
OTHERS = [0x00080096, 0x00081030, 0x00081110, 0x00102180, 0x00104000, 0x00321070, 0x00380050, 0x0040A370, 0x00091010]


@st.composite
def elements(draw: Any, tags: list[int], depth: int = 0) -> JSON:
    chosen = draw(st.lists(st.sampled_from(tags), max_size=6, unique=True))
    return {f"{tag:08X}": draw(an_element(tag, depth)) for tag in chosen}


@st.composite
def an_element(draw: Any, tag: int, depth: int) -> JSON:
    known = {**keys.ROOT, **keys.STEP}.get(tag)
    vr = known.vr if known and draw(st.integers(0, 4)) else draw(st.sampled_from([*VRS, "SQ"] if depth < 2 else VRS))
    if draw(st.integers(0, 19)) == 0:
        return {"vr": vr}
    if vr == "SQ":
        return {"vr": vr, "Value": draw(st.lists(elements(OTHERS, depth + 1), min_size=1, max_size=2))}
    if vr == "US":
        return {"vr": vr, "Value": [draw(st.integers(0, 0xFFFF))]}
    of_vr = NAME if vr == "PN" else NUMBERS.get(vr, PLAIN | LETTERS if vr in LETTERED else PLAIN)
    if draw(st.integers(0, 39)) == 0:
        of_vr = ANY_NAME if vr == "PN" else TEXT
    return {"vr": vr, "Value": draw(st.lists(of_vr, min_size=1, max_size=1 if vr in ("LT", "ST", "UR", "UT") else 3))}


def in_step(received: JSON, inside: JSON) -> JSON:
    return {**received, f"{keys.STEP_SEQUENCE.tag:08X}": {"vr": "SQ", "Value": [inside]}}


def is_the_same(source: Source) -> bool:
    """Whether it was laid at all, and then as pydicom has it."""
    try:
        laid = overlay.lay(source)
    except Odd:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's opinions of the values
        dataset = item.build_from(source)
        assert laid.encode() == item.encode(dataset)
    for table, where in ((keys.ROOT, dataset), (keys.STEP, dataset.ScheduledProcedureStepSequence[0])):
        for key in table.values():
            if key.vr not in ("SQ", "US"):
                assert laid.texts(key) == values.texts(where.get(key.tag)), key.keyword
    return True


def a_source() -> Source:
    """Columns with something in each kind of them."""
    source = bare(
        scheduled_procedure_step_id="S1",
        description="Chest",
        modality="CT",
        protocol_codes=[{"code": "P1", "scheme": "99T", "meaning": "Routine"}],
        start=datetime(2026, 11, 23, 14, 30, tzinfo=UTC),
        performing_physician_name="ÄRZTIN^Ada",
        status="READY",
    )
    patient = source.patient
    patient.name, patient.patient_id, patient.weight_kg, patient.pregnancy_status = "MÜLLER^Jürgen=山田", "P1", Decimal("70.50"), 4
    patient.allergies = ["Latex", "Iodine"]
    return source


@settings(max_examples=40)
@given(elements([tag for tag in [*keys.ROOT, *OTHERS] if tag != keys.STEP_SEQUENCE.tag]), elements([*keys.STEP, *OTHERS]))
def test_bytes_and_texts_are_those_of_the_data_set(root: JSON, inside: JSON) -> None:
    source = a_source()
    source.step.received_item = in_step(root, inside) if inside else root
    is_the_same(source)


def test_what_imports_keep_is_laid_without_pydicom() -> None:
    source = a_source()
    code = {"00080100": {"vr": "SH", "Value": ["T-1"]}, "00080102": {"vr": "SH", "Value": ["SRT"]}}
    root = {
        "00081110": {"vr": "SQ", "Value": [{"00081150": {"vr": "UI", "Value": ["1.2.840"]}, "00081155": {"vr": "UI", "Value": ["1.2"]}}]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "VIVALDI^ANTONIO", "Phonetic": "x"}]},
        "00101030": {"vr": "DS", "Value": ["070.50"]},
        "001021C0": {"vr": "US", "Value": [2]},
        "00102110": {"vr": "LO"},
        "00104000": {"vr": "LT", "Value": ["Prete\r\nrosso \\ red"]},
        "00321064": {"vr": "SQ", "Value": [code, code]},
    }
    source.step.received_item = in_step(root, {"00400002": {"vr": "DA", "Value": ["20260230"]}, "00400020": {"vr": "CS", "Value": ["ODD"]}})
    assert is_the_same(source)


def test_what_is_odd_is_left_to_pydicom() -> None:
    source = a_source()
    odd: list[JSON] = [
        {"00091010": {"vr": "UN", "InlineBinary": "AAA="}},
        {"00101030": {"vr": "DS", "Value": [70.5]}},
        {"00081030": {"vr": "LO", "Value": ["a\\b"]}},
        {"00400001": {"vr": "AE", "Value": ["ÄRGER"]}},
        {"00080005": {"vr": "CS", "Value": ["ISO_IR 100"]}},
        {"00321064": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH"}}]}},
        {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A=B"}]}},
    ]
    for received in odd:
        source.step.received_item = received
        with pytest.raises(Odd):
            overlay.lay(source)
