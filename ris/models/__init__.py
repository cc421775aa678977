"""Tables of the RIS, one noun a module. `ris/actions` is their only writer."""

from ris.models.access import Account, ApiToken, Attempts, EnvironmentToken, Membership
from ris.models.audit import AuditedPatient, AuditRecord
from ris.models.catalogue import Procedure, ProcedureStepTemplate
from ris.models.connecting import CalledAlias, ConnectionCheck, EchoTest
from ris.models.history import Change, RecordChange
from ris.models.kept_search import KeptSearch
from ris.models.operations import Heartbeat
from ris.models.order import Order, RequestedProcedure
from ris.models.patient import Patient, Visit
from ris.models.simulated_clock import SimulatedClock
from ris.models.site import NumberSequence, Site
from ris.models.station import FormerTitle, Station, StationAlias, StationModality, StationPool
from ris.models.step import ScheduledProcedureStep, StepChange, StepStation

__all__ = [
    "Account",
    "ApiToken",
    "Attempts",
    "AuditRecord",
    "AuditedPatient",
    "CalledAlias",
    "Change",
    "ConnectionCheck",
    "EchoTest",
    "EnvironmentToken",
    "FormerTitle",
    "Heartbeat",
    "KeptSearch",
    "Membership",
    "NumberSequence",
    "Order",
    "Patient",
    "Procedure",
    "ProcedureStepTemplate",
    "RecordChange",
    "RequestedProcedure",
    "ScheduledProcedureStep",
    "SimulatedClock",
    "Site",
    "Station",
    "StationAlias",
    "StationModality",
    "StationPool",
    "StepChange",
    "StepStation",
    "Visit",
]
