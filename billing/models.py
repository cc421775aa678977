"""Charges with their lines, and what was done to deliver them. `billing.actions` is the only writer."""

from hashlib import sha256
from typing import Any, ClassVar, NoReturn

from django.db import models
from django.db.models import Q

from billing.currency import CURRENCY
from billing.transitions import PENDING, STATUSES
from mpps import reasons
from mpps.models import PerformedProcedureStep
from ris.models import RequestedProcedure, Site
from ris.models.history import AppendOnlyError, Change

MAX_TEXT = 255
"""Characters of what is said about a charge."""
MAX_TARGET = 250
"""Characters of where a charge is sent."""


class Charge(models.Model):
    """What is charged for one requested procedure, or the credit that takes such a charge back; the row is its own outbox.

    A charge that was sent is never changed: revision 2 is the credit of revision 1, revision 3 what is charged instead.

    `service_at` and `created_at` are the hospital's time. `posted_at` is too, and set only by an accepting acknowledgement.
    `next_attempt_at` and `lease_until` are the database's wall time: a sender owns the row until its lease ends.
    `message` is the DFT^P03 as it was sent first, so that every repeat is the same to the byte.
    """

    class Kind(models.TextChoices):
        TECHNICAL = "TECHNICAL", "Technical"
        PROFESSIONAL = "PROFESSIONAL", "Professional"

    class TransactionType(models.TextChoices):
        """FT1-6, HL7 table 0017."""

        CHARGE = "CG", "Charge"
        CREDIT = "CD", "Credit"

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    requested_procedure = models.ForeignKey(RequestedProcedure, on_delete=models.PROTECT, null=True, blank=True, related_name="charges")
    performed_step = models.ForeignKey(
        PerformedProcedureStep,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="charges",
        help_text="The first performed step of the work charged; identifies the charge when there is no requested procedure.",
    )
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.TECHNICAL)
    revision = models.PositiveSmallIntegerField(default=1)
    control_id = models.CharField(max_length=9, null=True, unique=True, help_text="MSH-10; empty only while the row is being made.")
    transaction_type = models.CharField(max_length=2, choices=TransactionType, default=TransactionType.CHARGE)
    corrects = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="corrections",
        help_text="The charge that a credit takes back, or the credit that a new charge follows; sent when that one is posted or void.",
    )
    by_hand = models.BooleanField(default=False, help_text="A person voided or credited it: the same work is not charged again.")
    status = models.CharField(max_length=16, choices=[(status, status) for status in STATUSES], default=PENDING)
    amount = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, default=CURRENCY)
    reason = models.CharField(max_length=MAX_TEXT, help_text="Why this is charged, in words.")
    on_hold = models.CharField(max_length=MAX_TEXT, blank=True, help_text="Why it waits for a person; empty when it does not.")
    released = models.CharField(
        max_length=MAX_TEXT,
        blank=True,
        default="",
        db_default="",
        help_text="The doubt that a person released it from.",
    )
    service_at = models.DateTimeField()
    created_at = models.DateTimeField()
    posted_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=MAX_TEXT, blank=True, help_text="What the last attempt met.")
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True)
    written_off_at = models.DateTimeField(
        null=True, blank=True, help_text="When a person gave up a failed charge that the receiver may have; the hospital's time."
    )
    is_dead_letter = models.BooleanField(default=False, help_text="Failed because nobody acknowledged it, however often it was sent.")
    tries_from = models.PositiveIntegerField(default=0, help_text="Of its attempts, those before a person had it sent again.")
    tried_since = models.DateTimeField(null=True, blank=True, help_text="Wall time of the first attempt after those.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["requested_procedure", "kind", "revision"],
                condition=Q(requested_procedure__isnull=False),
                name="one_charge_per_requested_procedure",
            ),
            models.UniqueConstraint(
                fields=["performed_step", "kind", "revision"],
                condition=Q(requested_procedure__isnull=True),
                name="one_charge_per_unscheduled_step",
            ),
            models.CheckConstraint(
                condition=Q(requested_procedure__isnull=False) | Q(performed_step__isnull=False), name="charge_is_for_something"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status=PENDING, on_hold=""), name="charges_to_send"),
            models.Index(fields=["site", "status", "created_at"]),
            models.Index(fields=["site", "created_at"]),
            models.Index(fields=["site", "service_at"]),
        ]
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.control_id or "charge being made"

    @property
    def is_credit(self) -> bool:
        return self.transaction_type == self.TransactionType.CREDIT

    @property
    def mark(self) -> str:
        """What a person who decides about it has seen of it, in short."""
        corrections = sorted(one.pk for one in self.corrections.all())
        facts = (self.on_hold, self.is_dead_letter, self.written_off_at, self.attempts, str(self.amount), self.reason, self.message)
        seen = (self.status, *facts, corrections)
        return sha256(repr(seen).encode()).hexdigest()[:16]

    def unbooked(self) -> "models.QuerySet[DeliveryAttempt]":
        """The tries of which it is known that nothing was booked: refused, or never on their way."""
        return self.delivery_attempts.filter(result__in=(DeliveryAttempt.Result.REFUSED, DeliveryAttempt.Result.NOT_REACHED))


