"""Signs of life."""

from datetime import UTC, datetime

from ris.models import Heartbeat


def beat(process: str) -> None:
    """Record that the process lives now, by wall time: a simulated clock must not hide a dead worker."""
    Heartbeat.objects.update_or_create(process=process, defaults={"at": datetime.now(UTC)})  # noqa: TID251
