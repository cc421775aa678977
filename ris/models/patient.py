"""Patients and their visits."""

from django.db import models
from django.db.models import Q

from ris.models.site import Site


class Patient(models.Model):
    """A person under one patient ID and its issuer. `name` is a DICOM PN value with up to three groups.

    An imported item may lack the patient ID; such patients are kept apart, one per item. A record that was merged into another
    one is kept: it has no orders or visits any more, and its ID leads to the other.
    """

    class Sex(models.TextChoices):
        MALE = "M", "Male"
        FEMALE = "F", "Female"
        OTHER = "O", "Other"
        UNKNOWN = "", "Not known"

    class Pregnancy(models.IntegerChoices):
        """PregnancyStatus (0010,21C0)."""

        NOT_PREGNANT = 1, "Not pregnant"
        POSSIBLY = 2, "Possibly pregnant"
        PREGNANT = 3, "Definitely pregnant"
        UNKNOWN = 4, "Not known"

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    patient_id = models.CharField(max_length=64, blank=True)
    issuer_of_patient_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=250, blank=True)
    name_key = models.CharField(max_length=250, blank=True, editable=False, help_text="`ris.names.normalised` of the name.")
    birth_date = models.DateField(null=True, blank=True)
    sex = models.CharField(max_length=1, blank=True, choices=Sex)
    weight_kg = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)
    size_m = models.DecimalField(max_digits=4, decimal_places=2, null=True, blank=True)
    allergies = models.JSONField(default=list, blank=True, help_text="Allergies (0010,2110), LO 1-n: a list of texts.")
    medical_alerts = models.JSONField(default=list, blank=True, help_text="MedicalAlerts (0010,2000), LO 1-n: a list of texts.")
    pregnancy_status = models.PositiveSmallIntegerField(null=True, blank=True, choices=Pregnancy)
    special_needs = models.CharField(max_length=64, blank=True)
    patient_state = models.CharField(max_length=64, blank=True)
    confidentiality = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict, blank=True, help_text="`ris.attributes.PATIENT` by keyword.")
    created_at = models.DateTimeField()
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged", help_text="The record that stands for this one."
    )
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "patient_id", "issuer_of_patient_id"], condition=~Q(patient_id=""), name="one_patient_per_id_and_issuer"
            )
        ]
        indexes = [models.Index(fields=["site", "name_key"])]

    def __str__(self) -> str:
        return self.patient_id


class Visit(models.Model):
    """An admission or an outpatient contact: class (HL7 table 0004), location, admission ID."""

    class PatientClass(models.TextChoices):
        OUTPATIENT = "O", "Outpatient"
        INPATIENT = "I", "Inpatient"
        EMERGENCY = "E", "Emergency"
        UNKNOWN = "U", "Not known"

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="visits")
    admission_id = models.CharField(max_length=64, blank=True)
    issuer_of_admission_id = models.CharField(max_length=64, blank=True)
    account_number = models.CharField(max_length=64, blank=True)
    patient_class = models.CharField(max_length=1, choices=PatientClass, default=PatientClass.UNKNOWN)
    current_patient_location = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict, blank=True, help_text="`ris.attributes.VISIT` by keyword.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "admission_id", "issuer_of_admission_id"], condition=~Q(admission_id=""), name="one_visit_per_admission_id"
            )
        ]

    def __str__(self) -> str:
        return self.admission_id
