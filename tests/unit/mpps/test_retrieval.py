"""PS3.4 Table F.8.2-1 as data, and the data set that is put together again from what was kept."""

from random import Random

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

from dimse import statuses
from dimse.decode import UndecodableDataSet, decode
from dimse.encode import encode
from dimse.services import TRANSFER_SYNTAXES
from mpps import attributes, datasets, retrieval
from tests.support import odd_datasets
from tests.support.mpps import a_create, a_series

pytestmark = pytest.mark.django_db


def test_every_row_agrees_with_the_data_dictionary_and_with_the_table_of_n_create() -> None:
    for row in retrieval.rows():
        tag = tag_for_keyword(row.path.rpartition(".")[2])
        assert tag == int(row.tag, 16), row
        assert dictionary_VR(tag) == row.vr, row
        assert attributes.row(row.path).tag == row.tag
        assert row.scp in ("1", "1C", "2", "3"), row
    assert len(retrieval.rows()) == 83


def test_only_top_level_attributes_can_be_asked_for() -> None:
    for row in retrieval.rows():
        assert (row.scu == "-") <= ("." in row.path), row


def test_a_lenient_station_s_step_lacks_what_must_have_a_value() -> None:
    stored = datasets.from_dataset(a_create(PerformedProcedureStepID=None))
    got = retrieval.select(stored, [0x00400253, 0x00380010])
    assert (got.status, got.left_out, got.attributes) == (statuses.ATTRIBUTE_LIST_ERROR, (0x00400253,), {})


def test_items_are_completed_too() -> None:
    item = a_series(PerformingPhysicianName=None, ReferencedNonImageCompositeSOPInstanceSequence=None)
    stored = datasets.from_dataset(a_create(PerformedSeriesSequence=[item]))
    (got,) = datasets.items(retrieval.select(stored, ()).attributes, "PerformedSeriesSequence")
    assert got[datasets.tag("PerformingPhysicianName")] == {"vr": "PN"}
    assert got[datasets.tag("ReferencedNonImageCompositeSOPInstanceSequence")] == {"vr": "SQ"}


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_a_data_set_put_together_again_says_the_same(syntax: str) -> None:
    whole = odd_datasets.elements_of(a_create(PerformedSeriesSequence=[a_series()]))
    seen = 0
    for seed in range(120):
        sent = odd_datasets.encoded(odd_datasets.spoiled(whole, Random(seed)), syntax)
        try:
            kept = datasets.from_dataset(decode(sent, syntax).dataset)
        except UndecodableDataSet:
            continue
        seen += 1
        dataset = datasets.whole(kept)
        dataset.SpecificCharacterSet = "ISO_IR 192"
        again = datasets.from_dataset(decode(encode(dataset, syntax), syntax).dataset)
        assert said(again) == said(kept), seed
    assert seen > 60


def said(elements: datasets.Json) -> dict[str, object]:
    """What a data set says: the VR of an empty or odd value is how it was written, and not part of it."""
    return {
        key: [said(item) for item in element.get("Value", [])]
        if element["vr"] == "SQ"
        else element.get("InlineBinary") or datasets.joined(element)
        for key, element in elements.items()
        if key != datasets.tag("SpecificCharacterSet")
    }
