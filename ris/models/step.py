"""Scheduled procedure steps, where they are to be performed, and their history."""

from django.db import models
from django.db.models import F, Q

from ris.models.history import Change
from ris.models.order import RequestedProcedure
from ris.models.site import Site
from ris.models.station import Station, StationPool
from ris.transitions import COMPLETED, DISCONTINUED, SCHEDULED, STATUSES


class ScheduledProcedureStep(models.Model):
    """The unit of the worklist. A step without a start waits in the tray and is on no worklist."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    requested_procedure = models.ForeignKey(RequestedProcedure, on_delete=models.CASCADE, related_name="steps")
    scheduled_procedure_step_id = models.CharField(max_length=16)
    position = models.PositiveSmallIntegerField(default=1)
    description = models.CharField(max_length=64, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    protocol_codes = models.JSONField(default=list, blank=True, help_text="A list of {code, scheme, meaning}.")
    start = models.DateTimeField(null=True, blank=True)
    duration_minutes = models.PositiveSmallIntegerField(default=30)
    end = models.DateTimeField(null=True, blank=True, help_text="start + duration, kept for the search of overlaps.")
    pool = models.ForeignKey(StationPool, on_delete=models.PROTECT, null=True, blank=True)
    location = models.CharField(max_length=16, blank=True)
    performing_physician_name = models.CharField(max_length=250, blank=True)
    pre_medication = models.CharField(max_length=64, blank=True)
    requested_contrast_agent = models.CharField(max_length=64, blank=True)
    comments = models.TextField(blank=True, help_text="CommentsOnTheScheduledProcedureStep (0040,0400).")
    details = models.JSONField(default=dict, blank=True, help_text="`ris.attributes.STEP` by keyword.")
    status = models.CharField(max_length=16, choices=[(status, status) for status in STATUSES], default=SCHEDULED)
    status_at = models.DateTimeField()
    received_item = models.JSONField(
        default=dict, blank=True, help_text="DICOM JSON of what an imported worklist item holds beyond or unlike the columns."
    )
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "requested_procedure", "scheduled_procedure_step_id"], name="one_step_per_id")
        ]
        indexes = [
            models.Index(fields=["site", "start"]),
            models.Index(fields=["site", "status", "start"]),
            models.Index(fields=["site", "scheduled_procedure_step_id"]),
            models.Index(fields=["site", "status_at"], condition=Q(status__in=(COMPLETED, DISCONTINUED)), name="steps_that_ended"),
        ]
        ordering = ["start", "pk"]

    def __str__(self) -> str:
        return self.scheduled_procedure_step_id

    def last_move(self, **wanted: str) -> "StepChange | None":
        """The latest change of the status, of those that have these values: a booking or an edit moves nothing."""
        return self.changes.filter(**wanted).exclude(from_status=F("to_status")).order_by("pk").last()


class StepStation(models.Model):
    """One value of ScheduledStationAETitle (0040,0001), VM 1-n. An imported AE title may be of no known station."""

    step = models.ForeignKey(ScheduledProcedureStep, on_delete=models.CASCADE, related_name="stations")
    ae_title = models.CharField(max_length=16)
    station = models.ForeignKey(Station, on_delete=models.PROTECT, null=True, blank=True, related_name="step_stations")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step", "ae_title"], name="one_row_per_step_and_ae_title")]
        indexes = [models.Index(fields=["ae_title"])]
        ordering = ["position"]

    def __str__(self) -> str:
        return self.ae_title


class StepChange(Change):
    """One change of a step: who, when, from, to, why. `detail` holds e.g. {start: [from, to], stations: [from, to]}."""

    step = models.ForeignKey(ScheduledProcedureStep, on_delete=models.CASCADE, related_name="changes")
