"""What each association asked for and what came of it, beside the association; accession numbers in a table of their own."""

from collections.abc import Iterable
from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from dimse.summaries import Came, accession_numbers, asked_by, came_of

_BATCH = 2_000


def sum_up(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """Of what the journal has already."""
    association, message = apps.get_model("dimse", "Association"), apps.get_model("dimse", "Message")
    using = editor.connection.alias
    marks: dict[Any, list[int]] = {}
    told = message.objects.using(using).order_by()
    for key, direction, service, status, answers in told.values_list(
        "association_id", "direction", "service", "status", "answer_count"
    ).distinct():
        found = marks.setdefault(key, [0, 0])
        if direction == "in":
            found[0] |= int(asked_by(service))
        else:
            found[1] |= int(came_of(status, answers))
    for row in association.objects.using(using).exclude(note="").only("pk"):
        marks.setdefault(row.pk, [0, 0])[1] |= int(Came.NOTED)
    for (asked, came), keys in _grouped(marks).items():
        for at in range(0, len(keys), 500):
            association.objects.using(using).filter(pk__in=keys[at : at + 500]).update(asked=asked, came=came)


def _grouped(marks: dict[Any, list[int]]) -> dict[tuple[int, int], list[Any]]:
    found: dict[tuple[int, int], list[Any]] = {}
    for key, (asked, came) in marks.items():
        found.setdefault((asked, came), []).append(key)
    return found


def find_mentions(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    mention, message = apps.get_model("dimse", "Mention"), apps.get_model("dimse", "Message")
    using = editor.connection.alias
    named = message.objects.using(using).filter(direction="in", service__in=("C-FIND", "N-CREATE")).order_by("pk")
    waiting: list[Any] = []
    for row in named.iterator(chunk_size=_BATCH):
        waiting.extend(_mentions(mention, row))
        if len(waiting) >= _BATCH:
            mention.objects.using(using).bulk_create(waiting)
            waiting.clear()
    mention.objects.using(using).bulk_create(waiting)


def _mentions(mention: Any, row: Any) -> Iterable[Any]:
    for number in accession_numbers(bytes(row.data), row.transfer_syntax):
        yield mention(
            association_id=row.association_id, time=row.time, accession_number=number, sop_instance_uid=row.sop_instance_uid
        )


class Migration(migrations.Migration):

    dependencies = [
        ('dimse', '0004_latest_of_a_caller'),
    ]

    operations = [
        migrations.CreateModel(
            name='Mention',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('association_id', models.UUIDField()),
                ('time', models.DateTimeField(db_index=True)),
                ('accession_number', models.CharField(max_length=64)),
                ('sop_instance_uid', models.CharField(blank=True, max_length=64)),
            ],
            options={'indexes': [models.Index(fields=['accession_number', 'time'], name='mention_of_accession')]},
        ),
        migrations.AddField(
            model_name='association',
            name='asked',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='association',
            name='came',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.RunPython(sum_up, migrations.RunPython.noop),
        migrations.RunPython(find_mentions, migrations.RunPython.noop),
    ]
