"""Where charges go and how that is going, as the page of charges shows it; and the button after an outage."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from billing import queries, targets
from billing.actions import undelivered
from billing.models import DeliveryAttempt
from ris import clock
from ris.actor import Actor
from ris.models import Site
from ris.permissions import requires
from ris.web.access import page, site_of

_ACCEPTED = DeliveryAttempt.Result.ACCEPTED


@dataclass(frozen=True)
class Sending:
    """`target` in words; the latest try that was acknowledged and the latest that was not; how many charges were set aside, and refused."""

    target: str
    is_demo: bool
    success: DeliveryAttempt | None
    failure: DeliveryAttempt | None
    undelivered: int
    refused: int

    @property
    def is_failing(self) -> bool:
        """Whether the latest try of all was not acknowledged."""
        return self.failure is not None and (self.success is None or self.failure.pk > self.success.pk)


def sending(site: Site) -> Sending:
    newest = {result: queries.newest_attempt(site, result) for result in DeliveryAttempt.Result}
    failures = [one for result, one in newest.items() if one is not None and result != _ACCEPTED]
    return Sending(
        target=targets.in_words(),
        is_demo=targets.is_demo(),
        success=newest[_ACCEPTED],
        failure=max(failures, key=lambda one: one.pk, default=None),
        undelivered=queries.dead_letters(site).count(),
        refused=queries.refused(site).count(),
    )


@page
@requires("charges.edit")
@require_POST
def send_all_again(request: HttpRequest) -> HttpResponse:
    """Send every charge again that was set aside because nobody acknowledged it, or (`which=refused`) that the receiver refused."""
    site, is_refused = site_of(request), request.POST.get("which") == "refused"
    failed = queries.refused(site) if is_refused else queries.dead_letters(site)
    sent = undelivered.send_all_again(failed, Actor.user(request.user))
    if sent:
        messages.success(request, f"{sent} charge{'' if sent == 1 else 's'} will be sent again.")
    else:
        messages.info(request, f"Nothing was changed: no charge is {'refused' if is_refused else 'set aside'} any more.{_by_whom(site)}")
    return redirect("charges")


def _by_whom(site: Site) -> str:
    """Who was faster."""
    last = queries.sent_again_last(site)
    return f" {last.actor} sent charge {last.charge} again at {clock.local(last.at, site):%H:%M on %d-%b-%Y}." if last else ""
