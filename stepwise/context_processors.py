"""What the frame of every page shows."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from billing.outages import Outage, watch
from ris import clock, queries
from ris.errors import NotFound
from ris.models import Site
from ris.permissions import ROLE_NAMES
from ris.web.access import display_name
from stepwise import navigation
from training.web.faults import banner

THEME_COOKIE = "stepwise_theme"
THEMES = ("light", "dark", "system")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Nothing is read from the database before a template asks for it: live parts do not."""
    return {
        "theme": theme_of(request),
        "themes": [(name, name.capitalize()) for name in THEMES],
        "nav_sections": SimpleLazyObject(lambda: navigation.sections_for(request.user)),
        "nav_current": navigation.current(request.path),
        "hospital": SimpleLazyObject(lambda: _hospital(request)),
        "now": clock.now(),
        "simulation": clock.simulation(),
        "injected": SimpleLazyObject(lambda: banner(lambda: _hospital(request))),
        "outages": SimpleLazyObject(lambda: _outages(request)),
        "today": clock.today(),
        "zone_name": str(clock.zone()),
        "dicom_port": settings.DICOM_PORT,
        "account": SimpleLazyObject(lambda: _account(request)),
    }


def theme_of(request: HttpRequest) -> str:
    """As the cookie of the browser says; it needs no session."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else "system"


def _hospital(request: HttpRequest) -> Site | None:
    """That of who is signed in, else the default one; None before the first start has made it."""
    try:
        return queries.site_of(getattr(request, "user", AnonymousUser()))
    except NotFound:
        return None


def _outages(request: HttpRequest) -> list[Outage]:
    site = _hospital(request)
    return watch.outages(site) if site else []


def _account(request: HttpRequest) -> dict[str, str]:
    """Name, initials and role of who is signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    name = display_name(user)
    groups = list(user.groups.order_by("name").values_list("name", flat=True))
    role = ", ".join(ROLE_NAMES.get(group, group.capitalize()) for group in groups) or ("Administrator" if user.is_superuser else "")
    initials = "".join(word[0] for word in name.replace(".", " ").split()[:2]).upper()
    return {"name": name, "role": role, "initials": initials or "?"}
