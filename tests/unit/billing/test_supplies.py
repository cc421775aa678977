"""Lines of a charge that are no reported procedure code: what was used up, and what the catalogue says a protocol is."""

from decimal import Decimal

import pytest
from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement

from billing import messages
from billing.models import Charge
from ris.actions import steps
from ris.models import Procedure, ProcedureStepTemplate
from tests.support.charges import a_group, charged
from tests.support.hospital import ACTOR, a_procedure, an_order, steps_of
from tests.support.performing import code_items, film, perform, supply

pytestmark = pytest.mark.django_db
REFUSED = ("110505", "DCM", "Patient refused to continue procedure")
WRONG_ENTRY = ("110514", "DCM", "Incorrect worklist entry selected")


def lines(charge: Charge) -> list[tuple[str, str, Decimal, str, str, Decimal | None]]:
    return [(line.kind, line.code, line.quantity, line.unit, line.modifier, line.unit_amount) for line in charge.lines.all()]


def test_supplies_and_film_are_lines_of_their_own_with_the_catalogue_s_price() -> None:
    a_procedure("IOHEX", steps=("Iohexol",))
    perform(steps_of(an_order()), BillingSuppliesAndDevicesSequence=supply(), FilmConsumptionSequence=film())
    charge = Charge.objects.get()
    assert lines(charge) == [
        ("PROCEDURE", "CTCHEST", 1, "", "", 250),
        ("SUPPLY", "IOHEX", 80, "ml", "", 250),
        ("FILM", "BLUE-14INX17IN", 3, "", "", None),
    ]
    assert (charge.amount, charge.on_hold) == (250 + 80 * 250, "")


def test_message_has_an_ft1_for_each_line_and_a_pr1_for_the_procedure_only() -> None:
    perform(steps_of(an_order()), BillingSuppliesAndDevicesSequence=supply("12.5"), FilmConsumptionSequence=film())
    sent = [line.split("|") for line in messages.build(Charge.objects.get()).split("\r") if line]
    assert [segment[0] for segment in sent] == ["MSH", "EVN", "PID", "PV1", "FT1", "PR1", "FT1", "FT1"]
    charged = [segment for segment in sent if segment[0] == "FT1"]
    assert [segment[10] for segment in charged] == ["1", "12.5", "3"]
    assert [segment[8] for segment in charged] == ["CT chest", "Iohexol 350 (ml)", "Film, BLUE FILM 14INX17IN"]
    assert charged[0][25] and all(len(segment) <= 25 or not segment[25] for segment in charged[1:])


def test_supplies_of_reduced_work_have_no_modifier_and_those_of_work_worth_nothing_wait_for_a_person() -> None:
    perform(steps_of(an_order()), "DISCONTINUED", reason=REFUSED, BillingSuppliesAndDevicesSequence=supply())
    assert [(kind, modifier) for kind, _, _, _, modifier, _ in lines(Charge.objects.get())] == [("PROCEDURE", "52"), ("SUPPLY", "")]
    Charge.objects.all().delete()
    perform(steps_of(an_order()), "DISCONTINUED", images=0, reason=REFUSED, BillingSuppliesAndDevicesSequence=supply())
    charge = Charge.objects.get()
    assert [(kind, modifier) for kind, _, _, _, modifier, _ in lines(charge)] == [("SUPPLY", "")]
    assert charge.reason == "110505 Patient refused to continue procedure with no images → nothing; IOHEX was used up"
    assert charge.on_hold == "Nothing is charged for the work, but IOHEX was used up; check whether that is charged."


def test_what_was_used_up_by_work_of_another_entry_is_not_charged() -> None:
    perform(steps_of(an_order()), "DISCONTINUED", images=0, reason=WRONG_ENTRY, BillingSuppliesAndDevicesSequence=supply())
    assert not Charge.objects.exists()


def test_supplies_of_a_group_are_charged_once_with_the_first_procedure() -> None:
    perform(a_group(), BillingSuppliesAndDevicesSequence=supply())
    assert charged() == {"CTCHEST": (["CTCHEST", "IOHEX"], ""), "CTHEAD": (["CTHEAD"], "")}


@pytest.mark.parametrize("quantity", ["many", "-3", "NaN", "1E400", "99999"])
def test_quantity_that_cannot_be_right_waits_for_a_person(quantity: str) -> None:
    sent = supply()
    sent[0].QuantitySequence[0].add(_raw(quantity))
    perform(steps_of(an_order()), BillingSuppliesAndDevicesSequence=sent)
    charge = Charge.objects.get()
    assert charge.on_hold == f"The quantity {quantity!r} of IOHEX cannot be right; 1 ml is charged."
    assert [line.quantity for line in charge.lines.all()] == [1, 1]


def test_each_quantity_that_cannot_be_right_is_named_with_what_stands_on_its_line() -> None:
    sent = [*supply(), *supply(), *supply(), *supply(code="GAD")]
    for item, quantity in zip(sent, ("many", "80", "-3", "x"), strict=True):
        item.QuantitySequence[0].add(_raw(quantity))
    perform(steps_of(an_order()), BillingSuppliesAndDevicesSequence=sent)
    charge = Charge.objects.get()
    iohexol = "The quantities 'many', '-3' of IOHEX cannot be right; 82 ml is charged."
    assert charge.on_hold == f"{iohexol} The quantity 'x' of GAD cannot be right; 1 ml is charged."
    assert [(code, quantity) for _, code, quantity, *_ in lines(charge)[1:]] == [("IOHEX", 82), ("GAD", 1)]


