"""The side navigation: only what exists is linked."""

from dataclasses import dataclass, replace
from functools import cache

from django.urls import NoReverseMatch, reverse

from ris.permissions import Person, allowed


@dataclass(frozen=True)
class Link:
    """`name` of the URL, `label`, `icon` of the sprite, `permission` without which it is not shown."""

    name: str
    label: str
    icon: str
    permission: str
    url: str = ""


@dataclass(frozen=True)
class Section:
    title: str
    links: tuple[Link, ...]


_PLAN = (
    Section(
        "Exams",
        (
            Link("worklist", "Worklist", "list", "steps.view"),
            Link("order-new", "New order", "order", "orders.place"),
            Link("patients", "Patients", "person", "patients.view"),
        ),
    ),
    Section("Performed", (Link("performed", "Station board", "pulse", "performed.view"),)),
    Section(
        "Billing",
        (
            Link("charges", "Charges", "coin", "charges.view"),
            Link("unbilled", "Unbilled work", "alert", "charges.view"),
            Link("accounting", "Accounting", "list", "charges.view"),
        ),
    ),
    Section(
        "Connectivity",
        (
            Link("connect", "Connect a modality", "plug", "journal.view"),
            Link("stations", "Stations", "station", "stations.view"),
            Link("destinations", "Destinations", "link", "stations.view"),
            Link("associations", "Association log", "log", "journal.view"),
            Link("faults", "Faults", "alert", "journal.view"),
        ),
    ),
    Section("Training", (Link("consoles", "Consoles", "screen", "consoles.use"),)),
    Section(
        "Administration",
        (
            Link("users", "Accounts", "people", "users.manage"),
            Link("tokens", "API tokens", "link", "tokens.manage"),
            Link("roles", "Roles", "list", "users.manage"),
            Link("audit", "Audit trail", "log", "audit.view"),
        ),
    ),
)


@cache
def sections() -> tuple[Section, ...]:
    """The plan without the pages that this installation lacks."""
    found = []
    for section in _PLAN:
        links = tuple(link for link in map(_linked, section.links) if link)
        if links:
            found.append(Section(section.title, links))
    return tuple(found)


def _linked(link: Link) -> Link | None:
    try:
        return replace(link, url=reverse(link.name))
    except NoReverseMatch:
        return None


def sections_for(user: Person) -> list[Section]:
    """What the user's roles let them see."""
    shown = [Section(section.title, tuple(link for link in section.links if allowed(user, link.permission))) for section in sections()]
    return [section for section in shown if section.links]


def current(path: str) -> str:
    """Name of the link under which a path lies; empty when under none."""
    return next((link.name for section in sections() for link in section.links if path.startswith(link.url)), "")
