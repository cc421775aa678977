"""Stations (modalities by AE title) and pools of them."""

from datetime import time

from django.db import models

from ris.models.site import Site


class Station(models.Model):
    """A modality: one AE title, one or more modalities, a room."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    ae_title = models.CharField(max_length=16)
    name = models.CharField(max_length=16, help_text="ScheduledStationName (0040,0010).")
    room = models.CharField(max_length=16, blank=True, help_text="ScheduledProcedureStepLocation (0040,0011).")
    enabled = models.BooleanField(default=True)
    strict = models.BooleanField(default=True, help_text="Refuse what the standard refuses; else accept what can be understood.")
    character_set = models.CharField(max_length=64, default="ISO_IR 192", help_text="SpecificCharacterSet of its answers.")
    opens = models.TimeField(default=time(7, 0))
    closes = models.TimeField(default=time(19, 0))
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "ae_title"], name="one_station_per_ae_title")]
        ordering = ["ae_title"]

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
