"""For which hospital a user works."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from ris import queries
from ris.actions.membership import set_site
from ris.models import Membership, RecordChange
from tests.support.hospital import ACTOR, a_site
from tests.support.sites import another_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("rosa")


def site_seen_by(user: User) -> str:
    """As the next request finds it."""
    return queries.site_of(User.objects.get(pk=user.pk)).code


def test_a_user_without_a_membership_works_for_the_default_site(user: User) -> None:
    a_site()
    another_site()
    assert site_seen_by(user) == "main"


def test_a_user_works_for_the_site_of_the_membership(user: User) -> None:
    a_site()
    assert queries.site_of(user).code == "main"
    set_site(user, another_site(), ACTOR)
    assert site_seen_by(user) == queries.site_of(user).code == "south"
    assert site_seen_by(User.objects.create_user("other")) == "main"
    set_site(user, a_site(), ACTOR)
    assert site_seen_by(user) == "main"
    assert Membership.objects.count() == 1


def test_each_assignment_to_another_site_is_recorded_once(user: User) -> None:
    a_site()
    set_site(user, a_site(), ACTOR)
    for _ in range(2):
        set_site(user, another_site(), ACTOR)
    change = RecordChange.objects.get(subject="user", subject_id=user.pk)
    assert (change.actor, change.verb, change.detail) == ("test", "set site", {"site": ["main", "south"]})


def test_whose_site_it_is_costs_one_query(user: User, django_assert_num_queries: Any) -> None:
    a_site()
    set_site(user, another_site(), ACTOR)
    known = User.objects.get(pk=user.pk)
    with django_assert_num_queries(1):
        queries.site_of(known)
        queries.site_of(known)
