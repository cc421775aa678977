"""The procedure catalogue. Orders copy what they take from it, so that a later change leaves them as they were."""

from django.db import models

from ris.models.site import Site


class Procedure(models.Model):
    """What can be ordered: a coded procedure with its price and its steps."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    code = models.CharField(max_length=16)
    scheme = models.CharField(max_length=16)
    meaning = models.CharField(max_length=64)
    modality = models.CharField(max_length=16)
    duration_minutes = models.PositiveSmallIntegerField()
    price = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    laterality = models.CharField(max_length=16, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "code", "scheme"], name="one_procedure_per_code")]
        ordering = ["modality", "meaning"]

    def __str__(self) -> str:
        return self.meaning


class ProcedureStepTemplate(models.Model):
    """One step that an order of the procedure makes."""

    procedure = models.ForeignKey(Procedure, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    description = models.CharField(max_length=64)
    modality = models.CharField(max_length=16)
    duration_minutes = models.PositiveSmallIntegerField()
    protocol_code = models.CharField(max_length=16, blank=True)
    protocol_scheme = models.CharField(max_length=16, blank=True)
    protocol_meaning = models.CharField(max_length=64, blank=True)
    pre_medication = models.CharField(max_length=64, blank=True)
    requested_contrast_agent = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["procedure", "position"], name="one_template_per_position")]
        ordering = ["position"]

    def __str__(self) -> str:
        return self.description
