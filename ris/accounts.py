"""Accounts of people: what is kept of them beside Django's user, passwords that are made, and how a session finds its user."""

import secrets
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet

from ris.models import Account

DEMO_ONLY: Final = (
    "This was an account of the demo, and its password is still the demo's, which holds outside of a demo no more: "
    "an administrator gives it another one, or `manage.py changepassword` does"
)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike
_GROUPS, _GROUP_LENGTH = 3, 4


class Backend(ModelBackend):
    """Django's, with the account read in the query that each request makes for its user."""

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.select_related("account").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


def account_of(user: Any) -> Account:
    """What is kept of the user; for one of whom nothing is kept yet the defaults, unsaved."""
    try:
        account: Account = user.account
    except (ObjectDoesNotExist, AttributeError):
        return Account(user=user)
    return account


def is_of_the_demo(user: Any) -> bool:
    """Whether the password is the one that the demo gave where there is no demo (`RIS_DEMO`): with it nobody gets in."""
    return not settings.DEMO and account_of(user).demo_password


def of_the_demo() -> QuerySet[User]:
    """The accounts that would get in but for that."""
    return User.objects.none() if settings.DEMO else User.objects.filter(account__demo_password=True, is_active=True)


def new_password() -> str:
    """About 59 random bits, to be typed from a screen: `kmqt-4w9d-xezr`."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)
