"""Faults that were switched on, and who did so: each with a time after which it is over, whoever is still there to end it."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from ris.models import Site
from ris.models.history import Change


class FaultQuerySet(models.QuerySet["Fault"]):
    def active(self, moment: datetime) -> Self:
        """Those that hold at this moment of wall time."""
        return self.filter(ended=None, until__gt=moment)


class Fault(models.Model):
    """What is to go wrong (`training.faults.kinds`), where, and until when. Times are wall time: a fault ends on a simulated clock, too.

    `station_ae_title` and `service` are empty where it holds for all of them. `ended` is set when somebody switched it off before its time.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    kind = models.CharField(max_length=32)
    station_ae_title = models.CharField(max_length=16, blank=True)
    service = models.CharField(max_length=16, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    begun = models.DateTimeField()
    until = models.DateTimeField()
    ended = models.DateTimeField(null=True, blank=True)
    set_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=255, blank=True)

    objects: ClassVar = FaultQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(until__gt=F("begun")), name="fault_ends_after_it_begins")]
        indexes = [models.Index(fields=["until"], condition=Q(ended=None), name="fault_not_switched_off")]
        ordering = ["-begun", "-pk"]

    def __str__(self) -> str:
        return f"{self.kind} until {self.until:%Y-%m-%d %H:%M:%S}"


class FaultChange(Change):
    """A fault was switched on or off. That it ended by its time is no change: it was said when it was switched on."""

    fault = models.ForeignKey(Fault, on_delete=models.PROTECT, related_name="changes")