class NoCharge(models.Model):
    """That nothing is charged for work, and why: by the rules of when it ended, whatever they become, or because a person said so.

    Append-only. The latest counts, until there is a charge: then more was performed, and its charges say what all of it is worth.
    Of work without order it is about the performed step, once.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    requested_procedure = models.ForeignKey(RequestedProcedure, on_delete=models.CASCADE, null=True, blank=True, related_name="no_charges")
    performed_step = models.ForeignKey(PerformedProcedureStep, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=MAX_TEXT, help_text="Why nothing is charged, in words.")
    service_at = models.DateTimeField()
    decided_at = models.DateTimeField()
    by_hand = models.BooleanField(default=False, db_default=False, help_text="A person decided it; who is in its history.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["performed_step"], condition=Q(requested_procedure__isnull=True), name="one_decision_per_unscheduled_step"
            ),
            models.CheckConstraint(
                condition=Q(requested_procedure__isnull=False) | Q(performed_step__isnull=False), name="no_charge_is_for_something"
            ),
        ]
        indexes = [models.Index(fields=["site", "service_at"])]
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.reason


class NoChargeChange(Change):
    """Who decided that nothing is charged, when, and why."""

    no_charge = models.ForeignKey(NoCharge, on_delete=models.CASCADE, related_name="changes")


class ChargeLine(models.Model):
    """One FT1. `unit_amount` is empty when the receiver prices the code; `unit` of UCUM, empty for pieces."""

    class Kind(models.TextChoices):
        PROCEDURE = "PROCEDURE", "Procedure"
        SUPPLY = "SUPPLY", "Supply"
        FILM = "FILM", "Film"

    charge = models.ForeignKey(Charge, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PROCEDURE, db_default=Kind.PROCEDURE)
    code = models.CharField(max_length=64)
    scheme = models.CharField(max_length=64, blank=True)
    meaning = models.CharField(max_length=250, blank=True)
    modifier = models.CharField(max_length=16, blank=True, help_text="FT1-26, e.g. 52 for a reduced service.")
    quantity = models.DecimalField(max_digits=10, decimal_places=3, default=1)
    unit = models.CharField(max_length=16, blank=True, default="", db_default="")
    unit_amount = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["charge", "position"], name="one_line_per_position")]
        ordering = ["position"]

    def __str__(self) -> str:
        return self.code


class DeliveryAttempt(models.Model):
    """One attempt to deliver a charge and what came of it. Append-only.

    `number` is the charge's `attempts` at that time; a number without a row is an attempt whose worker died.
    """

    class Result(models.TextChoices):
        ACCEPTED = "ACCEPTED", "Accepted"
        REFUSED = "REFUSED", "Refused"
        NOT_REACHED = "NOT_REACHED", "Not reached"
        NO_ANSWER = "NO_ANSWER", "No answer"
        GARBLED = "GARBLED", "Answer not understood"
        UNSENDABLE = "UNSENDABLE", "Cannot be sent"

    charge = models.ForeignKey(Charge, on_delete=models.CASCADE, related_name="delivery_attempts")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    target = models.CharField(max_length=MAX_TARGET, blank=True)
    result = models.CharField(max_length=16, choices=Result)
    text = models.CharField(max_length=MAX_TEXT, blank=True, help_text="MSA-1 and MSA-3, or what went wrong.")
    duration_ms = models.PositiveIntegerField()

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["at"]), models.Index(fields=["result", "id"])]

    def __str__(self) -> str:
        return f"{self.number} {self.result}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnlyError("a DeliveryAttempt cannot be changed; record a new one")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("a DeliveryAttempt cannot be deleted")


class ChargeChange(Change):
    """One change of a charge: who, when, from, to, why."""

    charge = models.ForeignKey(Charge, on_delete=models.CASCADE, related_name="changes")


class DiscontinuationRule(models.Model):
    """What a hospital charges for a discontinuation reason, or completed work, where that is not built in (`billing.ruling`)."""

    CHOICES: ClassVar = [(choice, choice) for choice in (reasons.NOTHING, reasons.REDUCED, reasons.REVIEW, "full", "check")]

    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    code = models.CharField(
        max_length=16, blank=True, help_text="Of CID 9300 or `billing.ruling`; empty for any other reason, and for none."
    )
    with_images = models.CharField(max_length=8, choices=CHOICES)
    without_images = models.CharField(max_length=8, choices=CHOICES)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "code"], name="one_rule_per_reason")]

    def __str__(self) -> str:
        return self.code or "other reasons"
