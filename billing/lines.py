"""The lines of a charge: a code for what was done, then what was used up, each with its price. Reads only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from billing import codes as reporting
from billing import supplies
from billing.codes import Code
from billing.models import ChargeLine
from billing.supplies import Used
from mpps.models import PerformedProcedureStep, StepLink
from ris import transitions
from ris.models import Procedure, RequestedProcedure
from ris.prepared import Prepared

_group = Prepared(
    lambda performed: (
        RequestedProcedure.objects.only("code", "scheme")
        .filter(
            pk__in=StepLink.objects.filter(performed_step=performed)
            .exclude(step__status=transitions.CANCELED)
            .values("step__requested_procedure")
        )
        .order_by("pk")
    ),
    "performed",
)
"""The requested procedures that a performed step is the work of, the first of which has what belongs to none of them."""


def lines_of(
    procedure: RequestedProcedure, modifier: str, charged: Sequence[PerformedProcedureStep], used: Sequence[Used]
) -> tuple[ChargeLine, ...]:
    """A line for each code, then one for each thing used up, which no modifier reduces.

    The price of the order is that of its own code, else of the first code unless the catalogue prices it.
    """
    codes = list(dict.fromkeys(code for one in charged for code in _reported(one, procedure))) or [_ordered(procedure)]
    prices = _catalogue_prices(procedure, [*codes, *(one.code for one in used)])
    own = next((code for code in codes if _is_own(code, procedure)), None) or next((code for code in codes[:1] if code not in prices), None)
    done = [
        ChargeLine(
            code=code.value,
            scheme=code.scheme,
            meaning=code.meaning or (procedure.meaning if _is_own(code, procedure) else ""),
            modifier=modifier,
            unit_amount=procedure.price if code is own else prices.get(code),
        )
        for code in codes
    ]
    lines = [*done, *(_line_of(one, prices) for one in used)]
    for position, line in enumerate(lines, 1):
        line.position = position
    return tuple(lines)


def _line_of(used: Used, prices: Mapping[Code, Decimal]) -> ChargeLine:
    """What costs more than anybody believes is left to the receiver to price."""
    code, price = used.code, prices.get(used.code)
    return ChargeLine(
        kind=used.kind,
        code=code.value,
        scheme=code.scheme,
        meaning=code.meaning,
        quantity=used.quantity,
        unit=used.unit,
        unit_amount=price if price is not None and price * used.quantity <= supplies.MOST_WORTH else None,
    )


def quantity_doubts(used: Sequence[Used]) -> Iterator[str]:
    for one in used:
        if one.doubt:
            yield f"The quantity {one.doubt!r} of {one.code.value} cannot be right; 1 is charged."
            return


def _reported(performed: PerformedProcedureStep, procedure: RequestedProcedure) -> list[Code]:
    """Codes that the performed step gives for this procedure.

    Of a performed step that covers several requested procedures nobody says which code belongs to which: there each procedure
    is charged by its own, and what is of none of them by the first.
    """
    codes = reporting.reported(performed.attributes, procedure.site_id, Code(procedure.code, procedure.scheme, procedure.meaning))
    group = _group(performed.pk) if codes else []
    if len(group) < 2:
        return codes
    own = [code for code in codes if _is_own(code, procedure)] or [_ordered(procedure)]
    if group[0].pk != procedure.pk:
        return own
    return own + [code for code in codes if not any(_is_own(code, one) for one in group)]


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


def _ordered(procedure: RequestedProcedure) -> Code:
    """The code of the order; an order without one is charged by its Requested Procedure ID, so that the receiver can price it."""
    if procedure.code:
        return Code(procedure.code, procedure.scheme, procedure.meaning)
    name = procedure.requested_procedure_id or procedure.order.accession_number or str(procedure.pk)
    return Code(name, "", procedure.meaning or procedure.description or "Procedure without a code")


def _is_own(code: Code, procedure: RequestedProcedure) -> bool:
    return code == Code(procedure.code, procedure.scheme, "")


def _catalogue_prices(procedure: RequestedProcedure, codes: Iterable[Code]) -> dict[Code, Decimal]:
    others = [code.value for code in codes if not _is_own(code, procedure)]  # what is the order's own has the order's price
    known = Procedure.objects.filter(site=procedure.site_id, code__in=others) if others else ()
    return {Code(one.code, one.scheme, one.meaning): one.price for one in known}
