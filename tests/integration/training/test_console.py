"""A console in the browser over real DICOM: each key, what the server stored of it, and what the console tells when there is no answer."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actor import Actor
from ris.errors import Conflict, NotFound, Unavailable
from ris.models import Order
from tests.support.console import OPERATOR, Keys, a_console, worker_at_once, worker_later
from tests.support.hospital import a_procedure, a_site, an_order, in_minutes, steps_of
from tests.support.ports import free_port
from tests.support.sites import another_site
from training import tasks
from training.actions import console_acts, faults
from training.actions.consoles import ConsoleData, delete_console, save_console
from training.actions.faults import FaultData
from training.consoles import arguments, performing
from training.consoles.pressing import press
from training.faults import active, broker
from training.faults.kinds import BROKER
from training.models import Console, ConsoleAct, ConsoleMessage
from training.profiles import all_profiles

Status = ConsoleAct.Status


def today(hour: int = 12, **values: object) -> Order:
    midnight = clock.day_bounds(clock.today(a_site()), a_site())[0]
    return an_order(start=midnight + timedelta(hours=hour), **values)  # type: ignore[arg-type]


@pytest.fixture
def here(port: int, settings, monkeypatch: pytest.MonkeyPatch) -> int:
    """Consoles that are not pointed elsewhere find this process's SCP, and a worker that is never busy."""
    settings.DICOM_PORT = port
    worker_at_once(monkeypatch)
    return port


@pytest.fixture
def keys(here: int) -> Keys:
    return Keys(a_console())


def started(keys: Keys, *orders: Order) -> PerformedProcedureStep:
    """The first of the orders is asked for, selected and begun."""
    keys("update")
    name = steps_of(orders[0])[0].scheduled_procedure_step_id
    act = keys("start", pick=next(row["key"] for row in keys.rows() if row["step_id"] == name))
    assert act.status == Status.DONE, act.text
    return PerformedProcedureStep.objects.latest("pk")


def test_an_exam_from_the_list_to_its_end(keys: Keys) -> None:
    order = today(name="MÜLLER^Jürgen=山田^太郎")
    performed = started(keys, order)
    assert keys.rows()[0]["name"] == "MÜLLER^Jürgen=山田^太郎"
    assert (performed.patient_name, performed.station_ae_title) == ("MÜLLER^Jürgen=山田^太郎", "CT01")
    keys("next")
    act = keys("report")
    assert act.status == Status.DONE
    assert act.text.startswith("IN PROGRESS, 1 series")
    assert performed.series.count() == 1
    keys("next")
    assert keys("complete").text.startswith("COMPLETED, 2 series")
    performed.refresh_from_db()
    assert (performed.status, performed.series.count()) == ("COMPLETED", 2)
    verbs = list(ConsoleMessage.objects.order_by("pk").values_list("verb", "status", "answer_count"))
    assert verbs == [("C-FIND", 0, 1), ("N-CREATE", 0, None), ("N-SET", 0, None), ("N-SET", 0, None)]
    asked, created, *_ = ConsoleMessage.objects.order_by("pk")
    assert asked.summary.startswith("station CT01, date ")
    assert len(asked.answers) == 1
    assert created.request["00100010"]["Value"][0]["Alphabetic"] == "MÜLLER^Jürgen"


@pytest.mark.parametrize("profile", ["lumen-16", "boreal-3t", "sonara-one", "vesper-mammo", "quill-spect"])
def test_a_console_does_what_the_device_does_that_it_imitates(here: int, profile: str) -> None:
    today(name="MÜLLER^Jürgen")
    keys = Keys(a_console(profile=profile, kind=all_profiles()[profile].kind))
    keys("update", modality="")
    assert keys("update", modality="").text.endswith(": 1 answer")
    keys("start", pick=keys.rows()[0]["key"])
    keys("next")
    assert keys("complete").status == Status.DONE
    assert PerformedProcedureStep.objects.get().status == "COMPLETED"
    assert ConsoleMessage.objects.filter(verb="C-FIND").count() == 2
    assert (ConsoleMessage.objects.filter(status=0x0111).count() == 1) == (profile == "lumen-16")


