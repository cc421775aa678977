from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ris", "0019_titles_claim_what_is_said_from_their_own_moment_on")]

    operations = [
        migrations.AddField(
            "connectioncheck",
            "lines",
            models.JSONField(blank=True, default=list, help_text="Empty while it is open."),
        ),
    ]
