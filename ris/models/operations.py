"""Signs of life of the processes."""

from django.db import models


class Heartbeat(models.Model):
    """When a process last said that it lives, by wall time."""

    process = models.CharField(max_length=32, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.process
