"""The pages of what was performed, charged and said over the network."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from pydicom.dataset import Dataset

from billing.models import Charge
from dimse.models import Association, Message
from dimse.summaries import Came
from ris.actions import steps
from ris.actor import Actor
from ris.models import ScheduledProcedureStep
from ris.web import datasets
from tests.support.hospital import a_site, a_station, an_order, in_minutes, steps_of
from tests.support.performing import begin, code_items, end, perform

pytestmark = pytest.mark.django_db(databases=["default", "journal"])
SignIn = Callable[..., Client]


def a_step(**patient: object) -> ScheduledProcedureStep:
    return steps_of(an_order(start=in_minutes(1), **patient))[0]


def test_the_board_shows_who_is_on_the_table_and_who_is_next(signed_in: SignIn) -> None:
    performed = begin([a_step(name="Tanaka^Hanako=田中^花子")])
    a_station("US01", "US")
    text = signed_in("technologist").get("/performed/").content.decode()
    assert '<span class="fam">TANAKA</span>, Hanako' in text
    assert "expected 30" in text
    assert "Nobody on the table" in text
    assert f"/performed/{performed.pk}/" in text


def test_the_board_shows_an_exam_started_by_hand(signed_in: SignIn) -> None:
    step = a_step(name="Şahin^Emre")
    steps.change_status(step.pk, "start_by_hand", Actor("user", "Priya Anand"))
    assert "Started by hand, no MPPS" in signed_in("technologist").get("/performed/").content.decode()


def test_an_unscheduled_step_is_named_as_such_and_can_be_looked_at(signed_in: SignIn) -> None:
    a_site()
    performed = begin([])
    client = signed_in("technologist")
    board = client.get("/performed/?show=unscheduled").content.decode()
    assert 'data-status="UNSCHEDULED"' in board
    assert "No scheduled exam is known" in client.get(f"/performed/{performed.pk}/").content.decode()


def test_charges_are_shown_to_who_may_see_them(signed_in: SignIn) -> None:
    step = a_step()
    perform([step])
    control_id = Charge.objects.get().control_id or ""
    for role, sees in (("biller", True), ("scheduler", False)):
        client = signed_in(role)
        assert (control_id in client.get(f"/steps/{step.pk}/").content.decode()) is sees
        assert (">Charge<" in client.get("/performed/").content.decode()) is sees
        assert (client.get("/charges/").status_code == 200) is sees


def test_an_exam_shows_its_item_its_messages_and_its_series(signed_in: SignIn) -> None:
    step = a_step()
    client = signed_in()
    waiting = client.get(f"/steps/{step.pk}/").content.decode()
    assert "what a modality that asks is shown" in waiting
    assert "ScheduledStationAETitle" in waiting.replace("<wbr>", "")
    perform([step])
    done = client.get(f"/steps/{step.pk}/").content.decode()
    assert "on no worklist now" in done
    assert "answered 0000 Success" in done
    assert "(0040,0100) SQ" in client.get(f"/steps/{step.pk}/?item=dump").content.decode()
    assert "&quot;00400100&quot;" in client.get(f"/steps/{step.pk}/?item=json").content.decode()


def test_the_books_of_the_day_add_up(signed_in: SignIn) -> None:
    for station in ("CT01", "CT02"):
        perform(steps_of(an_order(station=station, start=in_minutes(1))))
    held = Charge.objects.latest("pk")
    Charge.objects.filter(pk=held.pk).update(on_hold="Birth date differs from the order")
    text = signed_in("biller").get("/charges/").content.decode()
    assert "Captured 2, Posted 0, Waiting 1, On hold 1, Refused 0" in text
    assert "Birth date differs from the order" in text


def test_a_held_charge_is_released_by_who_may(signed_in: SignIn) -> None:
    perform([a_step()])
    charge = Charge.objects.get()
    Charge.objects.filter(pk=charge.pk).update(on_hold="Look at it")
    assert signed_in("technologist").post(f"/charges/{charge.pk}/release/").status_code == 403
    client = signed_in("biller")
    assert "Release" in client.get(f"/charges/{charge.pk}/").content.decode()
    charge.refresh_from_db()
    client.post(f"/charges/{charge.pk}/release/", {"seen": charge.mark})
    charge.refresh_from_db()
    assert charge.on_hold == ""
    again = client.post(f"/charges/{charge.pk}/release/", {"seen": charge.mark}, follow=True)
    assert "is not on hold" in again.content.decode()


def test_a_charge_that_is_none_is_404_in_words(signed_in: SignIn) -> None:
    a_site()
    answer = signed_in("biller").get("/charges/4711/")
    assert answer.status_code == 404
    assert "There is no charge with id 4711" in answer.content.decode()


def an_association(**changes: object) -> Association:
    started = datetime.now(UTC)
    values = {
        "id": uuid4(),
        "started": started,
        "ended": started + timedelta(milliseconds=12),
        "end": Association.End.RELEASED,
        "calling": "CT01",
        "called": "STEPWISE",
        "address": "10.20.4.11",
        "port": 52144,
        "contexts": [{"abstract_syntax": "1.2.840.10008.5.1.4.31", "transfer_syntax": "1.2.840.10008.1.2", "result": "accepted"}],
        "came": int(Came.NOTED if changes.get("note") else 0),
    }
    return Association.objects.create(**(values | changes))


def a_message(association: Association, direction: str, **changes: object) -> Message:
    values = {
        "association": association,
        "time": association.started,
        "direction": direction,
        "service": "C-FIND",
        "message_id": 7,
        "sop_class_uid": "1.2.840.10008.5.1.4.31",
        "transfer_syntax": "1.2.840.10008.1.2",
        "size": 12,
    }
    return Message.objects.create(**(values | changes))


def test_the_log_says_what_was_asked_and_how_it_was_answered(signed_in: SignIn) -> None:
    a_site()
    asked = an_association()
    a_message(asked, "in", data=b"\x08\x00\x60\x00\x02\x00\x00\x00CT\x10\x00\x10\x00\x00\x00\x00\x00")
    a_message(asked, "out", status=0, answer_count=0, duration_ms=2.5)
    an_association(calling="OLDCR", end=Association.End.REJECTED, rejection="calling AE title not known")
    client = signed_in("integrator")
    text = client.get("/associations/").content.decode()
    assert "C-FIND, 0 answers" in text
    assert "Success, nothing matched" in text
    assert "Calling AE title not known" in text
    failures = client.get("/associations/?result=failures").content.decode()
    assert "OLDCR" in failures
    assert "CT01</a>" not in failures
    one = client.get(f"/associations/{asked.pk}/").content.decode()
    assert "Modality Worklist Information Model - FIND" in one
    assert "(no value)" in one


def test_the_log_links_a_message_to_the_exam_it_changed(signed_in: SignIn) -> None:
    performed = begin([a_step(name="Doe^John")])
    association = an_association()
    a_message(association, "out", service="N-CREATE", status=0x0110, comment="may no longer", sop_instance_uid=performed.sop_instance_uid)
    text = signed_in("integrator").get("/associations/").content.decode()
    assert f"/performed/{performed.pk}/" in text
    assert "0110" in text
    assert "may no longer" in text


def test_a_data_set_that_pydicom_refuses_is_shown_as_json() -> None:
    shown = datasets.shown_json({"00100030": {"vr": "DA", "Value": [{"odd": 1}]}, "nonsense": {"vr": "XX"}}, "request-1", "tree")
    assert "nonsense" in shown.text


def test_a_note_tells_in_the_log_what_a_status_cannot(signed_in: SignIn) -> None:
    a_site()
    note = "no presentation context accepted: asked for Patient Root Query (abstract syntax not supported)"
    quiet = an_association(calling="QUIETCT", end=Association.End.RELEASED)
    an_association(calling="FINDSCU", end=Association.End.RELEASED, note=note, came=int(Came.NOTED))
    stranger = an_association(calling="", called="", end=Association.End.ABORTED_HERE, note="not DICOM: the first bytes are 'GET /'")
    client = signed_in("integrator")
    failures = client.get("/associations/?result=failures").content.decode()
    assert note[1:30] in failures
    assert "No AE title" in failures
    assert quiet.calling not in failures
    one = client.get(f"/associations/{stranger.pk}/").content.decode()
    assert "Not DICOM: the first bytes" in one
    assert "No association" in one


def test_the_page_of_a_performed_step_shows_dose_material_and_every_message_both_ways(signed_in: SignIn) -> None:
    exposure, film, supply, amount, unit = (Dataset() for _ in range(5))
    exposure.RadiationMode, exposure.KVP = "CONTINUOUS", "81.5"
    film.NumberOfFilms, film.MediumType = "3", "BLUE FILM"
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "ml", "UCUM", "milliliter"
    amount.Quantity, amount.MeasuringUnitsSequence = "80", [unit]
    supply.QuantitySequence, supply.BillingItemSequence = [amount], code_items(("C-B0300", "SRT", "Contrast agent"))
    performed = end(
        begin([a_step()]),
        images=60,
        TotalTimeOfFluoroscopy=42,
        ImageAndFluoroscopyAreaDoseProduct="12.5",
        ExposureDoseSequence=[exposure],
        FilmConsumptionSequence=[film],
        BillingSuppliesAndDevicesSequence=[supply],
    )
    client, address = signed_in("technologist"), f"/performed/{performed.pk}/"
    text = client.get(address).content.decode()
    for shown in ("42 s", "12.5 dGy·cm²", "81.5 kV", "CONTINUOUS", "Blue film", "Contrast agent (C-B0300, SRT)", "80 milliliter"):
        assert shown in text, shown
    assert "60 instances" in text
    assert "And 10 more" in text
    first, last = performed.messages.order_by("pk")
    assert "N-SET, exchange 2" in text
    assert "0000</span> Success" in text
    chosen = client.get(f"{address}?message={first.pk}&as=dump").content.decode()
    assert "N-CREATE, exchange 1" in chosen
    assert "(0040,0252) CS [IN PROGRESS]" in chosen
    assert "&quot;00400252&quot;" in client.get(f"{address}?message={last.pk}&as=json").content.decode()
    for odd in ("message=x", "message=999999", "message=²", "as=odd"):
        assert "N-SET, exchange 2" in client.get(f"{address}?{odd}").content.decode()


def test_a_response_is_shown_as_it_was_sent_while_the_association_log_has_it(signed_in: SignIn) -> None:
    performed = begin([a_step()])
    address = f"/performed/{performed.pk}/"
    message = performed.messages.get()
    client = signed_in("technologist")
    assert "no longer has the response" in client.get(address).content.decode()
    association = Association.objects.create(
        id=uuid4(), started=message.received_at, calling="CT01", called="STEPWISE", address="10.0.0.1", port=1
    )
    for comment in ("the first of two", "the last"):
        Message.objects.create(
            association=association, time=message.received_at, direction="out", service="N-CREATE", message_id=message.message_id, status=0,
            sop_class_uid="1", sop_instance_uid=performed.sop_instance_uid, transfer_syntax="1.2.840.10008.1.2", size=0, comment=comment,
        )  # fmt: skip
    text = client.get(address + "?message=1").content.decode()
    assert "no longer has the response" not in text
    assert "the last" in text
