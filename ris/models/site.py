"""Sites and their number ranges."""

from uuid import uuid4

from django.db import models
from django.db.models import Q


class Site(models.Model):
    """A hospital: owns its patients, stations, catalogue and orders. One site is the default."""

    code = models.SlugField(max_length=16, unique=True)
    name = models.CharField(max_length=64)
    ae_title = models.CharField(max_length=16, unique=True, help_text="The called AE title that belongs to this site.")
    time_zone = models.CharField(max_length=64)
    issuer_of_patient_id = models.CharField(max_length=64, blank=True)
    is_default = models.BooleanField(default=False)
    close_waiting_days = models.PositiveSmallIntegerField(default=7, help_text="Of ris.expiry; 0: no exam that waits is closed.")
    close_begun_days = models.PositiveSmallIntegerField(default=0, help_text="The same for exams that were begun.")
    stations_revision = models.UUIDField(default=uuid4, help_text="Another one after each change of its stations.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="one_default_site")]

    def __str__(self) -> str:
        return self.name


class NumberSequence(models.Model):
    """The last number given out of a named range of a site; a day's range holds its date in the name."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    name = models.CharField(max_length=40)
    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="one_sequence_per_site_and_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.value}"
