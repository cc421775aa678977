"""Queries and entries for tests of the worklist."""

from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from tests.support.hospital import a_site
from worklist import find, query
from worklist.find import Found
from worklist.query import Query


def identifier(step: dict[str, Any] | None = None, **root: Any) -> Dataset:
    """A C-FIND identifier with these root-level keys and, when `step` is given, these keys in the step sequence."""
    dataset = _dataset(root)
    if step is not None:
        dataset.ScheduledProcedureStepSequence = [_dataset(step)]
    return dataset


def _dataset(values: dict[str, Any]) -> Dataset:
    """Values as they are, legal or not: what modalities send is for the worklist to judge."""
    dataset = Dataset()
    for keyword, value in values.items():
        dataset.add(DataElement(keyword, dictionary_VR(keyword), value, validation_mode=IGNORE))
    return dataset


def asking(step: dict[str, Any] | None = None, **root: Any) -> Query:
    return query.parse(identifier(step, **root))


def found(asked: Query) -> list[Found]:
    """What answers the query at the tests' site, in order."""
    return [one for page in find.find(a_site(), asked) for one in page]
