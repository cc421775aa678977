from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ris", "0025_passwords_of_the_demo")]

    operations = [
        migrations.AddIndex("auditrecord", models.Index(fields=["site", "actor_kind", "at"], name="audit_by_kind")),
    ]
