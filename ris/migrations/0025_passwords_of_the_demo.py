"""Which accounts have the password that the demo gave: those of whose passwords the last one is in the history as given by it."""

from typing import Any

from django.db import migrations, models

_SETS = ("create user", "reset password", "change password")


def mark(apps: Any, _: Any) -> None:
    """The histories know who set each password; an account without a word of it was made by no demo."""
    Account, RecordChange = apps.get_model("ris", "Account"), apps.get_model("ris", "RecordChange")
    by_demo: dict[int, bool] = {}
    rows = RecordChange.objects.filter(subject="user", verb__in=_SETS).order_by("pk")
    for user_id, kind, actor in rows.values_list("subject_id", "actor_kind", "actor"):
        by_demo[user_id] = kind == "system" and (actor == "demo hospital" or actor.startswith("demo hospital, by "))
    Account.objects.filter(user_id__in=[user_id for user_id, is_so in by_demo.items() if is_so]).update(demo_password=True)


class Migration(migrations.Migration):
    dependencies = [("ris", "0024_what_a_c_echo_met")]

    operations = [
        migrations.AddField("account", "demo_password", models.BooleanField(default=False, db_default=False)),
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
