"""Orders (DICOM: Imaging Service Request) and the procedures they request."""

from django.db import models
from django.db.models import Q

from ris.models.catalogue import Procedure
from ris.models.patient import Patient, Visit
from ris.models.site import Site


class Order(models.Model):
    """An Imaging Service Request: accession number with its issuer, placer and filler order numbers, who asked and why."""

    class Priority(models.TextChoices):
        """RequestedProcedurePriority (0040,1003)."""

        STAT = "STAT", "STAT"
        HIGH = "HIGH", "High"
        ROUTINE = "ROUTINE", "Routine"
        MEDIUM = "MEDIUM", "Medium"
        LOW = "LOW", "Low"

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="orders")
    visit = models.ForeignKey(Visit, on_delete=models.PROTECT, null=True, blank=True, related_name="orders")
    accession_number = models.CharField(max_length=16, blank=True)
    issuer_of_accession_number = models.CharField(max_length=64, blank=True)
    placer_order_number = models.CharField(max_length=64, blank=True)
    issuer_of_placer_order_number = models.CharField(max_length=64, blank=True)
    filler_order_number = models.CharField(max_length=64, blank=True)
    issuer_of_filler_order_number = models.CharField(max_length=64, blank=True)
    referring_physician_name = models.CharField(max_length=250, blank=True)
    requesting_physician = models.CharField(max_length=250, blank=True)
    requesting_service = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=64, blank=True, help_text="ReasonForTheRequestedProcedure (0040,1002).")
    comments = models.TextField(blank=True, help_text="ImagingServiceRequestComments (0040,2400).")
    priority = models.CharField(max_length=16, choices=Priority, default=Priority.ROUTINE)
    patient_transport_arrangements = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict, blank=True, help_text="`ris.attributes.ORDER` by keyword.")
    ordered_at = models.DateTimeField()
    ordered_by = models.CharField(max_length=150)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "accession_number", "issuer_of_accession_number"],
                condition=~Q(accession_number=""),
                name="one_order_per_accession_number",
            )
        ]

    def __str__(self) -> str:
        return self.accession_number


class RequestedProcedure(models.Model):
    """One procedure of an order: one study. Code, meaning and price are the catalogue's at the time of the order."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="requested_procedures")
    catalogue_procedure = models.ForeignKey(Procedure, on_delete=models.SET_NULL, null=True, blank=True)
    requested_procedure_id = models.CharField(max_length=16)
    study_instance_uid = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=16, blank=True)
    scheme = models.CharField(max_length=16, blank=True)
    meaning = models.CharField(max_length=64, blank=True)
    description = models.CharField(max_length=64, blank=True)
    laterality = models.CharField(max_length=16, blank=True)
    details = models.JSONField(default=dict, blank=True, help_text="`ris.attributes.PROCEDURE` by keyword.")
    price = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    is_test = models.BooleanField(default=False, db_default=False, help_text="To try a connection with: never charged, keeps no slot.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "order", "requested_procedure_id"], name="one_procedure_per_id_and_order")]
        indexes = [models.Index(fields=["site", "study_instance_uid"]), models.Index(fields=["site", "requested_procedure_id"])]
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.requested_procedure_id