def test_a_long_list_is_canceled_before_it_fills_the_worker(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performing, "MOST_LISTED", 2)
    for number in range(3):
        an_order(start=in_minutes(10 + 40 * number))
    act = keys("update", days="all")
    assert act.text.endswith(": 2 answers, and the query was canceled there: ask for less")
    assert len(keys.rows()) == 2


def test_an_exam_is_discontinued_with_a_reason_and_gone_on_with(keys: Keys) -> None:
    performed = started(keys, today())
    keys("discontinue", reason="110514")
    performed.refresh_from_db()
    assert (performed.status, performed.discontinuation_reason_code) == ("DISCONTINUED", "110514")
    assert keys("append").status == Status.DONE
    again = PerformedProcedureStep.objects.latest("pk")
    assert again.pk != performed.pk
    assert [link.step for link in again.links.all()] == [link.step for link in performed.links.all()]


def test_two_steps_of_a_patient_become_one_exam(keys: Keys) -> None:
    order = today(procedure=a_procedure("TWO", steps=("First", "Second")))
    for step in steps_of(order)[1:]:
        type(step).objects.filter(pk=step.pk).update(start=steps_of(order)[0].start)
    keys("update", days="all", any_station=True)
    assert len(keys.rows()) == 2, keys.rows()
    act = keys("group", picks=[row["key"] for row in keys.rows()])
    assert act.status == Status.DONE, act.text
    assert PerformedProcedureStep.objects.get().links.count() == 2


def test_the_wrong_patient_is_somebody_else_of_the_list(keys: Keys) -> None:
    meant = today()
    an_order(start=(steps_of(meant)[0].start or clock.now()) + timedelta(hours=1))
    keys("update")
    pick = next(row for row in keys.rows() if row["accession"] == meant.accession_number)
    act = keys("wrong", pick=pick["key"])
    assert "110514" in act.text
    assert PerformedProcedureStep.objects.get().patient_id != pick["patient_id"]


def test_a_typed_patient_is_unscheduled(keys: Keys) -> None:
    act = keys("hand", name="TYPED^Tom", patient_id="4711", birth_date="1970-01-31", sex="M", description="Head", slip="double-patient")
    assert "No order stands behind it" in act.text
    performed = PerformedProcedureStep.objects.get()
    assert (performed.patient_name, performed.unscheduled) == ("TYPED^Tom", True)
    assert performed.patient_id.startswith("TMP")


def test_the_plug_forgets_what_was_not_reported_and_sends_nothing(keys: Keys) -> None:
    performed = started(keys, today())
    keys("next")
    keys("report")
    keys("next")
    sent = ConsoleMessage.objects.count()
    act = keys("plug")
    assert "1 series" in act.text
    assert ConsoleMessage.objects.count() == sent
    assert [len(exam.series) for exam in keys.exams()] == [1]
    performed.refresh_from_db()
    assert performed.status == "IN PROGRESS"
    assert keys("complete").status == Status.DONE


def test_a_refusal_is_told_with_its_status(keys: Keys) -> None:
    performed = started(keys, today())
    PerformedProcedureStep.objects.filter(pk=performed.pk).update(status="COMPLETED")
    act = keys("complete")
    assert act.status == Status.FAILED
    assert "0110H" in act.text
    message = ConsoleMessage.objects.first()
    assert message is not None
    assert (message.status, message.error_id) == (0x0110, 0xA710)


def test_a_console_that_is_pointed_elsewhere_talks_to_that(here: int) -> None:
    keys = Keys(a_console("MYSCANNER", host="127.0.0.1", port=here, called="STEPWISE"))
    act = keys("update")
    assert act.status == Status.FAILED
    assert "does not know MYSCANNER" in act.text
    assert "--" not in act.text


def test_a_target_that_is_not_there_leaves_the_console_usable(keys: Keys) -> None:
    today()
    keys("update")
    port = free_port()
    Console.objects.update(host="127.0.0.1", port=port, called="NOBODY")
    act = keys("start", pick=keys.rows()[0]["key"])
    assert act.status == Status.FAILED
    assert f"NOBODY at 127.0.0.1:{port} is not reachable" in act.text
    assert "Nothing was sent this time: press “Start exam” again" in act.text
    assert "pull the plug" in act.text
    Console.objects.update(host="", port=None, called="")
    assert keys("start").status == Status.DONE
    assert PerformedProcedureStep.objects.get().sop_instance_uid == keys.exams()[-1].sop_instance_uid


