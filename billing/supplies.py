"""What a performed step used up: supplies and devices, and film (PS3.3 C.4.16, the Billing and Material Management Codes module)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from billing.codes import Code, code
from billing.models import ChargeLine
from mpps import datasets
from mpps.datasets import Json, first_item, text

FILM_SCHEME = "99FILM"
"""Scheme of the codes that are made for film: DICOM names its medium and size, and gives no code."""
MOST = Decimal(9999)
"""More than this of anything is taken for a slip."""
MOST_WORTH = Decimal(1_000_000)
"""The same of the price of a line."""
_THOUSANDTH = Decimal("0.001")
_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Used:
    """How much of something was used up, in a unit of UCUM (empty: pieces). `doubts` are quantities that cannot be believed, as they came.

    Without a code it is film of which neither medium nor size was said: nobody knows what to charge.
    """

    kind: str
    code: Code
    quantity: Decimal
    unit: str = ""
    doubts: tuple[str, ...] = ()


def used(dataset: Json) -> Iterator[Used]:
    """The supplies of BillingSuppliesAndDevicesSequence (0040,0324), then the film of FilmConsumptionSequence (0040,0321).

    An item of which nothing was used says nothing, nor does a supply without a code.
    """
    for item in datasets.items(dataset, "BillingSuppliesAndDevicesSequence"):
        amount = first_item(item, "QuantitySequence")
        unit = code(first_item(amount, "MeasuringUnitsSequence")).value[:16]
        of = code(first_item(item, "BillingItemSequence"))
        if of.value:
            yield from _used(ChargeLine.Kind.SUPPLY, of, text(amount, "Quantity"), "" if unit == "1" else unit)
    for item in datasets.items(dataset, "FilmConsumptionSequence"):
        of, number = _film(text(item, "MediumType"), text(item, "FilmSizeID")), text(item, "NumberOfFilms")
        if of.value or number:
            yield from _used(ChargeLine.Kind.FILM, of, number)


def together(found: Iterator[Used]) -> list[Used]:
    """Each thing once, with all that was used of it, in the order of their first use."""
    summed: dict[tuple[Code, str], Used] = {}
    for one in found:
        before = summed.get((one.code, one.unit))
        if before is None:
            summed[one.code, one.unit] = one
        else:
            total, doubts = before.quantity + one.quantity, before.doubts + one.doubts
            quantity, more = (total, ()) if total <= MOST else (before.quantity, (f"{total.normalize():f}",))
            summed[one.code, one.unit] = replace(before, quantity=quantity, doubts=doubts + more)
    return list(summed.values())


def _used(kind: str, of: Code, quantity: str, unit: str = "") -> Iterator[Used]:
    if not quantity:
        yield Used(kind, of, Decimal(1), unit)
        return
    number = _number(quantity)
    if number is None:
        yield Used(kind, of, Decimal(1), unit, (quantity[:40],))
    elif number:
        yield Used(kind, of, number, unit)


def _number(quantity: str) -> Decimal | None:
    """A number to the thousandth; None for what is none, less than nothing, or more than anybody uses."""
    try:
        number = Decimal(quantity.strip())
    except InvalidOperation:
        return None
    return number.quantize(_THOUSANDTH).normalize() if number.is_finite() and _NONE <= number <= MOST else None


def _film(medium: str, size: str) -> Code:
    """`BLUE FILM` of `14INX17IN` → `BLUE-14INX17IN`, which the catalogue can hold with a price; no code when nothing is said of it."""
    said = " ".join(filter(None, (medium, size)))
    value = "-".join(filter(None, ((medium.split() or ["FILM"])[0], size)))
    return Code(value[:64] if said else "", FILM_SCHEME, f"Film, {said}" if said else "")
