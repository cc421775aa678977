"""A plan says of any item what the answer by objects says, to the byte."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dimse.decode import decode
from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, TRANSFER_SYNTAXES
from tests.support.worklist import asking, identifier
from worklist import answers, item, keys, query
from worklist.keys import Key
from worklist.plans import Misfit, Plan
from worklist.scope import EVERYTHING, Scope

SETS = (
    ("ISO_IR 192",),
    ("ISO_IR 100",),
    ("ISO_IR 144",),
    ("GB18030",),
    ("ISO_IR 13",),
    ("", "ISO 2022 IR 87"),
    ("ISO 2022 IR 100", "ISO 2022 IR 144"),
    ("ISO 2022 IR 13", "ISO 2022 IR 87", "ISO 2022 IR 159"),
    ("GBK",),
    ("ISO_IR 6",),
    ("NO SET",),
    (),
)
TEXT = st.one_of(
    st.text("ABCxyz019 ^-.", max_size=9),
    st.text("Müöß^ ", max_size=6),
    st.text("山田ﾔﾏ^=", max_size=5),
    st.text("Жук^", max_size=5),
    st.sampled_from(["x" * 300, "ü" * 130, "A\nB", "\t"]),
).map(lambda text: text.strip(" ^="))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "DA": st.sampled_from(["20260706", "20260230"]),
    "TM": st.sampled_from(["0800", "081530.5"]),
    "DT": st.just("20260706081530"),
    "UI": st.sampled_from(["1.2.3", "1.2.34"]),
    "US": st.integers(0, 0xFFFF),
    "DS": st.sampled_from(["70.50", "1E2", "-3"]),
    "IS": st.sampled_from(["7", "-12"]),
    "AE": st.sampled_from(["CT01", ["CT01", "MR1"]]),
    "CS": st.sampled_from(["CT", "SCHEDULED", ["A", "BC"]]),
    "AS": st.just("045Y"),
    "UR": st.just("urn:oid:1.2.3"),
}


def an_element(key: Key, depth: int) -> st.SearchStrategy[DataElement]:
    one: st.SearchStrategy[Any] = st.one_of(VALUES.get(key.vr, TEXT), st.none())
    values = st.lists(a_dataset(key.children, depth + 1), max_size=2) if key.vr == "SQ" else one
    return values.map(lambda value: DataElement(key.tag, key.vr, value, validation_mode=IGNORE))


def a_dataset(table: tuple[Key, ...], depth: int = 0) -> st.SearchStrategy[Dataset]:
    """Some elements of the table; of what nests deeper than items have, nothing."""
    chosen = st.lists(st.sampled_from(table), unique=True, max_size=8 if depth == 0 else 4) if table and depth < 4 else st.just([])
    elements = chosen.flatmap(lambda some: st.tuples(*(an_element(key, depth) for key in some)))
    return elements.map(lambda some: Dataset({element.tag: element for element in some}))


ROOT = tuple(key for key in keys.ROOT.values() if key is not keys.STEP_SEQUENCE)
ITEMS = st.tuples(a_dataset(ROOT), st.lists(a_dataset(tuple(keys.STEP.values())), max_size=2))


def an_item(root: Dataset, steps: list[Dataset]) -> bytes:
    root.ScheduledProcedureStepSequence = steps
    return item.encode(root)


def asked_of(key: Key) -> st.SearchStrategy[DataElement]:
    empty = st.just(DataElement(key.tag, key.vr, [] if key.vr == "SQ" else None))
    if key.vr != "SQ" or not key.children:
        return empty
    return st.one_of(empty, a_query(key.children).map(lambda inside: DataElement(key.tag, "SQ", [inside])))


def a_query(table: tuple[Key, ...]) -> st.SearchStrategy[Dataset]:
    asked = st.lists(st.sampled_from(table), unique=True, max_size=12).flatmap(lambda some: st.tuples(*map(asked_of, some)))
    return asked.map(lambda some: Dataset({element.tag: element for element in some}))


WITH_STEP = asked_of(keys.STEP_SEQUENCE).map(lambda one: Dataset({one.tag: one}))
QUERIES = st.one_of(a_query(ROOT), a_query((*ROOT, keys.STEP_SEQUENCE)), WITH_STEP)


@settings(max_examples=120)
@given(
    parts=ITEMS,
    asked=QUERIES,
    preferred=st.sampled_from(SETS),
    transfer_syntax=st.sampled_from(TRANSFER_SYNTAXES),
    scope=st.sampled_from([EVERYTHING, Scope(empty_sequences=True)]),
)
@example((Dataset(), []), identifier({}), (), IMPLICIT_VR_LITTLE_ENDIAN, EVERYTHING)
def test_a_plan_agrees_with_the_answer_by_objects(
    parts: tuple[Dataset, list[Dataset]], asked: Dataset, preferred: tuple[str, ...], transfer_syntax: str, scope: Scope
) -> None:
    encoded, wanted = an_item(*parts), query.parse(asked).under(scope)
    expected = encode(answers.compose(wanted, item.decode(encoded), preferred), transfer_syntax)
    plan = Plan(wanted, transfer_syntax, preferred)
    got = plan.compose(encoded)
    assert got == expected, f"{decode(got, transfer_syntax).dataset}\n--- by objects:\n{decode(expected, transfer_syntax).dataset}"
    lacking = answers.misfits(answers.compose(wanted, item.decode(encoded), preferred), plan.character_set)
    assert {one.attribute: one.characters for one in plan.misfits(encoded)} == lacking


@pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES)
def test_what_does_not_fit_is_told_by_attribute_and_character(transfer_syntax: str) -> None:
    encoded = item.encode(identifier({"ScheduledPerformingPhysicianName": "山^Ő"}, PatientName="MÜLLER^山=山田", PatientComments="łé"))
    plan = Plan(asking({"ScheduledPerformingPhysicianName": ""}, PatientName="", PatientID=""), transfer_syntax, ("ISO_IR 100",))
    assert decode(plan.compose(encoded), transfer_syntax).dataset.SpecificCharacterSet == "ISO_IR 192"
    assert plan.misfits(encoded) == (
        Misfit("PatientName", "山田"),
        Misfit("ScheduledProcedureStepSequence.ScheduledPerformingPhysicianName", "山Ő"),
    )


def answered(transfer_syntax: str, preferred: tuple[str, ...] = (), **root: Any) -> Dataset:
    encoded = item.encode(identifier({"Modality": "CT"}, **root))
    plan = Plan(asking({"Modality": ""}, **dict.fromkeys(root, "")), transfer_syntax, preferred)
    return decode(plan.compose(encoded), transfer_syntax).dataset


@pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES)
def test_text_is_written_in_the_preferred_set_and_declared(transfer_syntax: str) -> None:
    answer = answered(transfer_syntax, ("ISO_IR 100",), PatientName="MÜLLER^Jörg", PatientID="P1")
    assert answer.SpecificCharacterSet == "ISO_IR 100"
    assert answer.PatientName == "MÜLLER^Jörg"
    assert answer.ScheduledProcedureStepSequence[0].Modality == "CT"


@pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES)
def test_text_that_does_not_fit_is_written_in_utf_8(transfer_syntax: str) -> None:
    answer = answered(transfer_syntax, ("ISO_IR 100",), PatientName="山田^太郎")
    assert (answer.SpecificCharacterSet, answer.PatientName) == ("ISO_IR 192", "山田^太郎")


def test_a_text_of_many_bytes_keeps_its_length(transfer_syntax: str = EXPLICIT_VR_LITTLE_ENDIAN) -> None:
    assert answered(transfer_syntax, PatientComments="x" * 9000).PatientComments == "x" * 9000


def test_a_sequence_whose_items_are_matched_comes_back_with_those_that_match() -> None:
    codes = [identifier(CodeValue=value, CodeMeaning=value.lower()) for value in ("P1", "P2")]
    encoded = item.encode(identifier({"ScheduledProtocolCodeSequence": codes}))
    asked = asking({"ScheduledProtocolCodeSequence": [identifier(CodeValue="P2", CodeMeaning="")]})
    got = decode(Plan(asked, IMPLICIT_VR_LITTLE_ENDIAN, ()).compose(encoded), IMPLICIT_VR_LITTLE_ENDIAN).dataset
    assert [one.CodeMeaning for one in got.ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence] == ["p2"]
