"""Who may do what: one table that the pages, the REST interface and the tests read.

A role is a group of that name. A superuser has every role. Somebody without a role may sign in and nothing more.
In a page:

    @page
    @requires("steps.cancel")
    def cancel(request: HttpRequest, step_id: int) -> HttpResponse: ...

and where only a part of a page depends on it: `allowed(request.user, "charges.view")`. What a page needs can be read from its
view (`needs_of`), so that a test can walk every address with every role: a page that says nothing fails it.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, Final, ParamSpec

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponseBase

from ris.errors import NotPermitted
from ris.kept import keep, kept

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
ROLE_NAMES: Final = {
    SCHEDULER: "Scheduler",
    TECHNOLOGIST: "Technologist",
    BILLER: "Biller",
    INTEGRATOR: "Integration engineer",
    INSTRUCTOR: "Instructor",
    TRAINEE: "Trainee",
    ADMIN: "Administrator",
}
ROLES: Final = tuple(ROLE_NAMES)

_ALL = frozenset(ROLES)
_TRAINING = frozenset({INSTRUCTOR, TRAINEE})


def _of(*roles: str) -> frozenset[str]:
    """These, who teach and learn their work, and the administrator."""
    return frozenset(roles) | _TRAINING | {ADMIN}


@dataclass(frozen=True)
class Permission:
    """`words` complete the sentence "may …"; `roles` have it."""

    words: str
    roles: frozenset[str]


PERMISSIONS: Final[dict[str, Permission]] = {
    # What everybody with a role sees to do their work.
    "catalogue.view": Permission("see the catalogue of procedures", _ALL),
    "stations.view": Permission("see stations, pools and destinations", _ALL),
    "patients.view": Permission("find and see patients", _ALL),
    "orders.view": Permission("see orders", _ALL),
    "steps.view": Permission("see the worklist and its exams", _ALL),
    "performed.view": Permission("see performed steps and the station board", _ALL),
    # The front desk.
    "patients.edit": Permission("register and correct patients", _of(SCHEDULER)),
    "patients.merge": Permission("merge two records of a patient, and undo it", _of(SCHEDULER)),
    "orders.place": Permission("place orders", _of(SCHEDULER)),
    "orders.change": Permission("add procedures and steps to an order, and edit an exam", _of(SCHEDULER, TECHNOLOGIST)),
    "steps.schedule": Permission("give an exam a place and a time, move it, reopen it", _of(SCHEDULER, TECHNOLOGIST)),
    "steps.arrive": Permission("check a patient in, and undo it", _of(SCHEDULER, TECHNOLOGIST)),
    "steps.cancel": Permission("cancel exams and orders, and restore exams", _of(SCHEDULER, TECHNOLOGIST)),
    # "Why is this exam not on that scanner?" The front desk asks it too.
    "worklist.explain": Permission(
        "ask why an exam is not on a scanner, and see what is odd about a station", _of(SCHEDULER, TECHNOLOGIST, INTEGRATOR)
    ),
    # The modality room.
    "steps.perform": Permission("start, complete and discontinue an exam by hand", _of(TECHNOLOGIST)),
    # Billing.
    "charges.view": Permission("see charges, unbilled work and the books", _of(BILLER)),
    "charges.edit": Permission("release, send again, void and credit charges", _of(BILLER)),
    "charges.rules": Permission("change what discontinued work is charged", frozenset({ADMIN})),
    # Connecting modalities.
    "journal.view": Permission("see the association log, and which faults are on", _of(TECHNOLOGIST, INTEGRATOR)),
    "journal.export": Permission("take messages out of the association log as files", _of(INTEGRATOR)),
    "stations.edit": Permission("register and set stations, pools and destinations", frozenset({INTEGRATOR, INSTRUCTOR, ADMIN})),
    # Virtual modalities. `consoles.edit` points one at another system.
    "consoles.use": Permission("set up and use the consoles of virtual modalities", _of(TECHNOLOGIST, INTEGRATOR)),
    "consoles.edit": Permission("point a console at another system", frozenset({INTEGRATOR, INSTRUCTOR, ADMIN})),
    "faults.set": Permission("switch faults on and off", frozenset({INTEGRATOR, INSTRUCTOR, ADMIN})),
    # Administration.
    "users.manage": Permission("make and change accounts, their roles and passwords", frozenset({ADMIN})),
    "audit.view": Permission("read the audit trail, and take it away as a file", frozenset({ADMIN})),
    "tokens.manage": Permission("make, see and revoke everybody's API tokens", frozenset({ADMIN})),
}


def roles_of(user: Person) -> frozenset[str]:
    """The roles of an active user, read once per user object; none for an anonymous one."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if getattr(user, "is_superuser", False):
        return _ALL
    return kept(user, "_roles", lambda: _roles_of(user))


