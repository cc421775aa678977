"""When a session ends: so many hours after the sign-in, when nobody uses it, and when it is ended from elsewhere.

The last is a number that the account and its sessions share (`Account.sessions`): ending them raises it, in one row, whatever keeps
the sessions. A live part that asks again by itself is no use of a session; that somebody typed or pressed something on an open page is,
and its sign of life says so.
"""

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from ris import clock
from ris.accounts import DEMO_ONLY, account_of, is_of_the_demo
from ris.throttling import in_words
from ris.web.account import GENERATION
from ris.web.live import SEEN

Answering = Callable[[HttpRequest], HttpResponseBase]

BEGAN: Final = "began"
"""When the session began, in seconds since 1970, as the next."""
USED: Final = "used"
WHY_ENDED: Final = "why_ended"
"""Why the session before ended, for the page of the sign-in."""
PRESSED: Final = "X-Used"
"""Header of a sign of life of a page on which a key or a button was pressed since the one before."""
_COARSEST: Final = 60
_PART: Final = 20
"""A session is not written for every request: a use is noted a minute after the one before, or a part of the idle time, if that is less.
So much longer a session goes on without a use: the last one may not have been noted."""


def begin(sender: Any, request: HttpRequest, user: Any, **more: Any) -> None:
    """Note in a new session when it began. For `user_logged_in`."""
    now = int(clock.wall().timestamp())
    request.session.pop(WHY_ENDED, None)
    request.session.update({BEGAN: now, USED: now, GENERATION: account_of(user).sessions})


user_logged_in.connect(begin, dispatch_uid="sessions")


def ending(answer: Answering) -> Answering:
    """Middleware behind the one that knows the user: whose session is over is nobody."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            why = _why_over(request)
            if why:
                _forget(request)
                request.session[WHY_ENDED] = why
            elif not _is_live(request):
                _use(request)
        return answer(request)

    return middleware


def _forget(request: HttpRequest) -> None:
    """Nobody signs out here: the trail has who ended the sessions from elsewhere, and time is nobody's deed."""
    request.session.flush()
    request.user = AnonymousUser()


def _why_over(request: HttpRequest) -> str:
    """In words for whoever signs in again; empty while it goes on."""
    now, session = int(clock.wall().timestamp()), request.session
    idle = settings.SESSION_IDLE_MINUTES * 60
    if is_of_the_demo(request.user):
        return f"{DEMO_ONLY}."
    if session.get(GENERATION, 0) != account_of(request.user).sessions:
        return "Your session was ended, by an administrator or since your password changed."
    if now - session.get(BEGAN, now) >= settings.SESSION_HOURS * 3600:
        return f"Your session ended {in_words(settings.SESSION_HOURS * 3600)} after you had signed in."
    if idle and now - session.get(USED, now) >= idle + _coarse():
        return f"Your session ended since nobody used it for {in_words(idle)}."
    return ""


def _use(request: HttpRequest) -> None:
    now, session = int(clock.wall().timestamp()), request.session
    if BEGAN not in session or now - session.get(USED, 0) >= _coarse():
        session.update({BEGAN: session.get(BEGAN, now), USED: now})


def _coarse() -> int:
    """Seconds between two notes of a use."""
    return min(_COARSEST, settings.SESSION_IDLE_MINUTES * 60 // _PART or _COARSEST)


def _is_live(request: HttpRequest) -> bool:
    """Whether a page asks by itself, without anybody who does something."""
    return SEEN in request.headers or (request.path == reverse("pulse") and PRESSED not in request.headers)
