"""What people searched for, so that no address has to say it."""

from django.conf import settings
from django.db import models


class KeptSearch(models.Model):
    """A text that somebody searched for; addresses name it by its key, which says nothing of the text."""

    key = models.CharField(max_length=32, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    text = models.TextField()
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
