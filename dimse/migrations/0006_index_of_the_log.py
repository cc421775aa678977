from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('dimse', '0005_associations_summed_up'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='association',
            index=models.Index(fields=['started', 'id', 'calling', 'called', 'address', 'end', 'asked', 'came'], name='association_log'),
        ),
    ]
