"""One's own account: what it may, its password, its sessions, its tokens."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from ris.accounts import account_of
from ris.actions import attempts, passwords, users
from ris.actor import Actor
from ris.errors import InvalidInput
from ris.models import ApiToken
from ris.permissions import PERMISSIONS, ROLE_NAMES, for_everybody, permissions_of
from ris.throttling import in_words, of_own
from ris.web.access import page
from ris.web.tokens import lines, revoking
from ris.web.user_forms import OwnPasswordForm

GENERATION = "generation"
"""Where a session keeps the number of the account's sessions that it belongs to."""
_OWN = "is about nobody but who is signed in"


@page
@for_everybody(_OWN)
def show(request: HttpRequest) -> HttpResponse:
    """Who is signed in, with which roles, and what these allow."""
    me = _me(request)
    may = permissions_of(me)
    context = {
        "person": me,
        "account_row": account_of(me),
        "roles": ", ".join(ROLE_NAMES[role] for role in users.roles_held(me)),
        "permissions": [(name, permission.words) for name, permission in PERMISSIONS.items() if name in may],
        "tokens": lines(ApiToken.objects.filter(user=me, revoked_at=None).select_related("user").order_by("name")),
    }
    return render(request, "ris/account.html", context)


@page
@for_everybody(_OWN)
def password(request: HttpRequest) -> HttpResponse:
    """Choose another password; all other sessions of the account end. The present one is guessed no faster than at the sign-in: 429."""
    me = _me(request)
    form = OwnPasswordForm(request.POST or None)
    wait = 0
    if request.method == "POST" and form.is_valid():
        wait = attempts.begin(of_own(me.pk))
        if wait:
            form.add_error("present", f"Too many passwords were wrong. Wait {in_words(wait)}, then try again")
        elif _change(request, me, form):
            messages.success(request, "Your password is changed. Wherever else you were signed in, you no longer are.")
            return redirect("account")
    context = {"form": form, "rules": passwords.RULES, "must": account_of(me).must_change_password}
    answer = render(request, "ris/account_password.html", context, status=429 if wait else 422 if form.errors else 200)
    if wait:
        answer["Retry-After"] = str(wait)
    return answer


def _change(request: HttpRequest, me: User, form: OwnPasswordForm) -> bool:
    """Whether it is changed; else the form says why not."""
    counter = of_own(me.pk)
    try:
        going_on = passwords.change_own(me, form.cleaned_data["present"], form.cleaned_data["password"], _generation(request))
    except InvalidInput as error:
        if "present" not in error.errors:
            attempts.succeeded(counter)
        form.take(error)
        return False
    attempts.succeeded(counter)
    update_session_auth_hash(request, _me(request))
    request.session[GENERATION] = going_on
    return True


@page
@for_everybody(_OWN)
@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else."""
    request.session[GENERATION] = users.end_sessions(_me(request).pk, Actor.user(request.user), sessions=_generation(request))
    messages.success(request, "Wherever else you were signed in, you no longer are.")
    return redirect("account")


@page
@for_everybody(_OWN)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what stops working, then end a token of one's own at once."""
    return revoking(request, pk, User.objects.filter(pk=_me(request).pk), "account")


def _generation(request: HttpRequest) -> int:
    return int(request.session.get(GENERATION, 0))


def _me(request: HttpRequest) -> User:
    """As the database has it now, which the session's password is compared with."""
    return User.objects.select_related("account").get(pk=request.user.pk or 0)
