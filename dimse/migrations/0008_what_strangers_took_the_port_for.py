"""What somebody did who spoke no DICOM, as a code; of what was journalled before it is read from the words."""

from typing import Any

from django.db import migrations, models

WORDS = (
    ("looks like TLS", "TLS"),
    ("looks like HTTP", "HTTP"),
    ("looks like HL7", "HL7"),
    ("looks like SSH", "SSH"),
    ("did not return a certificate", "NO_CERTIFICATE"),
    ("certificate has expired", "CERTIFICATE_ELAPSED"),
    ("certificate is not trusted", "CERTIFICATE_NOT_TRUSTED"),
    ("alert unknown ca", "OUR_AUTHORITY_UNKNOWN"),
    ("alert bad certificate", "OUR_CERTIFICATE_BAD"),
    ("alert certificate", "OUR_CERTIFICATE_REFUSED"),
    ("unsupported protocol", "OLD_TLS"),
    ("no shared cipher", "NO_SHARED_CIPHER"),
    ("wrong version number", "PLAIN"),
    ("http request", "HTTP_WITHOUT_TLS"),
    ("handshake was not finished in time", "NOT_BEGUN"),
    ("TLS handshake failed", "HANDSHAKE"),
    ("not DICOM: ", "OTHER"),
)
"""The first that fits."""


def read_the_words(apps: Any, schema_editor: Any) -> None:
    strangers = apps.get_model("dimse", "Association").objects.using(schema_editor.connection.alias).filter(calling="").exclude(note="")
    for words, code in WORDS:
        strangers.filter(taken_for="", note__contains=words).update(taken_for=code)


class Migration(migrations.Migration):
    dependencies = [("dimse", "0007_associations_over_tls")]

    operations = [
        migrations.AddField(
            model_name="association",
            name="taken_for",
            field=models.CharField(blank=True, db_default="", default="", help_text="dimse.strangers.NoDicom", max_length=32),
        ),
        migrations.RunPython(read_the_words, migrations.RunPython.noop, elidable=False),
    ]
