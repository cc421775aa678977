"""Whose hospital an association is about, and which part of the message journal is a hospital's.

A title claims what is said from when it was registered or accepted on, and a station's title is that hospital's which had it first. What
was answered before stays with whoever answered it: nobody comes to another hospital's traffic or journal by naming a title.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, Value, When

from dimse.models import Association, AssociationQuerySet, Message, MessageQuerySet
from ris import queries
from ris.models import CalledAlias, FormerTitle, Site, Station
from ris.prepared import Prepared
from ris.titles import Claim, any_of
from ris.titles import calling as station_calling
from ris.titles import of as titles_of

_EVER: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

_called = Prepared(lambda ae_title: Site.objects.filter(ae_title=ae_title), "ae_title")
_called_too = Prepared(
    lambda ae_title: Site.objects.filter(called_aliases__ae_title=ae_title, called_aliases__forgotten_at=None), "ae_title"
)


_present = Prepared(lambda ae_title: Station.objects.select_related("site").filter(ae_title=ae_title), "ae_title")
_former = Prepared(
    lambda ae_title: FormerTitle.objects.select_related("site").filter(ae_title=ae_title, until=None),
    "ae_title",
)


def site_called(ae_title: str) -> Site | None:
    """The site of this AE title, which comes without padding: its own, or one that it lets itself be called by too."""
    return _called.first(ae_title) or _called_too.first(ae_title)


def site_of(called_ae_title: str, calling_ae_title: str) -> Site:
    """The site that is called so, else the one whose station called so first, else the default one; NotFound when there is none at all."""
    called = site_called(called_ae_title.strip())
    if called is not None:
        return called
    title = calling_ae_title.strip()
    present = [(Claim(title, one.site_id, one.called_so_since), one.site) for one in _present(title)]
    sites = dict([*present, *((Claim(title, one.site_id, one.since), one.site) for one in _former(title))])
    first = _first(sites)
    return sites[first] if first else queries.default_site()


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
    return answering != site and station_calling(answering, calling.strip()) is not None


def _accepted(*titles: str) -> list[Claim]:
    """By being called so: from when a site accepted the title until it was forgotten. Without titles: of all."""
    rows = CalledAlias.objects.filter(**_among(titles))
    return [Claim(*row) for row in rows.values_list("ae_title", "site", "accepted_at", "forgotten_at")]


def _calling_claims(*titles: str) -> list[Claim]:
    """By calling so, or having been called so: of the station that had the title first, while it has it. Without titles: of all."""
    had: dict[str, list[Claim]] = defaultdict(list)
    for station in Station.objects.filter(**_among(titles)).only("ae_title", "site", "registered_at", "titled_at"):
        had[station.ae_title].append(Claim(station.ae_title, station.site_id, station.called_so_since))
    for row in FormerTitle.objects.filter(**_among(titles)).values_list("ae_title", "site", "since", "until"):
        had[row[0]].append(Claim(*row))
    return [claim for stations in had.values() for claim in (stations if len(stations) == 1 else _by_turns(stations))]


def _first(claims: Collection[Claim]) -> Claim | None:
    """The one that began first; None where there is none, or several began at once."""
    if not claims:
        return None
    began = min(claim.since or _EVER for claim in claims)
    first = [claim for claim in claims if (claim.since or _EVER) == began]
    return first[0] if len(first) == 1 else None


def _by_turns(stations: list[Claim]) -> Iterator[Claim]:
    """The spans of time in which each is the first of those who have the title."""
    moments = sorted({moment for one in stations for moment in (one.since or _EVER, one.until or _NEVER)})
    turns = ((_first([one for one in stations if one.holds(begin)]), begin, end) for begin, end in pairwise(moments))
    for first, spans in groupby(turns, key=itemgetter(0)):
        if first is not None:
            (_, begin, end), *more = spans
            since, until = (None if at in (_EVER, _NEVER) else at for at in (begin, more[-1][2] if more else end))
            yield replace(first, since=since, until=until)


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

    def calling(self, ae_title: str) -> AssociationQuerySet:
        """Those of the station that is called so now, under each of its titles while it was its; without a site those of the title."""
        return self.associations().filter(self._said_by(ae_title, "calling", "started"))

    def messages_of(self, ae_title: str) -> MessageQuerySet:
        """The messages of these associations."""
        return self.messages().filter(self._said_by(ae_title, "association__calling", "association__started"))

    def _said_by(self, ae_title: str, column: str, time: str) -> Q:
        if self.site is None:
            return Q(**{column: ae_title})
        return any_of(titles_of(self.site, ae_title), column, time)

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
