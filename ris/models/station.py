"""Stations (modalities by AE title) and pools of them."""

from datetime import datetime, time

from django.db import models
from django.db.models import Q

from ris.models.site import Site
from ris.transitions import WAITING


def served_by_default() -> list[str]:
    """Statuses that a modality is shown unless it asks for others, or its station is set otherwise."""
    return list(WAITING)


class Station(models.Model):
    """A modality: one AE title, one or more modalities, a room; what it is shown of the worklist, and how it is dealt with."""

    class AtLimit(models.TextChoices):
        """What ends the answers to a query that more exams match than `answer_limit`: a status of PS3.4 Table K.4-1."""

        SUCCESS = "0000", "Success: the console shows what it got"
        REFUSED = "A700", "Refused, out of resources: many consoles show “query failed”"

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    ae_title = models.CharField(max_length=16)
    name = models.CharField(max_length=16, help_text="ScheduledStationName (0040,0010).")
    room = models.CharField(max_length=16, blank=True, help_text="ScheduledProcedureStepLocation (0040,0011).")
    enabled = models.BooleanField(default=True)
    strict = models.BooleanField(default=True, help_text="Refuse what the standard refuses; else accept what can be understood.")
    character_set = models.CharField(max_length=64, default="ISO_IR 192", help_text="SpecificCharacterSet of its answers.")
    own_list_only = models.BooleanField(default=False, help_text="Its queries find nothing but its own list and those of its aliases.")
    statuses_shown = models.JSONField(default=served_by_default, help_text="Shown unless a query asks for statuses itself.")
    requires_arrival = models.BooleanField(default=False, help_text="A scheduled exam is never shown before the patient has arrived.")
    age_limit_hours = models.PositiveIntegerField(null=True, blank=True, help_text="Older exams (by their start) are not shown.")
    answer_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Most answers to one query.")
    at_answer_limit = models.CharField(max_length=4, choices=AtLimit, default=AtLimit.SUCCESS)
    empty_sequences = models.BooleanField(default=False, help_text="Sequences of type 1C come back empty instead of being left out.")
    only_ff00 = models.BooleanField(
        default=False, db_default=False, help_text="FF00 for each answer, also when a key that was asked is not supported (FF01)."
    )
    refuses_several_items = models.BooleanField(
        default=False, help_text="A900 for a query with several items of ScheduledProcedureStepSequence; else the first is used."
    )
    several_performed_steps = models.BooleanField(
        default=False, help_text="A completed performed step leaves its scheduled step begun: more may follow, and staff end it."
    )
    reports_performed_steps = models.BooleanField(
        default=True, help_text="Its N-CREATE and N-SET are accepted; else each is refused with 0124H (not authorized)."
    )
    refuses_undefined_attributes = models.BooleanField(
        default=False, help_text="0105H for an attribute that MPPS does not define; else it is kept."
    )
    warns = models.BooleanField(
        default=False, help_text="0107H where an undefined attribute was kept, 0116H where a misspelled status was understood; else 0000H."
    )
    time_zone = models.CharField(max_length=64, blank=True, help_text="Of its worklist queries and answers; empty: the hospital's.")
    addresses = models.JSONField(default=list, blank=True, help_text="Addresses and networks that it may call from; none: from anywhere.")
    host = models.CharField(max_length=253, blank=True, help_text="Where it answers C-ECHO itself; empty: nobody is asked.")
    port = models.PositiveIntegerField(null=True, blank=True)
    tls = models.BooleanField(default=False, help_text="That port speaks TLS.")
    opens = models.TimeField(default=time(7, 0))
    closes = models.TimeField(default=time(19, 0))
    registered_at = models.DateTimeField(null=True, blank=True, help_text="Since when its calls are its hospital's; empty: always.")
    titled_at = models.DateTimeField(null=True, blank=True, help_text="Since when it has its AE title; empty: since it was registered.")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "ae_title"], name="one_station_per_ae_title")]
        ordering = ["ae_title"]

    def __str__(self) -> str:
        return self.ae_title

    @property
    def called_so_since(self) -> datetime | None:
        """Since when it has its AE title; None: always."""
        return self.titled_at or self.registered_at


class FormerTitle(models.Model):
    """An AE title that a station had from `since` on (empty: always), until it was given another one.

    It is accepted until `until`, empty while it is: what calls so is the station, and who asks for the list of that title gets its list.
    Wall time, as in the journal.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="former_titles")
    station = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="former_titles")
    ae_title = models.CharField(max_length=16)
    since = models.DateTimeField(null=True, blank=True)
    renamed_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "ae_title"], condition=Q(until=None), name="one_station_per_former_title")]
        indexes = [models.Index(fields=["ae_title"])]
        ordering = ["renamed_at", "pk"]

    def __str__(self) -> str:
        return self.ae_title


class StationModality(models.Model):
    """One modality (CS) that a station performs; the first is its main one."""

    station = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="modalities")
    modality = models.CharField(max_length=16)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["station", "modality"], name="one_row_per_station_modality")]
        ordering = ["position"]

    def __str__(self) -> str:
        return self.modality


class StationAlias(models.Model):
    """An AE title whose list a station sees beside its own: another station's, a former name of its own, or one of no station here."""

    station = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="aliases")
    ae_title = models.CharField(max_length=16)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["station", "ae_title"], name="one_row_per_station_alias")]
        ordering = ["position"]

    def __str__(self) -> str:
        return self.ae_title


class StationPool(models.Model):
    """Stations that can stand in for each other ("any CT")."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    code = models.CharField(max_length=16)
    name = models.CharField(max_length=64)
    stations = models.ManyToManyField(Station, related_name="pools")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "code"], name="one_pool_per_code")]
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name
