"""The states of PS3.4 Table F.7.1-1."""

from itertools import product

import pytest

from dimse.services import Verb
from mpps.transitions import COMPLETED, DISCONTINUED, FINAL, IN_PROGRESS, STATUSES, target


@pytest.mark.parametrize(
    ("received", "state"), [(None, IN_PROGRESS), (IN_PROGRESS, IN_PROGRESS), (COMPLETED, COMPLETED), (DISCONTINUED, DISCONTINUED)]
)
def test_a_step_in_progress_goes_where_the_n_set_says(received: str | None, state: str) -> None:
    assert target(Verb.N_SET, IN_PROGRESS, received) == state


@pytest.mark.parametrize(("state", "received"), list(product(FINAL, (None, *STATUSES))))
def test_no_message_leaves_a_final_state(state: str, received: str | None) -> None:
    assert target(Verb.N_SET, state, received) is None


@pytest.mark.parametrize("received", [None, COMPLETED, DISCONTINUED, "SCHEDULED"])
def test_a_step_is_created_in_progress_only(received: str | None) -> None:
    assert target(Verb.N_CREATE, None, IN_PROGRESS) == IN_PROGRESS
    assert target(Verb.N_CREATE, None, received) is None
