"""Sites."""

from django.conf import settings

from ris import clock, events
from ris.actor import Actor
from ris.db import action
from ris.models import RecordChange, Site

_SETTINGS = Actor.system("settings")


@action
def ensure_default_site(name: str = "Northbridge General", issuer_of_patient_id: str = "NBG") -> Site:
    """Return the default site, made from the settings when there is none yet."""
    site = Site.objects.filter(is_default=True).first()
    wanted = {
        "ae_title": settings.AE_TITLE,
        "time_zone": settings.TIME_ZONE,
        "close_waiting_days": settings.CLOSE_WAITING_DAYS,
        "close_begun_days": settings.CLOSE_BEGUN_DAYS,
    }
    if site is None:
        return Site.objects.create(code="main", name=name, issuer_of_patient_id=issuer_of_patient_id, is_default=True, **wanted)
    detail = {name: [getattr(site, name), value] for name, value in wanted.items() if getattr(site, name) != value}
    if detail:
        for column, value in wanted.items():
            setattr(site, column, value)
        site.save(update_fields=list(wanted))
        RecordChange.by(_SETTINGS, at=clock.now(site), verb="edit", subject="site", subject_id=site.pk, detail=detail)
        if "time_zone" in detail:
            events.publish(events.SiteChanged(site.pk))
    return site
