"""Whose hospital an association is about, and which part of the message journal is a hospital's.

A title claims what is said from when it was registered or accepted on. What was answered before stays with whoever answered it: nobody
comes to another hospital's journal by naming a title.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, Value, When

from dimse.models import Association, AssociationQuerySet, Message, MessageQuerySet
from ris import queries
from ris.models import CalledAlias, Site, Station
from ris.prepared import Prepared

_EVER: Final = datetime.min.replace(tzinfo=UTC)

_called = Prepared(lambda ae_title: Site.objects.filter(ae_title=ae_title), "ae_title")
_called_too = Prepared(
    lambda ae_title: Site.objects.filter(called_aliases__ae_title=ae_title, called_aliases__forgotten_at=None), "ae_title"
)


def site_called(ae_title: str) -> Site | None:
    """The site of this AE title, which comes without padding: its own, or one that it lets itself be called by too."""
    return _called.first(ae_title) or _called_too.first(ae_title)


def site_of(called_ae_title: str, calling_ae_title: str) -> Site:
    """The site that is called so, else the one whose only station calls so, else the default one; NotFound when there is none at all."""
    called = site_called(called_ae_title.strip())
    if called is not None:
        return called
    stations = Station.objects.filter(ae_title=calling_ae_title.strip()).select_related("site")[:2]
    return stations[0].site if len(stations) == 1 else queries.default_site()


def site_then(called_ae_title: str, calling_ae_title: str, at: datetime) -> Site:
    """The same for an association that began then: whose journal it is in."""
    called = _called.first(called_ae_title.strip())
    if called is not None:
        return called
    for claims, ae_title in ((_accepted, called_ae_title), (_calling_claims, calling_ae_title)):
        for claim in claims(ae_title.strip()):
            if claim.holds(at):
                return Site.objects.get(pk=claim.site)
    return queries.default_site()


def is_called_by_others(site: Site, ae_title: str) -> bool:
    """Whether a station that is another site's alone has called somebody so."""
    theirs = {claim.ae_title for claim in _calling_claims() if claim.site != site.pk and claim.until is None}
    return Association.objects.filter(called=ae_title, calling__in=theirs).exists()


def poses_as_another_s(site: Site, calling: str, called: str) -> bool:
    """Whether what this site sends under these titles would be taken, by another site here, for what a station of its own says."""
    answering = site_of(called, calling)
    return answering != site and Station.objects.filter(site=answering, ae_title=calling.strip()).exists()


@dataclass(frozen=True)
class Claim:
    """A title that is a site's (its key) from a moment on and until another; None: always.

    Stations of before that was kept were always there.
    """

    ae_title: str
    site: int
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def when(self, column: str) -> Q:
        found = Q(**{column: self.ae_title})
        if self.since is not None:
            found &= Q(started__gte=self.since)
        return found if self.until is None else found & Q(started__lt=self.until)


def _accepted(*titles: str) -> list[Claim]:
    """By being called so: from when a site accepted the title until it was forgotten. Without titles: of all."""
    rows = CalledAlias.objects.filter(**_among(titles))
    return [Claim(*row) for row in rows.values_list("ae_title", "site", "accepted_at", "forgotten_at")]


def _calling_claims(*titles: str) -> list[Claim]:
    """By calling so: of the only station of a title, until a second one is registered. Without titles: of all."""
    registered: dict[str, list[Claim]] = defaultdict(list)
    for row in Station.objects.filter(**_among(titles)).values_list("ae_title", "site", "registered_at"):
        registered[row[0]].append(Claim(*row))
    return [claim for stations in registered.values() for claim in _alone(stations)]


def _alone(stations: list[Claim]) -> Iterator[Claim]:
    """What the first of the stations of a title had alone."""
    first, *others = sorted(stations, key=lambda one: one.since or _EVER)
    until = others[0].since if others else None
    if not others or (until is not None and until != first.since):
        yield replace(first, until=until)


def _among(titles: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {"ae_title__in": titles} if titles else {}


def _any(column: str, claims: Iterable[Claim]) -> Q:
    """Rows of which one of the claims holds. Those for always are one list of titles; the others are looked at for their own titles
    alone, in one flat CASE, since SQLite nests no thousand ORs."""
    claims = list(claims)
    always = {claim.ae_title for claim in claims if claim.since is None and claim.until is None}
    at_times = [claim for claim in claims if claim.ae_title not in always]
    found = Q(**{f"{column}__in": sorted(always)})
    if not at_times:
        return found
    cases = [When(claim.when(column), then=Value(True)) for claim in at_times]
    holds = Case(*cases, default=Value(False), output_field=BooleanField())
    return found | Q(**{f"{column}__in": sorted({claim.ae_title for claim in at_times})}) & Q(holds)


def _settled(claims: Iterable[Claim], first: datetime | None) -> list[Claim]:
    """A claim that is older than all that the journal holds needs no comparison."""
    return [replace(claim, since=None) if claim.since and (first is None or claim.since <= first) else claim for claim in claims]


class Journal:
    """The associations that are about a site, by the rule of `site_then`, and their messages; without a site all of them.

    Where there is one site, it costs a query to know that, and nothing is asked of the journal.
    """

    def __init__(self, site: Site | None) -> None:
        self.site = site

    def associations(self) -> AssociationQuerySet:
        return Association.objects.filter(*self._conditions)

    def messages(self) -> MessageQuerySet:
        """A message whose association was lost is the default site's, as an association of nobody known is."""
        return Message.objects.filter(*self._of_messages)

    @cached_property
    def _conditions(self) -> list[Q]:
        site = self.site
        if site is None or Site.objects.count() < 2:
            return []
        first = Association.objects.order_by("started").values_list("started", flat=True).first()
        own_titles = [Claim(*row) for row in Site.objects.values_list("ae_title", "pk")]
        called, calling = own_titles + _settled(_accepted(), first), _settled(_calling_claims(), first)
        is_called = _any("called", called)
        if not site.is_default:
            own, theirs = ([claim for claim in claims if claim.site == site.pk] for claims in (called, calling))
            return [_any("called", own) | ~is_called & _any("calling", theirs)]
        others, elsewhere = ([claim for claim in claims if claim.site != site.pk] for claims in (called, calling))
        return [~(_any("called", others) | ~is_called & _any("calling", elsewhere))]

    @cached_property
    def _of_messages(self) -> list[Q]:
        if not self._conditions:
            return []
        its = Association.objects.filter(pk=OuterRef("association_id"))
        if self.site is not None and self.site.is_default:
            return [~Q(Exists(its.exclude(*self._conditions)))]
        return [Q(Exists(its.filter(*self._conditions)))]


WHOLE: Final = Journal(None)
