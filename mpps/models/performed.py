"""Performed procedure steps (PS3.3 C.4.13 to C.4.15), what they relate to, and the messages they were made of."""

from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.db import models
from django.db.models import Q

from mpps.transitions import FINAL, IN_PROGRESS, STATUSES
from ris.models import ScheduledProcedureStep, Site, Station
from ris.models.history import AppendOnlyError, Change


class PerformedProcedureStep(models.Model):
    """One MPPS instance. `attributes` is the merged data set of all its messages as DICOM JSON (PS3.18 Annex F).

    Patient and text columns hold what the modality sent, whatever the order says; `station_ae_title` follows a station that is renamed,
    while `attributes` keep what it called itself. Raw DA and TM values stay beside the
    moments that were read from them; `received_at` and `final_at` are the server's own times of the N-CREATE and of the final N-SET.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    sop_instance_uid = models.CharField(max_length=64)
    status = models.CharField(max_length=16, choices=[(status, status) for status in STATUSES], default=IN_PROGRESS)
    performed_procedure_step_id = models.CharField(max_length=64, blank=True)
    station_ae_title = models.CharField(max_length=64, blank=True, help_text="PerformedStationAETitle (0040,0241).")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, null=True, blank=True, related_name="performed_steps")
    calling_ae_title = models.CharField(max_length=16, blank=True, help_text="Calling AE title of the N-CREATE.")
    modality = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=250, blank=True)
    start_date_raw = models.CharField(max_length=64, blank=True)
    start_time_raw = models.CharField(max_length=64, blank=True)
    end_date_raw = models.CharField(max_length=64, blank=True)
    end_time_raw = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="Empty when the start cannot be read.")
    ended_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()
    final_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()
    patient_id = models.CharField(max_length=250, blank=True)
    patient_name = models.CharField(max_length=250, blank=True)
    patient_birth_date_raw = models.CharField(max_length=64, blank=True)
    patient_sex = models.CharField(max_length=64, blank=True)
    discontinuation_reason_code = models.CharField(max_length=64, blank=True)
    discontinuation_reason_scheme = models.CharField(max_length=64, blank=True)
    discontinuation_reason_meaning = models.CharField(max_length=250, blank=True)
    unscheduled = models.BooleanField(default=False, help_text="No scheduled step was found for any of its items.")
    attributes = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "sop_instance_uid"], name="one_performed_step_per_uid")]
        indexes = [
            models.Index(fields=["site", "received_at"]),
            models.Index(fields=["site", "status", "received_at"]),
            models.Index(fields=["site", "started_at"]),
            models.Index(fields=["site", "station_ae_title"]),
            models.Index(fields=["updated_at"]),
        ]
        ordering = ["-received_at", "-pk"]

    def __str__(self) -> str:
        return self.sop_instance_uid

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def began_at(self) -> datetime:
        """The start that the modality gave, else the moment its N-CREATE came."""
        return self.started_at or self.received_at

    @property
    def duration(self) -> timedelta | None:
        """End less start; None while in progress or when one of them cannot be read. Negative when the modality says so."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


class PerformedSeries(models.Model):
    """One item of PerformedSeriesSequence (0040,0340). An N-SET that holds the sequence replaces all of them."""

    performed_step = models.ForeignKey(PerformedProcedureStep, on_delete=models.CASCADE, related_name="series")
    position = models.PositiveSmallIntegerField()
    series_instance_uid = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=250, blank=True)
    protocol_name = models.CharField(max_length=250, blank=True)
    operators_name = models.CharField(max_length=250, blank=True, help_text="PN 1-n, values separated by a backslash.")
    performing_physician_name = models.CharField(max_length=250, blank=True, help_text="PN 1-n, values separated by a backslash.")
    retrieve_ae_title = models.CharField(max_length=250, blank=True)
    image_count = models.PositiveIntegerField(default=0)
    non_image_count = models.PositiveIntegerField(default=0)
    attributes = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["performed_step", "position"], name="one_series_per_position")]
        indexes = [models.Index(fields=["series_instance_uid"])]
        ordering = ["position"]

    def __str__(self) -> str:
        return self.series_instance_uid