def test_without_a_broker_the_key_is_undone_in_words(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **options: object) -> None:
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(tasks.perform, "apply_async", away)
    with pytest.raises(Unavailable, match="nothing was sent"):
        keys("update")
    act = ConsoleAct.objects.get()
    assert (act.status, act.is_open) == (Status.WITHDRAWN, False)
    performing.perform(act.pk)
    assert not ConsoleMessage.objects.exists()


@pytest.mark.parametrize("answered", [True, False])
def test_who_presses_start_after_another_one_did_is_told_whose_exam_began(keys: Keys, port: int, settings, answered: bool) -> None:
    orders = today(name="DOE^Jane"), today(14, name="SMITH^John")
    keys("update", days="all")
    first, second = (
        next(row for row in keys.rows() if row["step_id"] == steps_of(order)[0].scheduled_procedure_step_id) for order in orders
    )
    if not answered:
        settings.DICOM_PORT = free_port()
    keys("start", pick=first["key"])
    settings.DICOM_PORT = port
    told = f"{OPERATOR.name} started {first['step_id']} of DOE, Jane here meanwhile; yours, {second['step_id']} of SMITH, John, was"
    with pytest.raises(Conflict) as error:
        keys("start", pick=second["key"])
    assert told in str(error.value)
    assert len(keys.exams()) == 1
    assert PerformedProcedureStep.objects.count() == answered


def test_a_start_that_waited_while_another_one_was_not_answered_is_not_taken_for_its_repetition(
    keys: Keys, monkeypatch: pytest.MonkeyPatch, settings, port: int
) -> None:
    orders = today(name="DOE^Jane"), today(14, name="SMITH^John")
    keys("update", days="all")
    first, second = (
        next(row for row in keys.rows() if row["step_id"] == steps_of(order)[0].scheduled_procedure_step_id) for order in orders
    )
    checked = arguments.checked
    seen = Console.objects.get()
    monkeypatch.setattr(arguments, "checked", lambda key, console, given: checked(key, seen, given))
    settings.DICOM_PORT = free_port()
    keys("start", pick=first["key"])
    settings.DICOM_PORT = port
    act = keys("start", pick=second["key"])
    assert (act.status, "of DOE, Jane here meanwhile; yours" in act.text) == (Status.FAILED, True)
    assert not PerformedProcedureStep.objects.exists()


@pytest.mark.django_db
def test_with_the_broker_down_on_purpose_it_is_said_who_did_it_and_until_when(monkeypatch: pytest.MonkeyPatch) -> None:
    def held_back(*args: object, **options: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(tasks.perform, "apply_async", held_back)
    monkeypatch.setattr(broker, "pause", lambda seconds: None)
    fault = faults.switch_on(a_site(), FaultData(BROKER), Actor.system("maya"))
    with pytest.raises(Unavailable) as error:
        Keys(a_console())("update")
    assert f"injected by maya until {active.ends(fault)}" in str(error.value)
    assert "make run" not in str(error.value)


def test_a_fault_of_ours_leaves_the_console_usable(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performing, "modality_of", lambda act: 1 / 0)
    act = keys("update")
    assert (act.status, "ZeroDivisionError" in act.text) == (Status.FAILED, True)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_one_console_one_is_told_that_it_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = worker_later(monkeypatch)
    console = a_console()
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def somebody() -> None:
        barrier.wait()
        try:
            press(console, "update", {}, OPERATOR)
            outcomes.append("pressed")
        except Conflict as error:
            outcomes.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=somebody) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("pressed") == 1, outcomes
    assert sum("is busy" in outcome for outcome in outcomes) == 3
    assert len(waiting) == 1


