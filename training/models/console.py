"""Consoles of virtual modalities: what each of them knows, which keys were pressed, and what it said on the network."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from ris.models import Site


class Console(models.Model):
    """One virtual modality in the browser.

    Without a `host` it talks to this Stepwise; with one to whatever answers there. `memory` is `training.memory.Memory` as JSON.
    `items` is the worklist as it was received (DICOM JSON), `rows` what its screen shows of it, `listed` how many answers there were.
    `version` is that of its settings; `changes` grows with everything that its screen shows.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    ae_title = models.CharField(max_length=16, help_text="Calling AE title.")
    kind = models.CharField(max_length=16, help_text="Its modality (CS), which is also what it looks like.")
    profile = models.CharField(max_length=64, blank=True, help_text="Name of the device that it imitates (training.profiles).")
    operator = models.CharField(max_length=64, blank=True, help_text="OperatorsName (PN).")
    host = models.CharField(max_length=255, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    called = models.CharField(max_length=16, blank=True, help_text="Called AE title of another RIS or broker.")
    memory = models.JSONField(default=dict)
    asked = models.JSONField(default=dict, help_text="Keys of the last worklist query, as `training.query.Question` has them.")
    asked_at = models.DateTimeField(null=True, blank=True)
    items = models.JSONField(default=list)
    rows = models.JSONField(default=list)
    listed = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    changes = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "ae_title"], name="one_console_per_ae_title"),
            models.CheckConstraint(
                condition=Q(host="", port=None, called="") | (~Q(host="") & Q(port__isnull=False) & ~Q(called="")),
                name="console_has_a_whole_target_or_none",
            ),
        ]
        ordering = ["ae_title"]

    def __str__(self) -> str:
        return self.ae_title

    @property
    def is_elsewhere(self) -> bool:
        """Whether it was pointed at another RIS or broker: then Stepwise only tests with it."""
        return bool(self.host)


class ConsoleAct(models.Model):
    """One key that somebody pressed, and what came of it. A console does one at a time.

    `until` is the database's wall time: WAITING, the moment after which no worker takes it any more; RUNNING, the end of the lease of
    the worker that does it. After it the act is over, whoever finds it first writes that down.
    """

    class Status(models.TextChoices):
        WAITING = "WAITING", "Waiting for a worker"
        RUNNING = "RUNNING", "Running"
        DONE = "DONE", "Done"
        FAILED = "FAILED", "Failed"
        WITHDRAWN = "WITHDRAWN", "Not done"
        LOST = "LOST", "Not known"

    OPEN: ClassVar = (Status.WAITING, Status.RUNNING)

    console = models.ForeignKey(Console, on_delete=models.CASCADE, related_name="acts")
    key = models.CharField(max_length=16)
    arguments = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.WAITING)
    text = models.TextField(blank=True, help_text="What came of it, in words.")
    pressed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    actor_kind = models.CharField(max_length=16)
    actor = models.CharField(max_length=150)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["console"], condition=Q(status__in=("WAITING", "RUNNING")), name="one_open_act_per_console"),
        ]
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.key} {self.status}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN


class ConsoleMessage(models.Model):
    """One DIMSE exchange of a console: the request as it was sent, and what was answered, or why nothing was.

    `request` and `answers` are DICOM JSON; of many answers to a C-FIND the first are kept. `status` is empty without an answer.
    """

    console = models.ForeignKey(Console, on_delete=models.CASCADE, related_name="messages")
    act = models.ForeignKey(ConsoleAct, on_delete=models.CASCADE, related_name="messages")
    at = models.DateTimeField()
    verb = models.CharField(max_length=16)
    calling = models.CharField(max_length=16)
    target = models.CharField(max_length=300)
    summary = models.CharField(max_length=255, blank=True, help_text="What was asked or told, in a few words.")
    sop_instance_uid = models.CharField(max_length=128, blank=True)
    request = models.JSONField(null=True, blank=True)
    answers = models.JSONField(default=list, blank=True)
    answer_count = models.PositiveIntegerField(null=True, blank=True)
    status = models.PositiveIntegerField(null=True, blank=True)
    comment = models.TextField(blank=True)
    error_id = models.PositiveIntegerField(null=True, blank=True)
    offending = models.JSONField(default=list, blank=True, help_text="Tags, as numbers.")
    failure = models.TextField(blank=True)
    duration_ms = models.FloatField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.verb} of {self.calling} at {self.at:%Y-%m-%d %H:%M:%S}"
