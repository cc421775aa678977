"""The lines of a charge: a code for what was done, then what was used up, each with its price. Reads only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from billing import supplies
from billing.apportioning import is_own
from billing.codes import Code
from billing.models import ChargeLine
from billing.supplies import Used
from ris.models import Procedure, RequestedProcedure

_MOST_NAMED: Final = 3


def lines_of(procedure: RequestedProcedure, modifier: str, codes: Sequence[Code], used: Sequence[Used]) -> tuple[ChargeLine, ...]:
    """A line for each code, then one for each thing used up, which no modifier reduces.

    The price of the order is that of its own code, else of the first code unless the catalogue prices it.
    """
    prices = _catalogue_prices(procedure, [*codes, *(one.code for one in used)])
    own = next((code for code in codes if is_own(code, procedure)), None) or next((code for code in codes[:1] if code not in prices), None)
    done = [
        ChargeLine(
            code=code.value,
            scheme=code.scheme,
            meaning=code.meaning or (procedure.meaning if is_own(code, procedure) else ""),
            modifier=modifier,
            unit_amount=_believed(procedure.price if code is own else prices.get(code)),
        )
        for code in codes
    ]
    lines = [*done, *(_line_of(one, prices) for one in used if one.code.value)]
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
        unit_amount=_believed(price, used.quantity),
    )


def _believed(price: Decimal | None, quantity: Decimal = Decimal(1)) -> Decimal | None:
    return price if price is not None and price * quantity <= supplies.MOST_WORTH else None


def quantity_doubts(used: Sequence[Used]) -> Iterator[str]:
    """Of each thing what of its quantity cannot be right, and what stands on its line for all of it; film that cannot be charged."""
    for one in used:
        quantity, said = f"{one.quantity.normalize():f}", _few(one.doubts)
        if not one.code.value:
            number = f"of a number that cannot be right ({said})" if said else f"({quantity})"
            yield f"Film {number} was used without its medium and size, and is not charged."
        elif said:
            unit = f" {one.unit}" if one.unit else ""
            noun = "quantity" if len(set(one.doubts)) == 1 else "quantities"
            yield f"The {noun} {said} of {one.code.value} cannot be right; {quantity}{unit} is charged."


def _few(said: Sequence[str]) -> str:
    """Each once, in quotes; of many the first."""
    each = list(dict.fromkeys(said))
    more = f" and {len(each) - _MOST_NAMED} more" if len(each) > _MOST_NAMED else ""
    return ", ".join(map(repr, each[:_MOST_NAMED])) + more


def _catalogue_prices(procedure: RequestedProcedure, codes: Iterable[Code]) -> dict[Code, Decimal]:
    others = [code.value for code in codes if not is_own(code, procedure)]  # what is the order's own has the order's price
    known = Procedure.objects.filter(site=procedure.site_id, code__in=others) if others else ()
    return {Code(one.code, one.scheme, one.meaning): one.price for one in known}
