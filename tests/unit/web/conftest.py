"""A signed-in browser for each role."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client


@pytest.fixture
def signed_in(db: None) -> Callable[..., Client]:
    """`signed_in("scheduler")` is a client of somebody with that role."""

    def sign_in(role: str = "scheduler") -> Client:
        user = User.objects.create_user(f"a-{role}", first_name="Jo", last_name="Moreau")
        user.groups.add(Group.objects.get_or_create(name=role)[0])
        client = Client()
        client.force_login(user)
        return client

    return sign_in
