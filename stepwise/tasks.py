"""Celery tasks that concern several rooms."""

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore

from ris import clock
from ris.actions import attempts, rejections, searches
from ris.models import Site
from stepwise import housekeeping

MOST = 1000
"""Exams that one run closes by each rule; the next run goes on."""


def close_what_is_left_over() -> None:
    """Close what is left over at each site. Run twice, it finds nothing the second time."""
    for site in Site.objects.order_by("pk"):
        housekeeping.close_left_over(site, MOST)


close_left_over = shared_task(name="stepwise.tasks.close_left_over")(close_what_is_left_over)


def forget_old_searches() -> None:
    """Forget searches that nobody repeated for a month; their addresses say so."""
    searches.forget(clock.wall() - searches.KEPT_FOR)


forget_searches = shared_task(name="stepwise.tasks.forget_searches")(forget_old_searches)


def forget_old_sign_ins() -> None:
    """Forget sessions that are over, and sign-ins in vain that no longer count."""
    SessionStore.clear_expired()
    attempts.forget_old()


forget_sign_ins = shared_task(name="stepwise.tasks.forget_sign_ins")(forget_old_sign_ins)


def audit_rejected() -> None:
    """Enter rejected associations in the audit trail."""
    rejections.enter()


audit_rejections = shared_task(name="stepwise.tasks.audit_rejections")(audit_rejected)
