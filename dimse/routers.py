"""Database router: the message journal lives in its own store, so that writing it never waits for the domain's tables."""

from typing import Any

from django.db.models import Model

JOURNAL_APP = "dimse"
JOURNAL_DATABASE = "journal"


class JournalRouter:
    """Sends the models of `dimse` to the `journal` database and keeps all others out of it."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return JOURNAL_DATABASE if model._meta.app_label == JOURNAL_APP else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return JOURNAL_DATABASE if model._meta.app_label == JOURNAL_APP else None

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool | None:
        ours = [instance._meta.app_label == JOURNAL_APP for instance in (first, second)]
        return None if not any(ours) else all(ours)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        if db == JOURNAL_DATABASE or app_label == JOURNAL_APP:
            return db == JOURNAL_DATABASE and app_label == JOURNAL_APP
        return None
