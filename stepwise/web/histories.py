"""The append-only tables that tell whether a page of several rooms changed."""

from billing.models import ChargeChange, DeliveryAttempt, NoCharge
from mpps.models import MppsMessage, PerformedStepChange
from ris.web.live import RIS_HISTORIES, Histories

ALL: Histories = (*RIS_HISTORIES, MppsMessage, PerformedStepChange, ChargeChange, DeliveryAttempt, NoCharge)
