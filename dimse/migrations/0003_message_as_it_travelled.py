from django.db import migrations, models


class Migration(migrations.Migration):
    """Messages are kept as they travelled; what was kept as JSON is not turned back into bytes."""

    dependencies = [
        ("dimse", "0002_association_note"),
    ]

    operations = [
        migrations.RemoveField("message", "dataset"),
        migrations.RemoveField("message", "answers"),
        migrations.RenameField("message", "note", "remark"),
        migrations.AddField("message", "data", models.BinaryField(default=b"")),
        migrations.AddField("message", "first_answers", models.BinaryField(default=b"")),
    ]
