"""One active token of a name for each user. Where there are several, the later ones get a number behind their name: all stay good, and
each is to be seen and revoked."""

from collections import defaultdict
from typing import Any

from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

LONGEST = 64


def number_the_later_ones(apps: Any, schema_editor: Any) -> None:
    tokens = apps.get_model("ris", "ApiToken").objects.using(schema_editor.connection.alias)
    names: dict[int, set[str]] = defaultdict(set)
    taken: dict[int, set[str]] = defaultdict(set)
    active = list(tokens.filter(revoked_at=None).order_by("created_at", "pk"))
    for token in active:
        taken[token.user_id].add(token.name)
    for token in active:
        if token.name in names[token.user_id]:
            number = 2
            while (name := numbered(token.name, number)) in taken[token.user_id]:
                number += 1
            token.name = name
            token.save(update_fields=["name"])
            taken[token.user_id].add(name)
        names[token.user_id].add(token.name)


def numbered(name: str, number: int) -> str:
    behind = f" ({number})"
    return name[: LONGEST - len(behind)] + behind


class Migration(migrations.Migration):
    dependencies = [
        ("ris", "0020_checklists_as_they_ended"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(number_the_later_ones, migrations.RunPython.noop, elidable=False),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.UniqueConstraint(
                condition=Q(("revoked_at", None)), fields=("user", "name"), name="one_active_token_of_a_name"
            ),
        ),
    ]