class StepLink(models.Model):
    """One item of ScheduledStepAttributesSequence (0040,0270) with its identifiers as received, and the scheduled step it is about.

    `step` is empty, and `how` too, while no scheduled step is known for the item. Items about a step that an item before
    them is about already have no row of their own.
    """

    class How(models.TextChoices):
        """What the step was found by."""

        STEP_ID = "STEP_ID", "Scheduled procedure step ID"
        ACCESSION = "ACCESSION", "Accession number"
        STUDY_UID = "STUDY_UID", "Study Instance UID"
        HAND = "HAND", "By hand"

    performed_step = models.ForeignKey(PerformedProcedureStep, on_delete=models.CASCADE, related_name="links")
    position = models.PositiveSmallIntegerField()
    step = models.ForeignKey(ScheduledProcedureStep, on_delete=models.SET_NULL, null=True, blank=True, related_name="performed_links")
    how = models.CharField(max_length=16, choices=How, blank=True)
    study_instance_uid = models.CharField(max_length=250, blank=True)
    accession_number = models.CharField(max_length=250, blank=True)
    requested_procedure_id = models.CharField(max_length=250, blank=True)
    scheduled_procedure_step_id = models.CharField(max_length=250, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["performed_step", "position"], name="one_link_per_item"),
            models.UniqueConstraint(fields=["performed_step", "step"], condition=Q(step__isnull=False), name="one_link_per_step"),
        ]
        indexes = [models.Index(fields=["accession_number"]), models.Index(fields=["study_instance_uid"])]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.scheduled_procedure_step_id or self.accession_number or self.study_instance_uid} ({self.how or 'no step'})"


class MppsMessage(models.Model):
    """One N-CREATE or N-SET as received, with the status that answered it. Append-only.

    A refused message is kept too; its `performed_step` is empty unless it named one that exists.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    performed_step = models.ForeignKey(PerformedProcedureStep, on_delete=models.CASCADE, null=True, blank=True, related_name="messages")
    sop_instance_uid = models.CharField(max_length=64)
    verb = models.CharField(max_length=16)
    received_at = models.DateTimeField()
    calling_ae_title = models.CharField(max_length=16)
    called_ae_title = models.CharField(max_length=16)
    address = models.CharField(max_length=64)
    message_id = models.PositiveIntegerField()
    status = models.PositiveIntegerField(help_text="DIMSE status that was answered.")
    error_comment = models.CharField(max_length=250, blank=True)
    transfer_syntax = models.CharField(max_length=64)
    raw = models.BinaryField()
    dataset = models.JSONField(default=dict, help_text="The data set as DICOM JSON.")

    class Meta:
        indexes = [models.Index(fields=["site", "received_at"]), models.Index(fields=["sop_instance_uid"])]
        ordering = ["received_at", "pk"]

    def __str__(self) -> str:
        return f"{self.verb} {self.sop_instance_uid}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnlyError("a received message cannot be changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("a received message cannot be deleted")


class Finding(models.Model):
    """Something odd that was tolerated, or that people should look at, in words. `attribute` is a keyword path of the data set."""

    performed_step = models.ForeignKey(PerformedProcedureStep, on_delete=models.CASCADE, related_name="findings")
    code = models.CharField(max_length=64)
    text = models.CharField(max_length=500)
    attribute = models.CharField(max_length=250, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["performed_step", "code", "attribute", "text"], name="one_finding_per_fact")]
        indexes = [models.Index(fields=["code", "at"])]
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.text


class PerformedStepChange(Change):
    """One change of a performed step: who, when, from, to, why."""

    performed_step = models.ForeignKey(PerformedProcedureStep, on_delete=models.CASCADE, related_name="changes")