def _roles_of(user: Person) -> frozenset[str]:
    groups = getattr(user, "groups", None)
    return _ALL.intersection(groups.values_list("name", flat=True)) if groups is not None else frozenset()


def allowed(user: Person, permission: str) -> bool:
    """Whether one of the user's roles has the permission. KeyError for a permission that is not in the table."""
    return not PERMISSIONS[permission].roles.isdisjoint(roles_of(user))


def permissions_of(user: Person) -> frozenset[str]:
    """All that the user's roles allow."""
    return frozenset(name for name, permission in PERMISSIONS.items() if not permission.roles.isdisjoint(roles_of(user)))


def refuse(permission: str, roles: frozenset[str]) -> NotPermitted:
    """The refusal in words: what is missing and who has it."""
    needed, wanted = PERMISSIONS[permission], PERMISSIONS[permission].roles
    has, yours = ([role for role in ROLES if role in some] for some in (wanted, roles))
    names, own = (", ".join(ROLE_NAMES[role] for role in some) for some in (has, yours))
    you = f"Your role{'' if len(yours) == 1 else 's'}: {own}." if own else "Your account has no role."
    return NotPermitted(
        f"This needs the permission {permission!r}, which these roles have: {', '.join(has)}. Your roles: {', '.join(yours) or 'none'}.",
        f"To {needed.words} is for these roles: {names}. {you}",
    )


def check(user: Person, permission: str) -> None:
    """Raise NotPermitted unless the user has the permission."""
    if not allowed(user, permission):
        raise refuse(permission, roles_of(user))


@dataclass(frozen=True)
class Needs:
    """What an address asks of whoever is signed in.

    `permission` is None where everybody signed in may, which `why` accounts for. `post` is asked besides for what changes something.
    `values` is for a view whose `argument` says what is done: each value that it takes, to the permission for it.
    """

    permission: str | None = None
    post: str | None = None
    argument: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    def of(self, method: str, arguments: Mapping[str, Any]) -> list[str]:
        """The permissions that a request needs, each of them."""
        needed = [self.permission, self.post if method not in ("GET", "HEAD", "OPTIONS") else None]
        if self.argument:
            needed.append(self.values.get(str(arguments[self.argument])))
        return [permission for permission in needed if permission is not None]

    def everything(self) -> set[str]:
        """The permissions that one method or value or another needs."""
        return {permission for permission in (self.permission, self.post, *self.values.values()) if permission is not None}


def _guarding(needs: Needs) -> Callable[[View[P]], View[P]]:
    for permission in needs.everything():
        PERMISSIONS[permission]  # a misspelled permission fails at import, not at a request

    def guard(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            for permission in needs.of(request.method or "", kwargs):
                check(request.user, permission)
            return view(request, *args, **kwargs)

        keep(guarded, "needs", needs)
        return guarded

    return guard


def requires(permission: str, *, post: str | None = None) -> Callable[[View[P]], View[P]]:
    """For views, under `ris.web.access.page`, which answers the refusal with 403. `post` is needed besides to change something."""
    return _guarding(Needs(permission, post))


def requires_by(argument: str, values: Mapping[str, str]) -> Callable[[View[P]], View[P]]:
    """For a view whose address says what is to be done: each value of the argument needs a permission. Others the view refuses itself."""
    return _guarding(Needs(argument=argument, values=dict(values)))


def for_everybody(why: str) -> Callable[[View[P]], View[P]]:
    """For a view that everybody signed in may see, with or without a role; `why` says what makes that right."""
    return _guarding(Needs(why=why))


def needs_of(view: Callable[..., Any]) -> Needs | None:
    """What the view declared; None when it did not."""
    needs: Needs | None = getattr(view, "needs", None)
    return needs
