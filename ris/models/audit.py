"""The audit trail. `ris.actions.auditing` is its only writer, and the database refuses to change or delete what it wrote."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models

from ris.models.history import AppendOnlyError
from ris.models.site import Site


class _AppendOnly(models.Model):
    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnlyError("the audit trail cannot be changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("the audit trail cannot be deleted")


class AuditRecord(_AppendOnly):
    """Who saw or did what, when (wall time), from where, and how it went. `event`, `action` and `outcome` are of `ris.audit`.

    `place` is the page or REST call by its name or pattern; `total` is how many patients a list was about, of whom a bounded number is in
    `AuditedPatient`. `detail` holds what else is known: `reason`, `asked` (a list's filters), `changes` (rows of histories).
    """

    at = models.DateTimeField()
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, db_index=False, help_text="None before there was a hospital.")
    event = models.CharField(max_length=16)
    action = models.CharField(max_length=1)
    outcome = models.PositiveSmallIntegerField()
    actor_kind = models.CharField(max_length=16)
    actor = models.CharField(max_length=200)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False)
    address = models.CharField(max_length=64, blank=True)
    place = models.CharField(max_length=128, blank=True)
    total = models.PositiveIntegerField(default=0)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["site", "at"], name="audit_of_site"),
            # The site comes first: SQLite, which counts nothing, takes the index of which most columns are given.
            models.Index(fields=["site", "actor", "at"], name="audit_by_actor"),
            models.Index(fields=["site", "actor_kind", "at"], name="audit_by_kind"),
            models.Index(fields=["site", "event", "at"], name="audit_by_event"),
            models.Index(fields=["site", "address", "at"], name="audit_by_address"),
            models.Index(fields=["site", "at"], condition=models.Q(outcome__gt=0), name="audit_by_failures"),
        ]

    def __str__(self) -> str:
        return f"{self.event} by {self.actor}"


class AuditedPatient(_AppendOnly):
    """One of the patients that a record is about. `patient_key` is the patient's primary key, kept whatever becomes of that record."""

    record = models.ForeignKey(AuditRecord, on_delete=models.PROTECT, related_name="patients")
    patient_key = models.BigIntegerField(null=True)
    patient_id = models.CharField(max_length=64, blank=True)
    accession_number = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["patient_key", "record"], condition=models.Q(patient_key__isnull=False), name="audit_of_patient"),
            models.Index(fields=["patient_id", "record"], name="audit_of_patient_id"),
            models.Index(fields=["accession_number", "record"], condition=~models.Q(accession_number=""), name="audit_of_accession"),
        ]

    def __str__(self) -> str:
        return self.patient_id