@pytest.mark.both_databases
@pytest.mark.django_db
def test_a_worker_that_was_killed_leaves_the_console_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = worker_later(monkeypatch)
    keys = Keys(a_console())
    keys("update")
    claimed = console_acts.claim(waiting[0])
    assert claimed is not None
    assert console_acts.claim(waiting[0]) is None
    with pytest.raises(Conflict, match="is busy"):
        keys("echo")
    ConsoleAct.objects.update(until=Now() - timedelta(seconds=1))
    keys("echo")
    lost = ConsoleAct.objects.get(pk=claimed.pk)
    assert (lost.status, "the same UID" in lost.text) == (Status.LOST, True)
    with pytest.raises(console_acts.NotHeld):
        console_acts.keep(claimed, {"exams": []})
    console_acts.finish(claimed, Status.DONE, "late")
    lost.refresh_from_db()
    assert lost.status == Status.LOST


@pytest.mark.django_db
def test_a_worker_that_comes_back_to_a_removed_console_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = worker_later(monkeypatch)
    keys = Keys(a_console())
    keys("echo")

    def removed_meanwhile(act: ConsoleAct) -> None:
        ConsoleAct.objects.update(status=Status.LOST)
        delete_console(a_site(), "CT01", OPERATOR)
        raise NotFound("gone")

    monkeypatch.setattr(performing, "modality_of", removed_meanwhile)
    performing.perform(waiting[0])
    assert not ConsoleAct.objects.exists()


@pytest.mark.django_db
def test_of_the_keys_of_a_console_the_latest_are_kept_with_their_messages(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_acts, "KEPT", 2)
    pressed = [keys("echo").pk for _ in range(4)]
    assert list(ConsoleAct.objects.order_by("pk").values_list("pk", flat=True)) == pressed[2:]
    assert list(ConsoleMessage.objects.order_by("pk").values_list("act", flat=True)) == pressed[2:]


@pytest.mark.both_databases
@pytest.mark.django_db
def test_what_no_worker_took_in_time_is_over_and_can_be_taken_back_before(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = worker_later(monkeypatch)
    keys = Keys(a_console())
    assert console_acts.withdraw(keys("update").pk, "taken back")
    assert console_acts.claim(waiting[0]) is None
    late = keys("update")
    ConsoleAct.objects.filter(pk=late.pk).update(until=Now() - timedelta(seconds=1))
    assert console_acts.claim(late.pk) is None
    console_acts.settle(keys.console.pk)
    late.refresh_from_db()
    assert (late.status, "No worker took it" in late.text) == (Status.WITHDRAWN, True)


@pytest.mark.django_db
def test_the_plug_cuts_off_what_is_under_way(monkeypatch: pytest.MonkeyPatch, here: int) -> None:
    keys = Keys(a_console())
    started(keys, today())
    waiting = worker_later(monkeypatch)
    report = keys("report")
    claimed = console_acts.claim(waiting[0])
    assert claimed is not None
    assert keys("plug").status == Status.DONE
    report.refresh_from_db()
    assert (report.status, report.text.startswith("The power went")) == (Status.LOST, True)
    with pytest.raises(console_acts.NotHeld):
        console_acts.keep(claimed, {"exams": []})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
@pytest.mark.parametrize("called", ["STEPWISE", "NOBODY"])
def test_a_console_is_told_nothing_of_another_hospital_here(here: int, settings, called: str, host: str) -> None:
    """By a title that was the other one's, or handed out, after the console was pointed there; or by one that nobody has."""
    today(name="ZEBEDEE^Secret")
    south, own = another_site(), a_site()
    console = save_console(south, ConsoleData("CT01", host=host, port=here, called="SOUTHRIS"), OPERATOR)
    Console.objects.filter(pk=console.pk).update(called=called)
    settings.UNKNOWN_CALLED = "accept"
    act = Keys(console)("update")
    assert (act.status, "Nothing was sent" in act.text) == (Status.FAILED, True), act.text
    assert not ConsoleMessage.objects.exists()
    mine = Keys(save_console(own, ConsoleData("CT01", host=host, port=here, called="STEPWISE"), OPERATOR))
    mine("update")
    assert [row["name"] for row in mine.rows()] == ["ZEBEDEE^Secret"]
