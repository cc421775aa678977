"""The read model that C-FIND answers from: what a modality can see, one row a scheduled procedure step; and what is odd about the exchange.

`worklist.projection` is the only writer of entries; `manage.py rebuild_worklist --check` proves the rows against their source.
`worklist.findings` is the only writer of findings.
"""

from django.db import models
from django.db.models import Q

from ris.models import ScheduledProcedureStep, Site

PREFIX = "varchar_pattern_ops"
"""PostgreSQL's operator class for searching the beginning of a text, whatever the collation of the database."""


class WorklistEntry(models.Model):
    """Matching keys of a step in columns, and the whole item as it can travel.

    Texts are stripped of padding; code strings are upper-case; `*_key` and `name_*` are `worklist.values.name_groups`.
    `local_date` and `local_time` are the item's own DA and TM in the hospital's zone, spelled out (`YYYYMMDD`,
    `HHMMSS.FFFFFF`) so that they compare as text, even for an imported date that no calendar knows. Answers come in the order of
    `local_date` and `start`, which the indexes named `…_order` have, so that a page of them is read without sorting.
    `item` is the data set in Explicit VR Little Endian, strings in UTF-8, sequences and items of defined length.
    """

    step = models.OneToOneField(ScheduledProcedureStep, on_delete=models.CASCADE, primary_key=True, related_name="worklist_entry")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_index=False)
    status = models.CharField(max_length=16)
    start = models.DateTimeField()
    local_date = models.CharField(max_length=64, blank=True)
    local_time = models.CharField(max_length=64, blank=True)
    station_ae_titles = models.TextField(blank=True, help_text="ScheduledStationAETitle (0040,0001), separated by backslashes.")
    modality = models.CharField(max_length=64, blank=True)
    patient_id = models.CharField(max_length=250, blank=True)
    patient_name = models.TextField(blank=True)
    name_alphabetic = models.CharField(max_length=250, blank=True)
    name_ideographic = models.CharField(max_length=250, blank=True)
    name_phonetic = models.CharField(max_length=250, blank=True)
    accession_number = models.CharField(max_length=250, blank=True)
    requested_procedure_id = models.CharField(max_length=250, blank=True)
    scheduled_procedure_step_id = models.CharField(max_length=250, blank=True)
    study_instance_uid = models.CharField(max_length=250, blank=True)
    performing_physician_name = models.TextField(blank=True)
    item = models.BinaryField()

    class Meta:
        indexes = [
            models.Index(fields=["site", "local_date", "start", "step"], name="entry_order"),
            models.Index(fields=["site", "modality", "local_date", "start", "step"], name="entry_modality_order"),
            *(
                models.Index(fields=["site", column], name=f"entry_{name}", opclasses=["int8_ops", PREFIX])
                for column, name in (
                    ("patient_id", "patient"),
                    ("name_alphabetic", "alphabetic"),
                    ("name_ideographic", "ideographic"),
                    ("name_phonetic", "phonetic"),
                    ("accession_number", "accession"),
                    ("requested_procedure_id", "procedure"),
                    ("scheduled_procedure_step_id", "step"),
                    ("study_instance_uid", "study"),
                )
            ),
        ]

    def __str__(self) -> str:
        return f"{self.accession_number} {self.scheduled_procedure_step_id}"


class WorklistEntryStation(models.Model):
    """One value of ScheduledStationAETitle (VM 1-n), with what a station asks for most: its day, in order of start."""

    entry = models.ForeignKey(WorklistEntry, on_delete=models.CASCADE, related_name="stations")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_index=False)
    ae_title = models.CharField(max_length=64)
    start = models.DateTimeField()
    local_date = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["site", "ae_title", "local_date", "start", "entry"], name="entry_station_order"),
        ]
        constraints = [models.UniqueConstraint(fields=["entry", "ae_title"], name="one_row_per_entry_and_ae_title")]

    def __str__(self) -> str:
        return self.ae_title


class WorklistFinding(models.Model):
    """Something that people should look at: about what a station asks, or about the answer that it gets for a step.

    One row for the same code and attribute of the same station and step, however often it is met; `text` is how it was met last.
    `attribute` is a path of keywords, e.g. `ScheduledProcedureStepSequence.ScheduledProcedureStepDescription`.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_index=False)
    station_ae_title = models.CharField(max_length=16, help_text="The AE title that asks, known as a station or not.")
    step = models.ForeignKey(ScheduledProcedureStep, on_delete=models.CASCADE, null=True, blank=True, related_name="worklist_findings")
    code = models.CharField(max_length=32)
    attribute = models.CharField(max_length=250, blank=True)
    text = models.CharField(max_length=500)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "station_ae_title", "step", "code", "attribute"], name="one_finding_per_step_and_code"),
            models.UniqueConstraint(
                fields=["site", "station_ae_title", "code", "attribute"],
                condition=Q(step__isnull=True),
                name="one_finding_per_station_and_code",
            ),
        ]
        indexes = [models.Index(fields=["last_seen"], name="finding_last_seen")]
        ordering = ["-last_seen", "-pk"]

    def __str__(self) -> str:
        return self.text


class LintBacklog(models.Model):
    """Answers to a station that a DICOM process is still to lint, or passed over since there were too many; rewritten while they wait.

    `since` is on the site's clock, `at`, when the process told it, on the wall's.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, db_index=False)
    station_ae_title = models.CharField(max_length=16, help_text="The AE title that asks, known as a station or not.")
    process = models.CharField(max_length=64)
    waiting = models.PositiveIntegerField()
    passed = models.PositiveIntegerField()
    since = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "station_ae_title", "process"], name="one_backlog_per_station_and_process")]

    def __str__(self) -> str:
        return f"{self.station_ae_title}: {self.waiting}"
