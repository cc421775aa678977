"""Who is told what modalities report, and what is on its way to them. Writers: `mpps.destinations` (settings),
`mpps.queueing` (what is for whom), `mpps.outbox` (the way).
"""

from typing import ClassVar

from django.db import models

from mpps.models.performed import MppsMessage, PerformedProcedureStep
from ris.models import Site


class Destination(models.Model):
    """An application entity that gets each N-CREATE and N-SET as it was received, or a notification of each (PS3.4 F.9).

    `stations` are AE titles and `modalities` code strings; an empty list is all of them. `error_at`, `reached_at` and
    `off_since` are the hospital's time, `next_attempt_at` and `lease_until` the database's wall time. A sender owns the way there until its
    lease ends; `claims` is the fence: who has claimed it later sends, who did so earlier stops.
    """

    class Kind(models.TextChoices):
        MESSAGES = "MESSAGES", "Every N-CREATE and N-SET"
        EVENTS = "EVENTS", "Notifications"

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.MESSAGES)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    tls = models.BooleanField(default=False)
    called_ae_title = models.CharField(max_length=16)
    calling_ae_title = models.CharField(max_length=16, blank=True, help_text="Empty: the hospital's.")
    enabled = models.BooleanField(default=True)
    off_since = models.DateTimeField(null=True, blank=True, help_text="Empty when it has what it missed while it was off.")
    stations = models.JSONField(default=list)
    modalities = models.JSONField(default=list)
    version = models.PositiveIntegerField(default=1)
    claims = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Attempts in a row that did not reach it.")
    next_attempt_at = models.DateTimeField(null=True, blank=True, help_text="Empty: at once.")
    error = models.CharField(max_length=255, blank=True, help_text="What the last attempt to reach it met; empty when it was reached.")
    error_at = models.DateTimeField(null=True, blank=True)
    reached_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="one_destination_per_name")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        return f"{self.called_ae_title} at {self.host}:{self.port}"


class Delivery(models.Model):
    """One message for one destination; the rows are the outbox. Those of a performed step go one after the other, by `message`.

    `attempts` counts those begun since a person last sent it again: one that was begun may have arrived, whatever became of its sender.
    `status` is what was answered last.
    """

    MANY_ATTEMPTS: ClassVar[int] = 12

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        SENT = "SENT", "Sent"
        REFUSED = "REFUSED", "Refused"
        PARKED = "PARKED", "Waits for a person"

    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    performed_step = models.ForeignKey(PerformedProcedureStep, on_delete=models.CASCADE, related_name="deliveries")
    message = models.ForeignKey(MppsMessage, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    may_have_arrived = models.BooleanField(default=False, help_text="By an attempt before a person sent it again.")
    next_attempt_at = models.DateTimeField(null=True, blank=True, help_text="Empty: at once.")
    status = models.PositiveIntegerField(null=True, blank=True)
    text = models.CharField(max_length=255, blank=True, help_text="What the last attempt met, in words.")
    changed_at = models.DateTimeField(null=True, blank=True, help_text="When the last attempt ended; the hospital's time.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["destination", "performed_step", "message"], name="one_delivery_per_message"),
        ]
        indexes = [models.Index(fields=["destination", "state", "message"], name="deliveries_by_state")]
        ordering = ["message", "destination"]

    def __str__(self) -> str:
        return f"{self.message} for {self.destination}"

    @property
    def mark(self) -> str:
        """What a person who decides about it has seen of it; attempts that go on by themselves do not count."""
        is_over = self.state != self.State.WAITING
        return f"{self.state}-{self.attempts if is_over else ''}-{self.status if is_over and self.status is not None else ''}"

    @property
    def may_be_left_out(self) -> bool:
        """Whether a person may decide not to send it: it waits for one, or was tried in vain many times."""
        return self.state == self.State.PARKED or (self.state == self.State.WAITING and self.attempts >= self.MANY_ATTEMPTS)
