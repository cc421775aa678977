"""Connecting a modality: since when its traffic counts, what our C-ECHO to it met, and by which other names we let ourselves be called.

All times are wall time, as those of the journal are. Writers: `ris.actions.connecting`, `ris.actions.echoes`.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ris.models.order import Order
from ris.models.site import Site


class ConnectionCheck(models.Model):
    """One attempt to connect a station: what it says from `begun_at` on counts. `summary` is what had been seen when it was ended, and
    `lines` are the checklist as it stood then (`stepwise.connecting.line`): what happens afterwards changes nothing of it."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    ae_title = models.CharField(max_length=16)
    begun_at = models.DateTimeField()
    begun_by = models.CharField(max_length=150)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)
    seen = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Lines that were green when it was ended.")
    summary = models.CharField(max_length=255, blank=True)
    lines = models.JSONField(default=list, blank=True, help_text="Empty while it is open.")
    order = models.ForeignKey(Order, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", help_text="The test exam.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "ae_title"], condition=Q(ended_at=None), name="one_open_check_per_station"),
        ]
        indexes = [models.Index(fields=["site", "ae_title", "begun_at"])]
        ordering = ["-begun_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.ae_title} since {self.begun_at:%Y-%m-%d %H:%M}"


class EchoTest(models.Model):
    """One C-ECHO of ours to a station. `ended_at` is empty while it is under way; `text` says what it met, in words."""

    class Result(models.TextChoices):
        SUCCESS = "SUCCESS", "Answered"
        UNRESOLVED = "UNRESOLVED", "Host name unknown"
        REFUSED = "REFUSED", "Connection refused"
        SILENT = "SILENT", "No answer"
        MUTE = "MUTE", "Connected, no answer in DICOM"
        HUNG = "HUNG", "No answer to the C-ECHO"
        UNREACHABLE = "UNREACHABLE", "Not reachable"
        TLS = "TLS", "TLS failed"
        REJECTED = "REJECTED", "Association rejected"
        NOT_OFFERED = "NOT_OFFERED", "Verification not accepted"
        ABORTED = "ABORTED", "Aborted"
        NOT_DICOM = "NOT_DICOM", "Not DICOM"
        FAILURE = "FAILURE", "Failure status"
        NO_WORKER = "NO_WORKER", "Not sent"

    MOST_KEPT: ClassVar[int] = 50

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    ae_title = models.CharField(max_length=16)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    tls = models.BooleanField(default=False)
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=150)
    ended_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=16, choices=Result, blank=True)
    text = models.CharField(max_length=500, blank=True)
    duration_ms = models.FloatField(null=True, blank=True, help_text="From the first packet to the response to the C-ECHO.")

    class Meta:
        indexes = [models.Index(fields=["site", "ae_title", "asked_at"])]
        ordering = ["-asked_at", "-pk"]

    def __str__(self) -> str:
        return f"C-ECHO to {self.ae_title} at {self.asked_at:%Y-%m-%d %H:%M:%S}"

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}{' with TLS' if self.tls else ''}"


class CalledAlias(models.Model):
    """Another AE title by which a site lets itself be called, beside its own. A forgotten one says whose the calls of its time are."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="called_aliases")
    ae_title = models.CharField(max_length=16)
    accepted_at = models.DateTimeField()
    accepted_by = models.CharField(max_length=150)
    forgotten_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ae_title"], condition=Q(forgotten_at=None), name="one_site_per_called_ae_title")]
        ordering = ["ae_title", "accepted_at"]

    def __str__(self) -> str:
        return self.ae_title
