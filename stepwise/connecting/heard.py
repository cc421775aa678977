"""What the journal heard of a station while its check was open: its associations, and the messages of each operation.

Each operation is asked for by itself, by the index of a caller's associations and the flags on their rows: however much is said of one
kind, nothing of another is lost behind it.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Final
from uuid import UUID

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from dimse.models import Association, AssociationQuerySet, Message, has
from dimse.services import Verb
from dimse.summaries import Asked, asked_by
from ris.models import ConnectionCheck
from ris.peers import Journal
from stepwise.connecting.facts import ACCEPTED, Call

MOST: Final = 200
"""Associations that are looked at one by one: the latest, and beside them the latest that was accepted."""


class Heard:
    """Of the station from the beginning of its check until its end."""

    def __init__(self, check: ConnectionCheck) -> None:
        self.check = check
        self.journal = Journal(check.site)

    def calls(self, host: str) -> tuple[Call, ...]:
        """The latest associations, with the latest that was accepted, of all and under its present title, and of these the latest from its
        host, however long ago."""
        latest = self._associations.order_by("-started")
        accepted = latest.filter(rejection="")
        of_now = accepted.filter(calling=self.check.ae_title)
        found = [*latest[:MOST]]
        for its in (accepted, of_now):
            found += [*its[:1], *its.filter(address__in=(host, f"::ffff:{host}"))[:1]]
        ordered = sorted({one.pk: one for one in found}.values(), key=lambda one: one.started, reverse=True)
        return tuple(call_of(one, self._earlier.get(one.pk)) for one in ordered)

    def requests(self, verb: Verb) -> QuerySet[Message]:
        return self._messages(verb, Message.Direction.IN)

    def responses(self, verb: Verb, statuses: Iterable[int] | None = None) -> QuerySet[Message]:
        """The final ones; of certain statuses alone where these are given."""
        found = self._messages(verb, Message.Direction.OUT)
        return found if statuses is None else found.alias(answered=_by_no_index("status", 0)).filter(answered__in=list(statuses))

    def _messages(self, verb: Verb, direction: Message.Direction) -> QuerySet[Message]:
        its = self._associations.filter(has("asked", asked_by(verb))).order_by().values("pk")
        found = Message.objects.filter(self._within("time"), association__in=its, direction=direction)
        return found.alias(verb=_by_no_index("service", "")).filter(verb=verb.value).order_by("-time", "-pk")

    @cached_property
    def _associations(self) -> AssociationQuerySet:
        within = self._within("started")
        return self._own.filter(within | Q(pk__in=list(self._earlier)) if self._earlier else within)

    @cached_property
    def _earlier(self) -> dict[UUID, frozenset[str]]:
        """Associations that were open when the check was begun, with what was said in them since; those that said nothing are left out."""
        before = self._own.filter(started__lt=self.check.begun_at).order_by("-started").values_list("pk", flat=True)
        was_open = {*before.filter(ended=None)[:MOST]}
        was_open |= {pk for pk, ended in before.values_list("pk", "ended")[:MOST] if ended is not None and ended >= self.check.begun_at}
        if not was_open:
            return {}
        said = Message.objects.filter(self._within("time"), association__in=was_open, direction=Message.Direction.OUT)
        found: dict[UUID, set[str]] = {}
        for pk, verb in said.order_by().values_list("association_id", "service").distinct():
            found.setdefault(pk, set()).add(verb)
        return {pk: frozenset(verbs) for pk, verbs in found.items()}

    @property
    def _own(self) -> AssociationQuerySet:
        return self.journal.calling(self.check.ae_title)

    def _within(self, column: str) -> Q:
        """While the check was open."""
        since = Q(**{f"{column}__gte": self.check.begun_at})
        return since if self.check.ended_at is None else since & Q(**{f"{column}__lte": self.check.ended_at})


def call_of(one: Association, said: frozenset[str] | None = None) -> Call:
    """`said` are the operations of one that was open before its check, of which its row says more than counts."""
    return Call(
        id=one.pk,
        at=one.started,
        calling=one.calling,
        called=one.called,
        address=one.address,
        rejection=one.rejection,
        note=one.note,
        secured=one.secured,
        is_plain=one.is_plain,
        taken_for=one.taken_for,
        proposed=_proposed(one),
        said=said if said is not None else frozenset(verb.value for verb in Verb if Asked(one.asked) & asked_by(verb)),
    )


def _proposed(one: Association) -> dict[str, str]:
    """What became of each abstract syntax: accepted where one of its contexts was, else the first result."""
    found: dict[str, str] = {}
    for context in one.contexts:
        name, result = context["abstract_syntax"], context["result"]
        if result == ACCEPTED or name not in found:
            found[name] = result
    return found


def _by_no_index(column: str, empty: str | int) -> Coalesce:
    """The column as an expression: by its own index SQLite would read the messages of every station, of which it has no statistics."""
    return Coalesce(F(column), Value(empty))
