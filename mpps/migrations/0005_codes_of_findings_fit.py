"""The longest code of a finding (SCHEDULED_PROCEDURE_STEP_ID_DIFFERS) fits its column on PostgreSQL, too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mpps", "0004_destinations_over_tls")]

    operations = [migrations.AlterField(model_name="finding", name="code", field=models.CharField(max_length=64))]
