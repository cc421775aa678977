"""What one exam asks of the database: messages are answered when they are durable, so that each statement is waited for."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from billing.models import Charge
from dimse.services import Verb
from dimse.uids import new_uid
from mpps import actions
from ris import profiles
from ris.models import ScheduledProcedureStep
from tests.support.hospital import a_site, an_order, steps_of
from tests.support.mpps import a_create, a_series, an_end, received

pytestmark = pytest.mark.django_db
AtMost = Callable[[int], AbstractContextManager[object]]

BESIDES = 2
"""Within a test an action has a savepoint in place of its transaction."""


def _step() -> ScheduledProcedureStep:
    return ScheduledProcedureStep.objects.select_related("requested_procedure__order__patient").get(pk=steps_of(an_order())[0].pk)


def test_an_exam_takes_few_statements(django_assert_max_num_queries: AtMost) -> None:
    uid, step = new_uid(), _step()
    create = received(Verb.N_CREATE, uid, a_create(step))
    profiles.of(a_site())  # read by a process once, and again when a station has changed
    end = received(Verb.N_SET, uid, an_end(PerformedSeriesSequence=[a_series(), a_series()]))
    with django_assert_max_num_queries(12 + BESIDES):
        actions.n_create(create)
    with django_assert_max_num_queries(23 + BESIDES):
        actions.n_set(end)
    assert Charge.objects.get().requested_procedure == step.requested_procedure
