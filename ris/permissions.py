"""Who may do what: one table that the pages, the REST interface and the tests read.

A role is a group of that name. A superuser has every role. Somebody without a role may sign in and nothing more.
In a page:

    @page
    @requires("steps.cancel")
    def cancel(request: HttpRequest, step_id: int) -> HttpResponse: ...

and where only a part of a page depends on it: `allowed(request.user, "charges.view")`.
"""

import functools
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponseBase

from ris.errors import NotPermitted

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
Person = AbstractBaseUser | AnonymousUser

SCHEDULER: Final = "scheduler"
TECHNOLOGIST: Final = "technologist"
BILLER: Final = "biller"
INTEGRATOR: Final = "integrator"
INSTRUCTOR: Final = "instructor"
TRAINEE: Final = "trainee"
ADMIN: Final = "admin"
ROLES: Final = (SCHEDULER, TECHNOLOGIST, BILLER, INTEGRATOR, INSTRUCTOR, TRAINEE, ADMIN)

_ALL = frozenset(ROLES)
_TRAINING = frozenset({INSTRUCTOR, TRAINEE})


def _of(*roles: str) -> frozenset[str]:
    """These, who teach and learn their work, and the administrator."""
    return frozenset(roles) | _TRAINING | {ADMIN}


PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    # What everybody with a role sees to do their work.
    "catalogue.view": _ALL,
    "stations.view": _ALL,
    "patients.view": _ALL,
    "orders.view": _ALL,
    "steps.view": _ALL,
    "performed.view": _ALL,
    # The front desk.
    "patients.edit": _of(SCHEDULER),
    "patients.merge": _of(SCHEDULER),
    "orders.place": _of(SCHEDULER),
    "orders.change": _of(SCHEDULER, TECHNOLOGIST),
    "steps.schedule": _of(SCHEDULER, TECHNOLOGIST),
    "steps.arrive": _of(SCHEDULER, TECHNOLOGIST),
    "steps.cancel": _of(SCHEDULER, TECHNOLOGIST),
    # "Why is this exam not on that scanner?" The front desk asks it too.
    "worklist.explain": _of(SCHEDULER, TECHNOLOGIST, INTEGRATOR),
    # The modality room.
    "steps.perform": _of(TECHNOLOGIST),
    "performed.reconcile": _of(TECHNOLOGIST),
    # Billing.
    "charges.view": _of(BILLER),
    "charges.edit": _of(BILLER),
    "charges.rules": frozenset({ADMIN}),
    # Connecting modalities.
    "journal.view": _of(TECHNOLOGIST, INTEGRATOR),
    "stations.edit": frozenset({INTEGRATOR, INSTRUCTOR, ADMIN}),
    # Virtual modalities. `consoles.edit` points one at another system.
    "consoles.use": _of(TECHNOLOGIST, INTEGRATOR),
    "consoles.edit": frozenset({INTEGRATOR, INSTRUCTOR, ADMIN}),
    "faults.set": frozenset({INTEGRATOR, INSTRUCTOR, ADMIN}),
    # Teaching and administration.
    "training.lead": frozenset({INSTRUCTOR, ADMIN}),
    "users.manage": frozenset({ADMIN}),
    "tokens.manage": frozenset({ADMIN}),
}
"""Permission to roles. `orders.change` adds procedures and steps, `steps.schedule` books and moves, `steps.perform` is start, complete and
discontinue by hand."""


def roles_of(user: Person) -> frozenset[str]:
    """The roles of an active user, read once per user object; none for an anonymous one."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if getattr(user, "is_superuser", False):
        return _ALL
    roles: frozenset[str] | None = getattr(user, "_roles", None)
    if roles is None:
        groups = getattr(user, "groups", None)
        roles = _ALL.intersection(groups.values_list("name", flat=True)) if groups is not None else frozenset()
        setattr(user, "_roles", roles)  # noqa: B010  # kept on this request's object; the class declares no such field
    return roles


def allowed(user: Person, permission: str) -> bool:
    """Whether one of the user's roles has the permission. KeyError for a permission that is not in the table."""
    return not PERMISSIONS[permission].isdisjoint(roles_of(user))


def refuse(permission: str, roles: frozenset[str]) -> NotPermitted:
    """The refusal in words: what is missing and who has it."""
    has = ", ".join(role for role in ROLES if role in PERMISSIONS[permission])
    yours = ", ".join(role for role in ROLES if role in roles) or "none"
    return NotPermitted(f"This needs the permission {permission!r}, which these roles have: {has}. Your roles: {yours}.")


def check(user: Person, permission: str) -> None:
    """Raise NotPermitted unless the user has the permission."""
    if not allowed(user, permission):
        raise refuse(permission, roles_of(user))


def requires(permission: str) -> Callable[[View[P]], View[P]]:
    """For views, under `ris.web.access.page`, which answers the refusal with 403."""
    PERMISSIONS[permission]  # a misspelled permission fails at import, not at a request

    def guard(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            check(request.user, permission)
            return view(request, *args, **kwargs)

        return guarded

    return guard
