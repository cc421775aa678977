"""The page of one performed step: what the modality reported, message by message, and what is charged for it without an order."""

from django.db.models import Max
from django.http import HttpRequest, HttpResponse

from billing import late
from billing import queries as billing_queries
from billing.models import NoCharge
from mpps import destination_queries, exchanges, modules, presenters, queries
from mpps.models import Delivery, MppsMessage, PerformedStepChange
from ris import audit
from ris.errors import NotFound
from ris.models import RecordChange
from ris.permissions import allowed, requires
from ris.validation import whole_number
from ris.web import datasets, live
from ris.web.access import page, site_of
from ris.web.disclosure import disclose


@page
@requires("performed.view")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One performed step; it follows its messages by itself."""
    sent_on = Delivery.objects.filter(performed_step=pk)
    present = f"{live.state(request, (MppsMessage, PerformedStepChange, RecordChange, NoCharge))} {sent_on.aggregate(Max('changed_at'))}"
    if same := live.unchanged(request, present):
        return same
    performed = queries.performed_steps(site_of(request)).filter(pk=pk).first()
    if performed is None:
        raise NotFound("There is no such performed step; it may have been removed with the schedule it belonged to.")
    disclose(request, audit.PROCEDURE, performed)
    messages = presenters.messages(performed)
    form = request.GET.get("as", "")
    chosen = whole_number(request.GET.get("message", "")) or 0
    exchange = exchanges.of(performed, [one.message for one in messages], chosen, form)
    context = {
        "one": presenters.shown(performed),
        "messages_shown": messages,
        "exchange": exchange,
        "forms": [(value, label, _query(request, value)) for value, label in datasets.FORMS],
        "form": form if form in dict(datasets.FORMS) else "table",
        "dose": modules.dose(performed.attributes),
        "exposures": modules.exposures(performed.attributes),
        "instances": presenters.instances(performed),
        "used": modules.used(performed.attributes),
        "moments": sorted(presenters.moments(messages), key=lambda moment: moment.at, reverse=True),
        "sent_on": destination_queries.of_step(performed),
        "dataset": datasets.shown_json(performed.attributes, "dataset", request.GET.get("dataset", "")),
    }
    if performed.unscheduled and allowed(request.user, "charges.view"):
        context["no_charge"] = billing_queries.no_charge_of_performed(performed.site, performed.pk)
        context["undecided"] = late.is_undecided(performed)
        context["may_charge"] = allowed(request.user, "charges.edit")
    return live.live_page(request, "mpps/performed.html", "mpps/performed_live.html", context, present=present)


def _query(request: HttpRequest, form: str) -> str:
    """The address of the page with its messages in another form."""
    asked = request.GET.copy()
    asked["as"] = form
    return asked.urlencode()
