"""Searches that are kept under a key: the address of a page names the key, never what was searched for."""

from datetime import datetime, timedelta

from django.utils.crypto import salted_hmac

from ris import clock
from ris.db import action
from ris.deeds import aside
from ris.models import KeptSearch

KEPT_FOR = timedelta(days=30)
"""After which a search that nobody repeated is forgotten: so long a bookmark of it leads somewhere."""


@aside
@action
def keep(user_id: int, text: str) -> str:
    """Keep the text for this user and return its key, which is the same for the same text and means nothing to anybody else."""
    key = salted_hmac("ris.searches", f"{user_id} {text}", algorithm="sha256").hexdigest()[:24]
    row = KeptSearch(key=key, user_id=user_id, text=text, at=clock.wall())
    KeptSearch.objects.bulk_create([row], update_conflicts=True, unique_fields=["key"], update_fields=["at"])
    return key


@action
def forget(before: datetime) -> int:
    """Forget what was not searched for again since; the number of searches forgotten."""
    return KeptSearch.objects.filter(at__lt=before).delete()[0]
