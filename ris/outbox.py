"""What the outboxes share. A row that is due is claimed by a guarded UPDATE for the length of a lease, by the database's clock; who holds
the lease sends it. A worker that dies leaves a lease that ends, and the row is due again."""

import random
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now


def free() -> Q:
    """Rows, with a column `lease_until`, that nobody holds."""
    return Q(lease_until=None) | Q(lease_until__lte=Now())


def backoff(attempts: int, first: float, cap: float) -> timedelta:
    """How long to wait after this many attempts: `first` seconds, doubled each time up to the cap, less up to half of it at random."""
    longest = min(cap, first * 2.0 ** min(attempts - 1, 10))
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))
