"""What was journalled of handshakes that came to nothing is found as that, and certificates that were too early or for servers by their codes."""

from typing import Any

from django.db import migrations
from django.db.models import F

NOT_SECURED = 512
ON_THE_PLAIN_PORT = ("", "TLS", "HTTP", "SSH", "HL7", "OTHER")
WORDS = (("certificate is not yet valid", "CERTIFICATE_TOO_EARLY"), ("unsuitable certificate purpose", "CERTIFICATE_FOR_SERVERS"))


def read_again(apps: Any, schema_editor: Any) -> None:
    strangers = apps.get_model("dimse", "Association").objects.using(schema_editor.connection.alias).filter(calling="").exclude(note="")
    for words, code in WORDS:
        strangers.filter(taken_for="CERTIFICATE_NOT_TRUSTED", note__contains=words).update(taken_for=code)
    strangers.exclude(taken_for__in=ON_THE_PLAIN_PORT).update(came=F("came").bitor(NOT_SECURED))


class Migration(migrations.Migration):
    dependencies = [("dimse", "0008_what_strangers_took_the_port_for")]

    operations = [migrations.RunPython(read_again, migrations.RunPython.noop, elidable=False)]
