from django.db import migrations

from ris import append_only


def protect(apps, schema_editor):
    """PostgreSQL, which has no REPLACE, has all its triggers."""
    if schema_editor.connection.vendor == "sqlite":
        for table in append_only.PROTECTED:
            append_only.protect(schema_editor, table)


class Migration(migrations.Migration):

    dependencies = [
        ('ris', '0025_passwords_of_the_demo'),
    ]

    operations = [
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
