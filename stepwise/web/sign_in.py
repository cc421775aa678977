"""Signing in and out."""

import secrets
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.contrib.auth.views import LoginView, LogoutView
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from ris.accounts import DEMO_ONLY, is_of_the_demo
from ris.actions import attempts
from ris.origin import address_of
from ris.throttling import BROWSER, KNOWN, Counter, in_words, name_digest, of_account, of_address
from ris.validation import printable
from ris.web import asking
from ris.web.forms import PageForm
from ris.web.recording import not_signed
from stepwise.sessions import WHY_ENDED

KNOWN_FOR: Final = 180 * 86_400
"""Seconds that a browser is known for in which somebody signed in."""
SALT: Final = "known browser with its password"
_MOST_KNOWN = 12
"""People whom one browser is known by: a reading room shares it."""


class SignInForm(PageForm, AuthenticationForm):
    """User name and password. `wait` are the seconds to wait when they were not even looked at."""

    username = UsernameField(
        label="User name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": "Enter the user name", "max_length": "User names have at most %(limit_value)d characters"},
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter the password"},
    )
    error_messages = {
        "invalid_login": "User name and password do not fit together, or the account is switched off. Capitals and small letters count",
        "inactive": "User name and password do not fit together, or the account is switched off. Capitals and small letters count",
    }
    wait = 0

    def clean(self) -> dict[str, Any]:
        """Counted before the password is looked at, and taken back when it was right."""
        name = self.cleaned_data.get("username")
        assert self.request is not None
        if not name or not self.cleaned_data.get("password"):
            self._refuse_oddities(self.request)
            return self.cleaned_data
        counters = counters_of(self.request, name)
        self.wait = attempts.begin(*counters)
        if self.wait:
            asking.claim_name(self.request, name)
            raise ValidationError(f"Too many sign-ins went wrong. Wait {in_words(self.wait)}, then try again")
        cleaned: dict[str, Any] = super().clean()
        attempts.succeeded(*counters)
        return cleaned

    def _refuse_oddities(self, request: HttpRequest) -> None:
        """What nobody is called and no password holds failed as any other sign-in: it is counted and entered."""
        typed = {name: self.data.get(name, "") for name in ("username", "password")}
        if not all(typed.values()):
            return
        self.wait = attempts.begin(of_address(address_of(request)))
        if not self.wait:
            user_login_failed.send(sender=__name__, credentials={"username": printable(typed["username"])}, request=request)

    def confirm_login_allowed(self, user: Any) -> None:
        """Of whom the password was right. Told, and entered as a sign-in that failed."""
        super().confirm_login_allowed(user)
        if is_of_the_demo(user):
            user_login_failed.send(sender=__name__, credentials={"username": user.get_username()}, request=self.request)
            raise ValidationError(DEMO_ONLY)


def counters_of(request: HttpRequest, name: str) -> tuple[Counter, ...]:
    """By what a sign-in is counted: its browser where the account has signed in before, else the account and the address."""
    browser, mark = known_by(request).get(name_digest(name), ("", ""))
    user = User.objects.filter(username=name).first() if browser else None
    if user is not None and constant_time_compare(mark, _mark(user)):
        return Counter(BROWSER, browser), of_address(address_of(request), KNOWN)
    return of_account(name), of_address(address_of(request))


def _mark(user: User) -> str:
    """Of the present password: another one makes the browser a stranger again. It takes the key and the database to make one up."""
    return user.get_session_auth_hash()[:20]


def known_by(request: HttpRequest) -> dict[str, tuple[str, str]]:
    """Digests of the names that signed in with this browser, each to what the browser is called for it and the mark of the password."""
    try:
        kept = signing.loads(request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, ""), salt=SALT, max_age=KNOWN_FOR)
    except signing.BadSignature:
        return {}
    return {name: (browser, mark) for name, (browser, mark) in kept.items()}


def make_known(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Remember in the browser that the account signed in with it."""
    known, name = known_by(request), name_digest(user.get_username())
    browser, _ = known.pop(name, ("", ""))
    known[name] = browser or secrets.token_urlsafe(12), _mark(user)
    kept = dict(list(known.items())[-_MOST_KNOWN:])
    response.set_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        signing.dumps(kept, salt=SALT),
        max_age=KNOWN_FOR,
        path=settings.LOGIN_URL,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


class SignIn(LoginView):
    """The page for people who are not signed in; everybody else is sent on, to addresses of this host alone."""

    template_name = "stepwise/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            demo=settings.DEMO,
            one_password=bool(settings.DEMO_PASSWORD),
            session_hours=settings.SESSION_HOURS,
            idle=in_words(settings.SESSION_IDLE_MINUTES * 60) if settings.SESSION_IDLE_MINUTES else "",
            why_ended=self.request.session.get(WHY_ENDED, ""),
            **kwargs,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """503 when what becomes of it cannot be kept: its record in the audit trail, or that it was tried."""
        try:
            return super().post(request, *args, **kwargs)
        except DatabaseError as error:
            why = "A sign-in is entered in the audit trail before it holds, and nothing can be written there now. You are not signed in."
            return not_signed(request, error, "Nobody can sign in now", f"{why} Try again in a moment.")

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        make_known(self.request, response, form.get_user())
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """422, or 429 when nothing was looked at."""
        response = super().form_invalid(form)
        wait = getattr(form, "wait", 0)
        response.status_code = 429 if wait else 422
        if wait:
            response["Retry-After"] = str(wait)
        return response


class SignOut(LogoutView):
    """Ends the session, and says so in the audit trail."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """503 when it cannot be recorded: the session goes on, which whoever leaves has to know."""
        try:
            return super().post(request, *args, **kwargs)
        except DatabaseError as error:
            why = "A sign-out is entered in the audit trail before it holds, and nothing can be written there now. You are still signed in."
            return not_signed(request, error, "You are not signed out", f"{why} Try again in a moment, and do not leave before.")
