"""Accounts of people: a list, each with its roles and its history, and what an administrator does with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from ris import queries
from ris.accounts import account_of
from ris.actions import passwords, users
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, NotFound
from ris.models import ApiToken
from ris.names import MOST_WORDS
from ris.permissions import ROLE_NAMES, requires
from ris.web import history
from ris.web.access import one_of, page
from ris.web.forms import seen_number
from ris.web.searching import searchable, text_of
from ris.web.tokens import lines
from ris.web.user_forms import NewUserForm, ResetForm, UserForm, initial

MAX_SHOWN: Final = 200


@dataclass(frozen=True)
class Line:
    """An account in the list."""

    user: User
    roles: str
    must_change: bool


@page
@requires("users.manage")
@searchable()
def listing(request: HttpRequest) -> HttpResponse:
    """All accounts by user name, or those whose names or e-mail hold what is searched for."""
    q = text_of(request)
    found = list(_matching(_people(request), q)[: MAX_SHOWN + 1])
    context = {
        "q": q,
        "lines": [_line(user) for user in found[:MAX_SHOWN]],
        "is_capped": len(found) > MAX_SHOWN,
        "max_shown": MAX_SHOWN,
    }
    part = request.headers.get("HX-Request") == "true"
    return render(request, "ris/users_found.html" if part else "ris/users.html", context)


def _matching(people: QuerySet[User], q: str) -> QuerySet[User]:
    within = ("username", "first_name", "last_name", "email")
    for word in q.split()[:MOST_WORDS]:
        people = people.filter(Q(*[(f"{name}__icontains", word) for name in within], _connector=Q.OR))
    return people.order_by("username")


def _line(user: User) -> Line:
    return Line(user, _words(user), account_of(user).must_change_password)


def _words(user: User) -> str:
    return ", ".join(ROLE_NAMES[role] for role in users.roles_held(user))


@page
@requires("users.manage")
def new(request: HttpRequest) -> HttpResponse:
    """Make an account. Its password is on the page that answers, once: the same form sent again is refused, since the name is taken."""
    me = _me(request)
    form = NewUserForm(request.POST or None, administrator=me, initial={"site": queries.site_of(me).code})
    if request.method == "POST" and form.is_valid():
        try:
            user, password = passwords.create(
                form.typed(),
                form.typed_password,
                Actor.user(me),
                must_change=form.cleaned_data["must_change"],
                site=form.site_typed or queries.site_of(me),
            )
        except InvalidInput as error:
            form.take(error)
        else:
            messages.success(request, f"{user.username} can sign in.")
            return _handed_over(request, user, "" if form.typed_password else password)
    context = {"form": form, "back": reverse("users"), "rules": passwords.RULES}
    return render(request, "ris/user_form.html", context, status=422 if form.errors else 200)


def _handed_over(request: HttpRequest, user: User, password: str) -> HttpResponse:
    """The one page that shows a password that was made; without one, the account."""
    if not password:
        return redirect("user", user.pk)
    context = {"person": user, "password": password, "must_change": account_of(User.objects.get(pk=user.pk)).must_change_password}
    return render(request, "ris/user_password_shown.html", context)


@page
@requires("users.manage")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """An account: roles, standing, tokens, and who changed what."""
    person = _person(request, pk)
    account = account_of(person)
    context = {
        "person": person,
        "account_row": account,
        "roles": _words(person),
        "works_for": queries.site_of(person),
        "is_own": person.pk == request.user.pk,
        "tokens": lines(ApiToken.objects.filter(user=person, revoked_at=None).select_related("user").order_by("name")),
        "moments": history.of_record(users.SUBJECT, person.pk),
    }
    return render(request, "ris/user.html", context)


@page
@requires("users.manage")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change names and roles; refused when somebody else did so since the form was opened."""
    person = _person(request, pk)
    me = _me(request)
    form = UserForm(request.POST or None, administrator=me, initial=initial(person, account_of(person).version))
    if request.method == "POST" and form.is_valid():
        try:
            users.change_user(pk, form.typed(), Actor.user(me), form.cleaned_data["version"], site=form.site_typed)
        except InvalidInput as error:
            form.take(error)
        except Conflict as error:
            form.refuse(error)
        else:
            messages.success(request, f"{form.cleaned_data['username']} is changed, from the next page on.")
            return redirect("user", pk)
    context = {"form": form, "person": person, "back": reverse("user", args=[pk])}
    return render(request, "ris/user_form.html", context, status=422 if form.errors else 200)


@page
@requires("users.manage")
def password(request: HttpRequest, pk: int) -> HttpResponse:
    """Give somebody another password. Sent again the form is refused: it knows the account as it was before."""
    person = _person(request, pk)
    form = ResetForm(request.POST or None, initial={"version": account_of(person).version})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = passwords.reset(
                pk,
                form.typed_password,
                Actor.user(request.user),
                given["version"],
                must_change=given["must_change"],
                tokens_too=given["tokens_too"],
            )
        except InvalidInput as error:
            form.take(error)
        except Conflict as error:
            form.refuse(error)
        else:
            messages.success(request, f"{person.username} has another password; all their sessions are over.")
            return _handed_over(request, person, "" if form.typed_password else made)
    context = {"form": form, "person": person, "back": reverse("user", args=[pk]), "rules": passwords.RULES}
    return render(request, "ris/user_password.html", context, status=422 if form.errors else 200)


@dataclass(frozen=True)
class Verb:
    """What is done with an account at the press of a button, and what is said when it is done; `tokens` where those may end, too."""

    do: Callable[..., object]
    done: str
    tokens: bool = False


VERBS: Final[Mapping[str, Verb]] = {
    "switch-off": Verb(partial(users.switch_user, on=False), "is switched off; their sessions are over"),
    "switch-on": Verb(partial(users.switch_user, on=True), "is switched on"),
    "end-sessions": Verb(users.end_sessions, "is signed out everywhere", tokens=True),
    "require-password": Verb(passwords.require_change, "has to choose another password before anything else"),
}


@page
@requires("users.manage")
@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Switch off or on, end sessions, have the password changed."""
    if verb not in VERBS:
        raise NotFound(f"An account knows no {verb!r}.")
    person = _person(request, pk)
    try:
        more = {"tokens_too": request.POST.get("tokens_too") == "on"} if VERBS[verb].tokens else {}
        VERBS[verb].do(pk, actor=Actor.user(request.user), expected_version=seen_number(request), **more)
    except ChangedMeanwhile:
        raise  # which `page` answers, with who changed what
    except Conflict as error:
        messages.error(request, f"{person.username}: not changed. {error}")
    else:
        messages.success(request, f"{person.username} {VERBS[verb].done}.")
    return redirect("user", pk)


def _me(request: HttpRequest) -> User:
    return User.objects.get(pk=request.user.pk or 0)


def _person(request: HttpRequest, pk: int) -> User:
    found: User = one_of(_people(request), pk=pk)
    return found


def _people(request: HttpRequest) -> QuerySet[User]:
    """Those whom the administrator has to do with."""
    return queries.managed_by(request.user).select_related("account").prefetch_related("groups")
