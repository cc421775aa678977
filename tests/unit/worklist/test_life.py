"""An order's life in any sequence: what the SCP serves is what a computation from scratch says, after every single act.

Acts are those of people, modalities and imports. A life that fails is printed act by act. `RIS_TEST_LIFE=200` plays so many lives, other
ones each time, instead of the few that are always the same, and takes the time to make one that fails as short as it can be.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

import pytest
from django.db import connection, transaction
from django.db.models import Model
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from pydicom.dataset import Dataset

from mpps.errors import Refused
from mpps.models import PerformedProcedureStep
from ris import clock
from ris.actions import additions, edits, merging, orders, patients, pools, stations, steps
from ris.actions.catalogue import StepData
from ris.actions.orders import Booking, OrderRequest
from ris.actions.renaming import Renaming, rename_station
from ris.errors import RisError
from ris.models import Order, Patient, RequestedProcedure, ScheduledProcedureStep, Station
from ris.transitions import BEGUN, TRANSITIONS, WAITING
from tests.support import scratch_worklist
from tests.support.hospital import ACTOR, a_patient_data, a_pool, a_procedure, a_site, a_station, in_minutes
from tests.support.items import numbered_item
from tests.support.performing import begin, end
from tests.support.scratch_worklist import ROOT_KEYS, STEP_KEYS, Item
from tests.support.worklist import answered, identifier
from worklist import importer, projection

M = TypeVar("M", bound=Model)
LIVES = int(os.environ.get("RIS_TEST_LIFE") or 0)
pytestmark = [pytest.mark.both_databases, pytest.mark.timeout(0 if LIVES else 180)]
ACTS = 16
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)

NAMES = ("MÜLLER^Jürgen", "YAMADA^Tarou=山田^太郎", "Öberg^Åsa", "MULDER^Ann", "ROE^Ann")
SETS = ("ISO_IR 192", "ISO_IR 100")
PLACES = ("CT01", "CT02", "MR01", "ANYCT")
CODES = ("ONE", "TWO")
OPEN = (*WAITING, *BEGUN)
WRONG_ENTRY = ("110514", "DCM", "Incorrect worklist entry selected")
ANY = 9
n = st.integers(0, ANY)
minutes = st.integers(1, 40).map(lambda quarters: quarters * 15)


def pick(model: type[M], number: int, *leave: M, **lookups: object) -> M:
    """One of those that the act is legal for; sometimes, and when there are none, one of all."""
    among = model._default_manager.exclude(pk__in=[one.pk for one in leave]).order_by("pk")
    found = list(among.filter(**lookups).distinct()) if number != ANY else []
    found = found or list(among) or list(leave)
    return found[number % len(found)]


def exist(model: type[Model], **lookups: object) -> Callable[[object], bool]:
    return lambda _: model._default_manager.filter(**lookups).exists()


class Life(RuleBasedStateMachine):
    """A hospital in a transaction of its own, which is rolled back in the end. An act that is refused changes nothing that is served."""

    folder = Path(mkdtemp())

    def __init__(self) -> None:
        super().__init__()
        self.held = ExitStack()
        self.held.enter_context(transaction.atomic())
        self.held.callback(transaction.set_rollback, True)
        self.held.enter_context(clock.standing_at(NOW))
        a_pool("ANYCT", a_station("CT01"), a_station("CT02"))
        a_station("MR01", "MR", "CT")
        a_procedure("ONE")
        a_procedure("TWO", minutes=15, steps=("Injection", "Scan"))
        for person in range(3):
            request = OrderRequest([CODES[person % 2]], station_ae_title="CT01", start=in_minutes(60 * person + 60))
            orders.place_order(a_site(), a_patient_data(name=NAMES[person], patient_id=f"P{person}"), request, ACTOR)
        self.shown = scratch_worklist.items()

    def teardown(self) -> None:
        try:
            assert dict(projection.differences()) == {}
        finally:
            self.held.close()

    def act(self, act: Callable[[], object]) -> None:
        """Do it, then compare: with what was served before when it is refused."""
        before, self.shown = self.shown, []
        try:
            act()
        except (RisError, Refused):
            self.shown = scratch_worklist.items()
            assert self.shown == before
        else:
            self.shown = scratch_worklist.items()
        self.compare()

    def compare(self) -> None:
        """The queries that modalities send, about whom and what there is."""
        shown = self.shown
        asked = [
            ("all", identifier({}), lambda item: True),
            ("nobody", identifier({}, PatientID="NOBODY"), lambda item: False),
        ]
        for item in (shown[len(shown) // 2 :] or shown)[:1]:
            asked += about(item)
        for name, question, answers in asked:
            expected = [item for item in shown if item.step["ScheduledProcedureStepStatus"] in WAITING and answers(item)]
            compare(name, question, expected)
        for status in {item.step["ScheduledProcedureStepStatus"] for item in shown}:
            expected = [item for item in shown if item.step["ScheduledProcedureStepStatus"] == status]
            compare(status, identifier({"ScheduledProcedureStepStatus": status}), expected)

    # The front desk

    @rule(name=n, person=n, code=st.sampled_from(CODES), place=st.sampled_from(("", *PLACES)), start=minutes)
    def order(self, name: int, person: int, code: str, place: str, start: int) -> None:
        data = a_patient_data(name=NAMES[name % len(NAMES)], patient_id=f"P{person}")
        known = Patient.objects.filter(patient_id=data.patient_id).first()
        request = OrderRequest([code], station_ae_title=place, start=in_minutes(start) if place else None)
        self.act(lambda: orders.place_order(a_site(), known or data, request, ACTOR))

    @rule(number=n, place=st.sampled_from(PLACES), start=minutes)
    def book(self, number: int, place: str, start: int) -> None:
        step = pick(ScheduledProcedureStep, number, status__in=WAITING)
        self.act(lambda: steps.schedule(step.pk, place, in_minutes(start), ACTOR))

    @rule(number=n, name=n, new_id=st.booleans())
    def correct(self, number: int, name: int, new_id: bool) -> None:
        patient = pick(Patient, number, merged_into=None)
        patient_id = f"{patient.patient_id}X"[:64] if new_id else patient.patient_id
        data = a_patient_data(name=NAMES[name % len(NAMES)], patient_id=patient_id, sex="MF"[name % 2], birth_date=f"19{60 + name}-01-31")
        self.act(lambda: patients.update_patient(patient, data, ACTOR))

    @rule(one=n, other=n)
    def merge(self, one: int, other: int) -> None:
        survivor = pick(Patient, one, merged_into=None)
        merged = pick(Patient, other, survivor, merged_into=None)
        self.act(lambda: merging.merge_patients(survivor, merged, ACTOR, confirmed=("sex", "birth_date", "exams_in_progress")))

    @precondition(exist(Patient, merged_into__isnull=False))
    @rule(number=n)
    def undo_merge(self, number: int) -> None:
        merged = pick(Patient, number, merged_into__isnull=False)
        self.act(lambda: merging.undo_merge(merged, ACTOR, "two people"))

    @rule(number=n, verb=st.sampled_from(("arrive", "ready", "undo_arrival", "cancel", "restore", "reopen")))
    def change(self, number: int, verb: str) -> None:
        step = pick(ScheduledProcedureStep, number, status__in=TRANSITIONS[verb].sources)
        self.act(lambda: steps.change_status(step.pk, verb, ACTOR, "because"))

    @rule(number=n, code=st.sampled_from((*CODES, "NOPE")), place=st.sampled_from(("", *PLACES)), start=minutes)
    def add_procedure(self, number: int, code: str, place: str, start: int) -> None:
        order = pick(Order, number, requested_procedures__steps__status__in=OPEN)
        booking = Booking(station_ae_title=place, start=in_minutes(start) if place else None)
        self.act(lambda: additions.add_procedure(order, code, ACTOR, booking))

    @rule(number=n, place=st.sampled_from(("", *PLACES)), start=minutes)
    def add_step(self, number: int, place: str, start: int) -> None:
        procedure = pick(RequestedProcedure, number, steps__status__in=OPEN)
        booking = Booking(station_ae_title=place, start=in_minutes(start) if place else None)
        self.act(lambda: additions.add_step(procedure, StepData("Late images", "CT", 15), ACTOR, booking))

    @rule(number=n, whole=st.booleans())
    def cancel(self, number: int, whole: bool) -> None:
        procedure = pick(RequestedProcedure, number, steps__status__in=WAITING)
        if whole:
            self.act(lambda: orders.cancel_order(procedure.order, ACTOR, "not needed"))
        else:
            self.act(lambda: orders.cancel_procedure(procedure, ACTOR, "not needed"))

    @rule(number=n, words=st.sampled_from(("Chest, supine", "Arm, örtlich")), priority=st.sampled_from(("STAT", "LOW")))
    def edit(self, number: int, words: str, priority: str) -> None:
        step = pick(ScheduledProcedureStep, number)
        typed = {
            "step": {"ScheduledProcedureStepDescription": words},
            "procedure": {"RequestedProcedureDescription": words},
            "order": {"RequestedProcedurePriority": priority, "ReferringPhysicianName": "HADDAD^Rania"},
        }
        self.act(lambda: edits.edit_exam(step.pk, typed, ACTOR))

    # The modality

    @rule(numbers=st.lists(n, min_size=1, max_size=2))
    def start(self, numbers: list[int]) -> None:
        chosen = {step.pk: step for step in (pick(ScheduledProcedureStep, number, status__in=WAITING) for number in numbers)}
        self.act(lambda: begin(list(chosen.values())))

    @precondition(exist(PerformedProcedureStep, status="IN PROGRESS"))
    @rule(number=n, how=st.sampled_from(("complete", "discontinue", "wrong entry")))
    def end(self, number: int, how: str) -> None:
        performed = pick(PerformedProcedureStep, number, status="IN PROGRESS")
        status = "COMPLETED" if how == "complete" else "DISCONTINUED"
        self.act(lambda: end(performed, status, images=2, reason=WRONG_ENTRY if how == "wrong entry" else None))

    @rule(number=n, verb=st.sampled_from(("start_by_hand", "depart", "complete", "discontinue")))
    def by_hand(self, number: int, verb: str) -> None:
        step = pick(ScheduledProcedureStep, number, status__in=TRANSITIONS[verb].sources)
        self.act(lambda: steps.change_status(step.pk, verb, ACTOR))

    # Other systems, and the engineer

    @rule(number=st.integers(0, 3), corrected=st.booleans())
    def bring_in(self, number: int, corrected: bool) -> None:
        path = self.folder / f"{number}.wl"
        content = numbered_item(number)
        path.write_bytes(content.replace(b"FAMILY", b"LASTLY").replace(b"Chest ", b"Thorax") if corrected else content)
        self.act(lambda: importer.import_paths([path], False, a_site()))

    @rule(number=n, name=st.sampled_from(("EAST", "WEST", "CT 1")), declared=st.sampled_from(SETS))
    def edit_station(self, number: int, name: str, declared: str) -> None:
        data = replace(stations.data_of(pick(Station, number)), name=name, character_set=declared)
        self.act(lambda: stations.save_station(a_site(), data, ACTOR))

    @rule(number=n, ae_title=st.sampled_from(("CT-EAST", "CT02", "MR01", "ANYCT")))
    def rename_station(self, number: int, ae_title: str) -> None:
        station = pick(Station, number, Station.objects.get(ae_title="CT01"))
        titles = Renaming(station.ae_title, keeps=False)
        self.act(lambda: rename_station(a_site(), titles, ae_title, ACTOR))

    @rule(members=st.sampled_from((("CT01", "CT02"), ("CT02", "MR01"), ("MR01",))))
    def change_pool(self, members: tuple[str, ...]) -> None:
        self.act(lambda: pools.save_pool(a_site(), "ANYCT", "Any CT", members, ACTOR))


Question = tuple[str, Dataset, Callable[[Item], bool]]


def about(one: Item) -> list[Question]:
    """Queries that find this step, as long as it waits."""
    station, day = one.stations[0], one.step["ScheduledProcedureStepStartDate"]
    beginning = one.names[0][:3]
    return [
        (
            "station-day",
            identifier({"ScheduledStationAETitle": station, "ScheduledProcedureStepStartDate": day}),
            lambda item: station in item.stations and item.step["ScheduledProcedureStepStartDate"] == day,
        ),
        ("patient", identifier({}, PatientID=one.root["PatientID"]), lambda item: item.root["PatientID"] == one.root["PatientID"]),
        (
            "accession",
            identifier({}, AccessionNumber=one.root["AccessionNumber"]),
            lambda item: item.root["AccessionNumber"] == one.root["AccessionNumber"],
        ),
        (
            "name",
            identifier({}, PatientName=f"{one.root['PatientName'][:3]}*"),
            lambda item: any(name.startswith(beginning) for name in item.names),
        ),
        ("modality", identifier({"Modality": one.step["Modality"]}), lambda item: item.step["Modality"] == one.step["Modality"]),
    ]


def compare(name: str, question: Dataset, expected: Iterable[Item]) -> None:
    """The handler's answers, decoded from their bytes, against the items, in order."""
    for keyword in ROOT_KEYS:
        question.setdefault(keyword, "")
    for keyword in STEP_KEYS:
        question.ScheduledProcedureStepSequence[0].setdefault(keyword, "")
    answers = answered(question)
    assert [scratch_worklist.as_answered(answer) for answer in answers] == [(item.root, item.step) for item in expected], name
    declared = Station.objects.get(ae_title="CT01").character_set
    for answer, item in zip(answers, expected, strict=True):
        text = "".join((*item.root.values(), *item.step.values()))
        if not text.isascii():
            assert answer.SpecificCharacterSet == (declared if fits(text, declared) else "ISO_IR 192"), name


def fits(text: str, declared: str) -> bool:
    return declared == "ISO_IR 192" or text.encode("latin-1", "replace").decode("latin-1") == text


def test_what_is_served_after_every_act_is_what_the_tables_say(db: None) -> None:
    a_site()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=LIVES or (8 if connection.vendor == "sqlite" else 4),
            stateful_step_count=ACTS,
            derandomize=not LIVES,
            phases=(Phase.generate, Phase.shrink) if LIVES else (Phase.generate,),
            database=None,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
