"""Exams that were begun and of whose performed steps no news comes any more."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from mpps.models import StepLink
from ris import expiry
from ris.models import ScheduledProcedureStep, Site


def due(site: Site, before: datetime) -> QuerySet[ScheduledProcedureStep]:
    """Steps that were begun and neither changed nor had a message of a performed step since `before`."""
    news = StepLink.objects.filter(step=OuterRef("pk"), performed_step__updated_at__gte=before)
    return expiry.due(site, expiry.BEGAN, before).exclude(Exists(news))