def test_film_without_medium_and_size_is_named_and_not_charged() -> None:
    nameless = film(2)
    del nameless[0].MediumType, nameless[0].FilmSizeID
    perform(steps_of(an_order()), FilmConsumptionSequence=[*film(3), *nameless])
    charge = Charge.objects.get()
    assert charge.on_hold == "Film (2) was used without its medium and size, and is not charged."
    assert [(code, quantity) for _, code, quantity, *_ in lines(charge)[1:]] == [("BLUE-14INX17IN", 3)]


def test_an_empty_item_of_film_says_nothing() -> None:
    perform(steps_of(an_order()), FilmConsumptionSequence=[Dataset()])
    assert Charge.objects.get().on_hold == ""


def _raw(quantity: str) -> DataElement:
    return DataElement("Quantity", "LO", quantity, validation_mode=IGNORE)


def test_more_of_something_than_anybody_uses_waits_for_a_person_however_it_is_told() -> None:
    perform(steps_of(an_order()), BillingSuppliesAndDevicesSequence=supply("9999") * 1001)
    charge = Charge.objects.get()
    assert [line.quantity for line in charge.lines.all()] == [1, 9999]
    assert "IOHEX cannot be right" in charge.on_hold


def test_prices_that_nobody_believes_are_left_to_the_receiver() -> None:
    Procedure.objects.filter(pk__in=[a_procedure(code).pk for code in ("GOLD", "SILVER")]).update(price=60_000_000)
    perform(steps_of(an_order()), ProcedureCodeSequence=code_items(("GOLD", "99TEST", ""), ("SILVER", "99TEST", "")))
    assert [line.unit_amount for line in Charge.objects.get().lines.all()] == [None, None]


def test_of_something_that_was_not_used_there_is_no_line() -> None:
    perform(steps_of(an_order()), BillingSuppliesAndDevicesSequence=supply("0"))
    assert [code for _, code, *_ in lines(Charge.objects.get())] == ["CTCHEST"]


def protocol(code: str, *procedures: str) -> None:
    for name in procedures:
        a_procedure(name, steps=(name,))
        ProcedureStepTemplate.objects.filter(procedure__code=name).update(protocol_code=code, protocol_scheme="99PROT")


@pytest.mark.parametrize(
    ("procedures", "charged"),
    [
        (["CTABD"], ["CTABD"]),
        (["CTABD", "CTPELV"], ["CTCHEST"]),
        (["CTABD", "CTCHEST"], ["CTCHEST"]),
        ([], ["CTCHEST"]),
    ],
    ids=["one procedure", "two others: the order's", "the order's own", "none: the order's"],
)
@pytest.mark.parametrize("scheme", ["99PROT"])
def test_protocol_codes_are_charged_as_the_procedure_of_the_catalogue(procedures: list[str], charged: list[str], scheme: str) -> None:
    order = an_order()
    protocol("P7", *procedures)
    perform(steps_of(order), PerformedProtocolCodeSequence=code_items(("P7", scheme, "Protocol 7")))
    assert [line.code for line in Charge.objects.get().lines.all()] == charged


def test_protocol_code_does_not_matter_where_a_procedure_code_is_given() -> None:
    order = an_order()
    protocol("P7", "CTABD")
    perform(
        steps_of(order),
        ProcedureCodeSequence=code_items(("CTCHEST", "99TEST", "CT chest")),
        PerformedProtocolCodeSequence=code_items(("P7", "99PROT", "Protocol 7")),
    )
    assert [line.code for line in Charge.objects.get().lines.all()] == ["CTCHEST"]


ALL_CODES = code_items(("CTCHEST", "99TEST", ""), ("CTHEAD", "99TEST", ""), ("X1", "99TEST", ""))
CHANGED = ("110516", "DCM", "Equipment change")


@pytest.mark.parametrize("canceled", [["CTCHEST"], ["CTHEAD"], ["CTCHEST", "CTHEAD"]], ids=" and ".join)
def test_what_a_group_used_up_is_charged_once_whatever_was_put_back_and_canceled_since(canceled: list[str]) -> None:
    scheduled = a_group()
    perform(
        scheduled,
        "DISCONTINUED",
        images=40,
        reason=CHANGED,
        BillingSuppliesAndDevicesSequence=supply(),
        ProcedureCodeSequence=ALL_CODES,
    )
    for step in scheduled:
        if step.requested_procedure.code in canceled:
            steps.cancel(step.pk, ACTOR, reason="Patient left")
        else:
            perform([step], ProcedureCodeSequence=code_items((step.requested_procedure.code, "99TEST", "")))
    assert {code: lines for code, (lines, _) in charged().items()} == {"CTCHEST": ["CTCHEST", "X1", "IOHEX"], "CTHEAD": ["CTHEAD"]}


def test_work_on_a_step_that_is_canceled_afterwards_stays_charged_beside_a_step_that_is_done() -> None:
    first, second = steps_of(an_order(a_procedure("NMBONE", steps=("Injection", "Scan"))))
    perform([second], "DISCONTINUED", images=40, reason=CHANGED, BillingSuppliesAndDevicesSequence=supply())
    perform([first])
    steps.cancel(second.pk, ACTOR, reason="Patient left")
    charge = Charge.objects.get()
    assert [line.code for line in charge.lines.all()] == ["NMBONE", "IOHEX"]
    assert charge.lines.all()[0].modifier == "52"


def test_a_step_that_is_canceled_after_nothing_was_made_takes_nothing_from_the_others() -> None:
    first, second = steps_of(an_order(a_procedure("NMBONE", steps=("Injection", "Scan"))))
    perform([second], "DISCONTINUED", images=0, reason=CHANGED)
    perform([first])
    steps.cancel(second.pk, ACTOR, reason="Patient left")
    assert Charge.objects.get().lines.get().modifier == ""
