from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ris", "0026_audit_records_cannot_be_replaced")]

    operations = [
        migrations.AddIndex("auditrecord", models.Index(fields=["site", "actor_kind", "at"], name="audit_by_kind")),
    ]
