"""Append-only rows that say who changed what, when, from what, to what and why."""

from collections.abc import Sequence
from typing import Any, NoReturn, Self

from django.conf import settings
from django.db import models

from ris import events
from ris.actor import Actor
from ris.insertion import insert, insert_one


class AppendOnlyError(TypeError):
    """A row of a history cannot be changed or deleted."""


class Change(models.Model):
    """One change of a status. Rooms derive their own history from it and add what changed."""

    at = models.DateTimeField()
    verb = models.CharField(max_length=24)
    from_status = models.CharField(max_length=16, blank=True)
    to_status = models.CharField(max_length=16, blank=True)
    actor_kind = models.CharField(max_length=16)
    actor = models.CharField(max_length=150)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)
    reason = models.CharField(max_length=255, blank=True)
    detail = models.JSONField(default=dict, blank=True, help_text="What else changed: {name: [from, to]}.")

    class Meta:
        abstract = True
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor}"

    @property
    def is_move(self) -> bool:
        """Whether the status became another one."""
        return self.from_status != self.to_status

    @classmethod
    def by(cls, actor: Actor, **fields: Any) -> Self:
        """Record a change by the actor, in the audit trail too where it was a person, and return its row."""
        row = insert_one(cls.unentered(actor, **fields))
        events.publish(events.Changed(row))
        return row

    @classmethod
    def enter(cls, rows: Sequence[Self]) -> None:
        """Insert rows at once, and record them as `by` does."""
        insert(rows)
        for row in rows:
            events.publish(events.Changed(row))

    @classmethod
    def unentered(cls, actor: Actor, **fields: Any) -> Self:
        """A row that is still to be saved. Who saves it past `enter` keeps it from the audit trail: an import, which is entered as one."""
        return cls(actor_kind=actor.kind, actor=actor.name, user_id=actor.user_id, **fields)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnlyError(f"a {type(self).__name__} cannot be changed; record a new one")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError(f"a {type(self).__name__} cannot be deleted")


class RecordChange(Change):
    """A change of a record without a status: a patient's demographics, a station's settings."""

    subject = models.CharField(max_length=32)
    subject_id = models.BigIntegerField()

    class Meta(Change.Meta):
        indexes = [models.Index(fields=["subject", "subject_id"])]
