"""Which of the codes that performed steps report are charged with a requested procedure, and what a person has to check. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from billing import codes, supplies
from billing.codes import Code, Reported
from billing.supplies import Used
from mpps.models import PerformedProcedureStep, StepLink
from ris.models import RequestedProcedure
from ris.prepared import Prepared

_group = Prepared(
    lambda performed: (
        RequestedProcedure.objects.only("code", "scheme")
        .filter(pk__in=StepLink.objects.filter(performed_step=performed).values("step__requested_procedure"))
        .order_by("pk")
    ),
    "performed",
)
"""The requested procedures that a performed step was the work of, whatever became of them since: the first has what belongs to none."""


@dataclass(frozen=True, slots=True)
class Apportioned:
    """The codes that are charged, each once, and the doubts about them in words."""

    codes: tuple[Code, ...]
    doubts: tuple[str, ...] = ()


def codes_of(procedure: RequestedProcedure, charged: Sequence[PerformedProcedureStep]) -> Apportioned:
    """What is charged for the work of these performed steps: the codes of the best source that any of them has, else that of the order.

    What another one says by a weaker source is the same work in other words, unless it names something else: that is left to a person.
    """
    own = Code(procedure.code, procedure.scheme, procedure.meaning)
    said = [(one, reported) for one in charged if (reported := codes.reported(one.attributes, procedure.site_id, own)).codes]
    best = min((reported.rank for _, reported in said), default=0)
    parts = [_part(reported, procedure, _group(one.pk)) for one, reported in said if reported.rank == best]
    found = dict.fromkeys(code for part in parts for code in part.codes)
    doubts = dict.fromkeys(doubt for part in parts for doubt in part.doubts)
    weaker = [
        code
        for one, reported in said
        if reported.rank > best
        for code in _others(reported, (*_group(one.pk), procedure))
        if code not in found
    ]
    if weaker:
        doubts[f"Another performed step says {_named(weaker)}, and not by {codes.SOURCES[best]}; check whether it is charged, too."] = None
    return Apportioned(tuple(found) or (ordered(procedure),), tuple(doubts))


def _part(reported: Reported, procedure: RequestedProcedure, group: Sequence[RequestedProcedure]) -> Apportioned:
    """The share of one procedure in what a performed step reported.

    Of one that covers several requested procedures nobody says which code belongs to which. Each is charged by its own; what is of none of
    them is more that was done, charged by the first, if each has its own, and else may be another name of one that has none.
    """
    if len(group) < 2:
        return Apportioned(reported.codes)
    own = tuple(code for code in reported.codes if is_own(code, procedure))
    others = _others(reported, group)
    if all(any(is_own(code, one) for code in reported.codes) for one in group):
        return Apportioned(own + others if group[0].pk == procedure.pk else own)
    if own:
        return Apportioned(own)
    doubt = f"The modality reported {_named(others)}, of none of the {len(group)} procedures it was for; the ordered is charged."
    return Apportioned((ordered(procedure),), (doubt,) if others else ())


def _others(reported: Reported, group: Sequence[RequestedProcedure]) -> tuple[Code, ...]:
    """What is of none of the procedures that the work was for."""
    return tuple(code for code in reported.codes if not any(is_own(code, one) for one in group))


def _named(found: Iterable[Code]) -> str:
    return ", ".join(dict.fromkeys(code.value for code in found))


def used_for(procedure: RequestedProcedure, charged: Iterable[PerformedProcedureStep]) -> list[Used]:
    """What the performed steps used up, as far as it is charged with this procedure."""
    own = (performed for performed in charged if _has_the_supplies(procedure, performed))
    return supplies.together(one for performed in own for one in supplies.used(performed.attributes))


def _has_the_supplies(procedure: RequestedProcedure, performed: PerformedProcedureStep) -> bool:
    """Whether what the performed step used up is charged with this procedure: with the first of a group, so that it is charged once."""
    if next(supplies.used(performed.attributes), None) is None:
        return False
    group = _group(performed.pk)
    return not group or group[0].pk == procedure.pk


def ordered(procedure: RequestedProcedure) -> Code:
    """The code of the order; an order without one is charged by its Requested Procedure ID, so that the receiver can price it."""
    if procedure.code:
        return Code(procedure.code, procedure.scheme, procedure.meaning)
    name = procedure.requested_procedure_id or procedure.order.accession_number or str(procedure.pk)
    return Code(name, "", procedure.meaning or procedure.description or "Procedure without a code")


def is_own(code: Code, procedure: RequestedProcedure) -> bool:
    """Whether it is the code of the order."""
    return code == Code(procedure.code, procedure.scheme, "")
