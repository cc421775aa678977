"""Queries and entries for tests of the worklist."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dimse.decode import decode
from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST, AssociationInfo, EncodedAnswers, FindRequest
from ris import clock
from ris.models import RequestedProcedure, ScheduledProcedureStep, Station
from tests.support.hospital import a_site, a_station, an_order, steps_of
from worklist import find, findings, projection, query
from worklist.find import Found
from worklist.findings import Observed
from worklist.query import Query
from worklist.scp import c_find


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


def a_find_request(asked: Dataset, cancelled_after: int = 1_000_000, remark: Callable[[str], None] = len) -> FindRequest:
    """A C-FIND as the SCP gets it; C-CANCEL is seen at the look after this many."""
    left = iter(range(cancelled_after))
    return FindRequest(
        association=AssociationInfo(uuid4(), "CT01", "STEPWISE", "127.0.0.1", 1),
        message_id=1,
        sop_class_uid=MODALITY_WORKLIST,
        transfer_syntax=EXPLICIT_VR_LITTLE_ENDIAN,
        raw=encode(asked, EXPLICIT_VR_LITTLE_ENDIAN),
        identifier=asked,
        is_cancelled=lambda: next(left, None) is None,
        remark=remark,
    )


def asked_over(asked: Dataset) -> tuple[int, list[Dataset]]:
    """Status and identifiers of the pending answers that the SCP gives, as they travel."""
    pending = list(_pending(asked))
    (status,) = {status for status, _ in pending}
    return status, [answer for _, answer in pending]


def answered(asked: Dataset) -> list[Dataset]:
    """The identifiers alone, which may be none."""
    return [answer for _, answer in _pending(asked)]


def _pending(asked: Dataset) -> Iterator[tuple[int, Dataset]]:
    for found in c_find(a_find_request(asked)):
        assert isinstance(found, EncodedAnswers)
        yield from ((found.status, decode(one, EXPLICIT_VR_LITTLE_ENDIAN).dataset) for one in found.identifiers)


def a_faulty_step() -> ScheduledProcedureStep:
    """Without a Study Instance UID, and with a name that its station cannot show."""
    Station.objects.filter(pk=a_station("CT01").pk).update(character_set="ISO_IR 100")
    step = steps_of(an_order(name="YAMADA^Tarō"))[0]
    RequestedProcedure.objects.filter(pk=step.requested_procedure_id).update(study_instance_uid="")
    projection.rebuild([step.pk])
    return step


def observed(step: ScheduledProcedureStep | None, code: str, attribute: str = "", minutes: int = 0) -> None:
    """Record a finding of CT01, `minutes` from now."""
    seen = clock.now(a_site()) + timedelta(minutes=minutes)
    about = {"site_id": a_site().pk, "station_ae_title": "CT01", "step_id": step.pk if step else None}
    findings.record([Observed(**about, code=code, attribute=attribute, text=f"text of {code}", seen=seen)])
