"""The journal keeps the whole reason of a refusal, of which an Error Comment has the first 64 characters."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dimse", "0009_handshakes_that_failed")]

    operations = [
        migrations.AlterField(
            model_name="message",
            name="comment",
            field=models.CharField(
                blank=True, help_text="Why, in whole; the wire has the beginning.", max_length=250
            ),
        ),
    ]
