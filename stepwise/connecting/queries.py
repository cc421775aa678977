"""The worklist queries of a check, each with what it got: the latest, and those that got something, however long ago."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.urls import reverse

from dimse.models import Message
from dimse.services import Verb
from dimse.statuses import CANCELED, SUCCESS
from ris.models import Order, RequestedProcedure
from stepwise.connecting.facts import QuerySeen
from stepwise.connecting.heard import Heard
from stepwise.connecting.own_lists import OwnLists
from worklist import captured, explanation, outcome
from worklist.keys import Kind
from worklist.query import STATION, Query

SHOWN: Final = 5


def seen(heard: Heard, test: Order | None) -> tuple[QuerySeen, ...]:
    """The latest first."""
    latest = heard.requests(Verb.C_FIND).values_list("pk", flat=True)[:SHOWN]
    asked = captured.these({*latest, *_answered(heard)}, heard.journal)
    outcomes = outcome.of_each([explanation.of_message(one, heard.check.ae_title, heard.journal) for one in asked])
    steps, own = _test_steps(test), OwnLists(heard.check)
    return tuple(_query(heard.check.ae_title, one, found, steps, own) for one, found in zip(asked, outcomes, strict=True))


def _answered(heard: Heard) -> Iterable[int]:
    """The first and the latest queries that got exams: of either some may have asked for the list of another station."""
    good = heard.responses(Verb.C_FIND, (SUCCESS, CANCELED)).filter(answer_count__gt=0).values_list("association_id", "message_id", "time")
    answers = [*good[:SHOWN], *good.order_by("time", "pk")[:SHOWN]]
    ids = {association for association, _, _ in answers}
    requests = Message.objects.filter(association__in=ids, direction=Message.Direction.IN).order_by("-time", "-pk")
    asked = [one for one in requests.values_list("pk", "association_id", "message_id", "time", "service") if one[4] == Verb.C_FIND.value]
    for association, number, at in answers:
        its = (pk for pk, whose, which, when, _ in asked if (whose, which) == (association, number) and when <= at)
        yield from list(its)[:1]


def _test_steps(test: Order | None) -> list[tuple[str, str]]:
    if test is None:
        return []
    procedures = RequestedProcedure.objects.filter(order=test)
    return list(procedures.values_list("steps__scheduled_procedure_step_id", "study_instance_uid"))


def _query(ae_title: str, one: captured.Captured, found: outcome.Outcome, steps: Sequence[tuple[str, str]], own: OwnLists) -> QuerySeen:
    return QuerySeen(
        at=one.message.time,
        call=one.message.association_id,
        got=found.got,
        of=found.of,
        said=found.summary,
        failure=one.failure or found.asking.problem,
        advice=found.main.verdict.advice if found.is_empty and found.main else "",
        explain=f"{reverse('station-queries', args=[ae_title])}?message={one.message.pk}",
        has_test=any(one.place_of(*step) for step in steps),
        others=_others(found.asking.query, own, one.message.time),
    )


def _others(asked: Query | None, own: OwnLists, at: datetime) -> tuple[str, ...]:
    """The stations that it named, when no list that was its own then is among theirs; a pattern may be of any."""
    station = asked.asked(STATION) if asked is not None else None
    if station is None or station.kind is Kind.WILDCARD or any(own.hold(title, at) for title in station.values):
        return ()
    return station.values
