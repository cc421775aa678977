"""Whose hospital an association is about, and which part of the message journal is a hospital's."""

from collections import Counter
from functools import cached_property
from typing import Final

from django.db.models import Exists, OuterRef, Q

from dimse.models import Association, AssociationQuerySet, Message, MessageQuerySet
from ris import queries
from ris.models import CalledAlias, Site, Station
from ris.prepared import Prepared

_called = Prepared(lambda ae_title: Site.objects.filter(ae_title=ae_title), "ae_title")
_called_too = Prepared(lambda ae_title: Site.objects.filter(called_aliases__ae_title=ae_title), "ae_title")


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


class Journal:
    """The associations that are about a site, by the rule of `site_of`, and their messages; without a site all of them.

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
        sites = dict(Site.objects.values_list("pk", "ae_title")) if site is not None else {}
        if site is None or len(sites) < 2:
            return []
        titles = [*sites.items(), *CalledAlias.objects.values_list("site", "ae_title")]
        is_called = Q(called__in=[ae_title for _, ae_title in titles])
        if not site.is_default:
            own = [ae_title for pk, ae_title in titles if pk == site.pk]
            return [Q(called__in=own) | ~is_called & Q(calling__in=_only_at(site, own=True))]
        others = [ae_title for pk, ae_title in titles if pk != site.pk]
        return [~(Q(called__in=others) | ~is_called & Q(calling__in=_only_at(site, own=False)))]

    @cached_property
    def _of_messages(self) -> list[Q]:
        if not self._conditions:
            return []
        its = Association.objects.filter(pk=OuterRef("association_id"))
        if self.site is not None and self.site.is_default:
            return [~Q(Exists(its.exclude(*self._conditions)))]
        return [Q(Exists(its.filter(*self._conditions)))]


def _only_at(site: Site, *, own: bool) -> list[str]:
    """AE titles that one station alone has: one of the site's, or one of another's."""
    at = list(Station.objects.values_list("ae_title", "site"))
    count = Counter(ae_title for ae_title, _ in at)
    return [ae_title for ae_title, pk in at if count[ae_title] == 1 and (pk == site.pk) is own]


WHOLE: Final = Journal(None)
