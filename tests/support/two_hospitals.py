"""Two hospitals: a full one, which is the default, and somebody of the other, empty one who has every role.

Everything of the full one that has a name is called Zebedee: where that is read, the other hospital was told something. Its codes and AE
titles begin with QZ, so that they can be asked for without being read for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db.models import Model

from billing.models import Charge
from dimse.models import Association, Message
from mpps import outbox
from mpps.destinations import DestinationData, save_destination
from mpps.models import Delivery, Destination, PerformedProcedureStep
from mpps.replies import Reply
from ris import clock
from ris.actions import merging, patients
from ris.actions.membership import set_site
from ris.actions.orders import place_order
from ris.actions.pools import save_pool
from ris.actions.stations import StationData, save_station
from ris.actions.tokens import create_token
from ris.models import (
    ApiToken,
    AuditedPatient,
    AuditRecord,
    KeptSearch,
    Order,
    Patient,
    Procedure,
    RequestedProcedure,
    ScheduledProcedureStep,
    Site,
)
from ris.permissions import ROLES
from tests.support.hospital import ACTOR, OrderRequest, a_patient_data, a_procedure, a_site, in_minutes, steps_of
from tests.support.journal import a_query
from tests.support.performing import begin, end
from tests.support.sites import another_site
from tests.support.worklist import identifier
from training.actions.consoles import ConsoleData, save_console
from training.actions.faults import FaultData, switch_on
from training.models import Console, ConsoleAct, ConsoleMessage, Fault
from worklist.models import WorklistFinding

SECRET = "zebedee"
AE_TITLE, POOL, PROCEDURE, PATIENT_ID, MERGED_ID = "QZCT1", "QZPOOL", "QZCHEST", "QZ4711", "QZ4712"


@dataclass(frozen=True)
class FullHospital:
    """One of everything that an address or a body can name."""

    site: Site
    patient: Patient
    merged: Patient
    waiting: ScheduledProcedureStep
    performed: PerformedProcedureStep
    charge: Charge
    destination: Destination
    delivery: Delivery
    association: Association
    message: Message
    console: Console
    act: ConsoleAct
    console_message: ConsoleMessage
    fault: Fault
    user: User
    token: ApiToken
    superuser: User
    superusers_token: ApiToken
    audited: AuditRecord

    @property
    def procedure(self) -> RequestedProcedure:
        return self.waiting.requested_procedure

    @property
    def order(self) -> Order:
        return self.procedure.order


def a_full_hospital() -> FullHospital:
    site = a_site()
    save_station(site, StationData(AE_TITLE, ("CT",), name="Zebedee", room="Zebedee"), ACTOR)
    save_pool(site, POOL, "Zebedee", [AE_TITLE], ACTOR)
    a_procedure(PROCEDURE, steps=("Zebedee scan",))
    Procedure.objects.filter(code=PROCEDURE).update(meaning="Zebedee scan")
    destination = save_destination(site, DestinationData("Zebedee", "zebedee.example", 104, "ZEBEDEE"), ACTOR)
    patient, merged = (_a_patient(site, one) for one in (PATIENT_ID, MERGED_ID))
    merging.merge_patients(patient, merged, ACTOR, "Zebedee came twice", confirmed=["birth_date", "sex"])
    done, waiting = (_an_order(site, patient, minutes) for minutes in (10, 60))
    performed = end(begin(steps_of(done), station=AE_TITLE), operator="ZEBEDEE^Jan")
    Charge.objects.update(created_at=clock.now(site) - timedelta(minutes=5))  # so that it is unbilled work
    asked = a_query(identifier(PatientName="ZEBEDEE*"), AE_TITLE, comment="Zebedee", remark="Zebedee")
    step = steps_of(waiting)[0]
    WorklistFinding.objects.create(
        site=site, station_ae_title=AE_TITLE, step=step, code="PATIENT_ID_MISSING", attribute="PatientID", text="Zebedee",
        first_seen=clock.now(site), last_seen=clock.now(site),
    )  # fmt: skip
    console = save_console(site, ConsoleData(AE_TITLE, operator="ZEBEDEE^Jan"), ACTOR)
    act = ConsoleAct.objects.create(
        console=console, key="update", status="DONE", text="Zebedee", pressed_at=clock.wall(), actor_kind="system", actor="zebedee"
    )
    said = ConsoleMessage.objects.create(
        console=console, act=act, at=clock.wall(), verb="C-FIND", calling=AE_TITLE, target="zebedee", summary="Zebedee", duration_ms=1
    )
    user = somebody("zebedee", site)
    create_token(user, "Zebedee", ACTOR)
    superuser = User.objects.create_superuser("zebedee-the-chief")  # of no hospital, and so of the default one
    create_token(superuser, "Zebedee", ACTOR)
    return FullHospital(
        site, patient, merged, step, performed, Charge.objects.get(), destination, _parked(destination),
        Association.objects.get(pk=asked.association_id), asked, console, act, said,
        switch_on(site, FaultData("delay", AE_TITLE, reason="Zebedee"), ACTOR), user, ApiToken.objects.get(user=user),
        superuser, ApiToken.objects.get(user=superuser),
        AuditRecord.objects.create(
            site=site, at=clock.wall(), event="patient", action="R", outcome=0, actor_kind="user", actor="zebedee", place="patient"
        ),
    )  # fmt: skip


def _a_patient(site: Site, patient_id: str) -> Patient:
    return patients.register_patient(site, a_patient_data(name=f"{patient_id}^Zebedee", patient_id=patient_id), ACTOR)


def _an_order(site: Site, patient: Patient, minutes: int) -> Order:
    request = OrderRequest([PROCEDURE], station_ae_title=AE_TITLE, start=in_minutes(minutes), comments="Zebedee", reason="Zebedee")
    return place_order(site, patient, request, ACTOR)


def _parked(destination: Destination) -> Delivery:
    """The first message for it, refused."""
    claimed = outbox.claim(destination.pk)
    assert claimed is not None
    delivery = Delivery.objects.order_by("pk")[0]
    outbox.record(claimed, delivery, Reply("PARKED", "0106H Zebedee"), 0x0106)
    outbox.release(claimed, "Zebedee is not reachable")
    delivery.refresh_from_db()
    return delivery


def somebody(name: str, site: Site) -> User:
    """Who works for the site and has every role, but is no superuser."""
    user = User.objects.create_user(name)
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in ROLES])
    set_site(user, site, ACTOR)
    return user


def somebody_elsewhere() -> User:
    return somebody("elsewhere", another_site())


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, but for who asked for what."""
    return {model._meta.label: _rows(model) for model in _tables()}


def changed(before: dict[str, list[tuple[Any, ...]]], after: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    """The tables that are not as they were."""
    return [label for label in before if before[label] != after[label]]


_OF_WHO_ASKS = (AuditRecord, AuditedPatient, KeptSearch)


def _tables() -> Iterator[type[Model]]:
    for room in ("ris", "worklist", "mpps", "billing", "training", "dimse"):
        yield from (model for model in apps.get_app_config(room).get_models() if model not in _OF_WHO_ASKS)


def _rows(model: type[Model]) -> list[tuple[Any, ...]]:
    columns = [one.attname for one in model._meta.concrete_fields if one.name != "last_used_at"]  # of a token, which is noted at its use
    return sorted(model._default_manager.values_list(*columns), key=lambda row: repr(row[0]))


def told(answer: Any) -> bool:
    """Whether the answer of a test client says something of the full hospital."""
    body = answer.getvalue() if answer.streaming else answer.content
    return SECRET in body.decode("utf-8", "replace").lower()
