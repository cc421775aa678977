"""What is kept of a message whatever becomes of it, and what lists read out of data sets; on both databases."""

from collections.abc import Iterator

import pytest

from dimse import statuses
from dimse.services import Verb
from dimse.uids import new_uid
from mpps import actions, presenters, queries
from mpps.errors import Refused
from mpps.events import PerformedStepEnded
from mpps.models import MppsMessage, PerformedProcedureStep
from ris import events
from tests.support.hospital import a_site
from tests.support.mpps import a_create, an_end, received

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def crashing() -> Iterator[None]:
    """A room above that fails when a performed step ends."""

    def crash(event: PerformedStepEnded) -> None:
        raise RuntimeError("the room above fell over")

    events.subscribe(PerformedStepEnded, crash)
    yield
    events._subscribers[PerformedStepEnded].remove(crash)


def test_message_whose_handling_crashed_is_kept_with_the_status_that_answered_it(crashing: None) -> None:
    uid = new_uid()
    actions.n_create(received(Verb.N_CREATE, uid, a_create()))
    with pytest.raises(RuntimeError):
        actions.n_set(received(Verb.N_SET, uid, an_end()))
    performed = PerformedProcedureStep.objects.get()
    assert performed.status == "IN PROGRESS"
    kept = performed.messages.get(verb="N-SET")
    assert (kept.status, kept.error_comment) == (statuses.PROCESSING_FAILURE, "Internal error (RuntimeError)")
    assert kept.dataset["00400252"]["Value"] == ["COMPLETED"]


@pytest.mark.parametrize("verb", [Verb.N_CREATE, Verb.N_SET])
def test_uid_with_a_nul_inside_is_refused_and_its_message_kept(verb: Verb) -> None:
    a_site()
    with pytest.raises(Refused) as refused:
        (actions.n_create if verb == Verb.N_CREATE else actions.n_set)(received(verb, "1.2\x003", a_create()))
    assert refused.value.status == statuses.INVALID_SOP_INSTANCE
    kept = MppsMessage.objects.get()
    assert (kept.sop_instance_uid, kept.status, kept.performed_step) == ("1.23", statuses.INVALID_SOP_INSTANCE, None)
    assert not PerformedProcedureStep.objects.exists()


def test_list_shows_the_dose_without_its_data_set() -> None:
    uids = [new_uid() for _ in range(4)]
    ct, wordy = "DLP 612.4 mGy.cm, CTDIvol 11.2 mGy", "measured by the technologist with a ruler and noted here at length"
    for uid, dose in zip(
        uids, ({"EntranceDoseInmGy": "3.5"}, {}, {"CommentsOnRadiationDose": ct}, {"CommentsOnRadiationDose": wordy}), strict=True
    ):
        actions.n_create(received(Verb.N_CREATE, uid, a_create(**dose)))
    listed = {one.sop_instance_uid: presenters.dose(one) for one in queries.listed(queries.performed_steps(a_site()))}
    assert listed == dict(zip(uids, ("3.5 mGy entrance", "", ct, "measured by the technologist with a ruler and…"), strict=True))
