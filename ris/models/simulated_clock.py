"""The simulated clock of a site."""

from django.db import models

from ris.models.site import Site


class SimulatedClock(models.Model):
    """How the site's clock runs while a day is played: `ris.timeline.Timeline` says what the columns mean.

    `until` is a lease of wall time that `holder`, who plays, prolongs: when nobody does, the site is on real time again by itself.
    """

    site = models.OneToOneField(Site, on_delete=models.CASCADE, related_name="simulated_clock")
    holder = models.UUIDField()
    played_by = models.CharField(max_length=120, help_text="What plays, in words.")
    begins = models.DateTimeField()
    anchored = models.DateTimeField()
    shows = models.DateTimeField()
    speed = models.FloatField()
    horizon = models.DateTimeField()
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.played_by}, {self.speed:g}×"
