"""Changing an exam: the verbs of its status, and its place and time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET

from ris import audit, queries
from ris.actions import orders, steps
from ris.actor import Actor
from ris.errors import ChangedMeanwhile, Conflict, InvalidInput, NotFound, RisError
from ris.models import ScheduledProcedureStep
from ris.permissions import Person, allowed, requires, requires_by
from ris.transitions import STARTED, TRANSITIONS, WAITING
from ris.validation import printable
from ris.web import booking, times
from ris.web.access import one_of, page, site_of
from ris.web.disclosure import disclose
from ris.web.filters import asked
from ris.web.forms import PageForm, SeenNumber, read_moment, seen_number
from ris.web.meanwhile import SeenValues
from ris.web.status import shown_status


@dataclass(frozen=True)
class Verb:
    """A change that people can make: its key in `ris.transitions`, who may, the word on the button, what is said when it is done."""

    key: str
    permission: str
    word: str
    done: str
    means: str = ""
    reasons: tuple[str, ...] = ()
    stops: bool = False

    @property
    def slug(self) -> str:
        return self.key.replace("_", "-")

    @property
    def needs_reason(self) -> bool:
        return TRANSITIONS[self.key].needs_reason or bool(self.reasons)

    def legal(self, step: ScheduledProcedureStep) -> bool:
        """By the status; and what a modality reports the end of is not ended by hand."""
        return step.status in TRANSITIONS[self.key].sources and (self.key not in _ENDS or _was_started_by_hand(step))


_ENDS = ("complete", "discontinue")


def _was_started_by_hand(step: ScheduledProcedureStep) -> bool:
    started = step.last_move(to_status=STARTED)
    return started is not None and started.verb == "start_by_hand"


VERBS = (
    Verb("arrive", "steps.arrive", "Arrive", "has arrived"),
    Verb("ready", "steps.arrive", "Ready", "is ready"),
    Verb("start_by_hand", "steps.perform", "Start by hand", "is started by hand"),
    Verb("complete", "steps.perform", "Complete", "is completed"),
    Verb(
        "discontinue",
        "steps.perform",
        "Discontinue",
        "is discontinued",
        "The exam ends unfinished; whether it is charged follows from what was done.",
        ("Patient refused to continue", "Equipment failure", "Patient condition prevented continuing"),
        stops=True,
    ),
    Verb(
        "undo_arrival",
        "steps.arrive",
        "Undo arrival",
        "is scheduled again",
        "The exam goes back to scheduled; it stays on the worklist of its station.",
        ("Wrong patient chosen", "Patient left again"),
    ),
    Verb(
        "cancel",
        "steps.cancel",
        "Cancel",
        "is canceled",
        "The exam leaves the worklist of its station at the next query, its time becomes free, nothing is charged.",
        ("Patient did not come", "Duplicate order", "Ordered by mistake", "Patient refused", "Not indicated"),
        stops=True,
    ),
    Verb(
        "restore",
        "steps.cancel",
        "Restore",
        "is scheduled again",
        "The exam is back on the worklist, at the time it had.",
        ("Canceled by mistake",),
    ),
    Verb(
        "reopen",
        "steps.schedule",
        "Reopen",
        "is scheduled again",
        "The exam is on the worklist again and can be performed once more.",
        ("To be repeated",),
    ),
)


def offered(step: ScheduledProcedureStep, user: Person) -> list[Verb]:
    """The changes that are legal now and that the user may make."""
    return [verb for verb in VERBS if verb.legal(step) and allowed(user, verb.permission)]


def may_be_scheduled(step: ScheduledProcedureStep, user: Person) -> bool:
    return step.status in WAITING and allowed(user, "steps.schedule")


class ReasonForm(PageForm):
    """Why: one of the usual reasons, a text of one's own, or both."""

    usual = forms.ChoiceField(label="Reason", required=False)
    note = forms.CharField(label="In your own words", required=False, help_text="Kept in the history; sent to nobody")
    version = SeenNumber()

    def __init__(self, reasons: tuple[str, ...], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["usual"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Choose a reason"), *((reason, reason) for reason in reasons)]

    def has_reason(self) -> bool:
        """Whether a valid form gives one; it says so when it does not."""
        if self.reason:
            return True
        self.add_error("usual", "Choose a reason, or say it in your own words")
        return False

    @property
    def reason(self) -> str:
        return ", ".join(part for part in (self.cleaned_data["usual"], self.cleaned_data["note"].strip()) if part)


@page
@requires_by("verb", {verb.slug: verb.permission for verb in VERBS})
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Make a change. One that needs a reason asks for it on a page of its own."""
    chosen = next((one for one in VERBS if one.slug == verb), None)
    if chosen is None:
        raise NotFound(f"An exam knows no {verb!r}.")
    step = one_of(queries.steps(site_of(request)), pk=pk)
    if chosen.needs_reason:
        return _with_reason(request, step, chosen)
    if request.method != "POST":
        return redirect("step", pk)
    disclose(request, audit.PROCEDURE, step)
    _carry_out(request, step, chosen, "", seen_number(request))
    if request.headers.get("HX-Request") == "true":
        response = render(request, "parts/messages.html")
        response["HX-Trigger"] = "changed"
        return response
    return redirect(_next(request, step))


def _carry_out(request: HttpRequest, step: ScheduledProcedureStep, verb: Verb, reason: str, version: int) -> bool:
    exam = f"The exam {orders.named(step.requested_procedure.order)}"
    if verb.key in _ENDS and step.status == STARTED and not _was_started_by_hand(step):
        messages.error(request, f"{exam}: not changed. A modality started this exam; it ends with its N-SET.")
        return False
    try:
        steps.change_status(step.pk, verb.key, Actor.user(request.user), reason, expected_version=version)
    except ChangedMeanwhile:
        raise
    except Conflict as error:
        messages.error(request, f"{exam}: not changed. {error}")
        return False
    messages.success(request, f"{exam} {verb.done}.")
    return True


def _with_reason(request: HttpRequest, step: ScheduledProcedureStep, verb: Verb) -> HttpResponse:
    form = ReasonForm(verb.reasons, request.POST if request.method == "POST" else None, initial={"version": step.version})
    if request.method == "POST" and form.is_valid() and form.has_reason():
        try:
            _carry_out(request, step, verb, form.reason, form.cleaned_data["version"])
            return redirect("step", step.pk)
        except InvalidInput as error:
            form.take(error, {"reason": "note"})
        except ChangedMeanwhile as error:
            form.refuse(error)
    disclose(request, audit.PROCEDURE, step)
    context = {
        "step": step,
        "patient": step.requested_procedure.order.patient,
        "form": form,
        "title": f"{verb.word} this exam",
        "button": f"{verb.word} the exam",
        "stops": verb.stops,
        "refused": "" if verb.legal(step) else _refusal(step),
        "means": verb.means,
        "back": reverse("step", args=[step.pk]),
    }
    return render(request, "ris/reason.html", context, status=422 if form.errors else 200)


def _refusal(step: ScheduledProcedureStep) -> str:
    since = times.moment_text(step.status_at)
    return f"The exam is {shown_status(step.status).word.lower()} since {since}. It cannot be changed this way."


class ScheduleForm(booking.BookingForm):
    """Place and start of a step, and why it moves."""

    minutes = forms.IntegerField(label="Length in minutes", required=False, min_value=1, max_value=24 * 60)
    reason = forms.CharField(label="Why it moves", required=False, help_text="Kept in the history")
    version = SeenNumber()
    opened = SeenValues()


@page
@requires("steps.schedule")
def schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an exam a place and a time, or move it."""
    step = one_of(queries.steps(site_of(request)), pk=pk)
    form = ScheduleForm(request.POST or None, initial=_present_booking(step))
    form.set_places(step.site, step.modality)
    if request.method == "POST" and form.is_valid() and _book(request, form, step):
        return redirect("step", step.pk)
    place, start = printable(str(form["place"].value() or "")), form["start"].value()
    offer = booking.offer(step.site, place, step.modality, step.duration_minutes, _moment(start))
    disclose(request, audit.PROCEDURE, step, *offer.exams)
    context = {"step": step, "form": form, "may": may_be_scheduled(step, request.user), "offer": offer}
    return render(request, "ris/step_schedule.html", context, status=422 if form.errors else 200)


def _present_booking(step: ScheduledProcedureStep) -> dict[str, Any]:
    station = step.stations.first()
    place = step.pool.code if step.pool else station.ae_title if station else ""
    return {"place": place, "start": step.start, "minutes": step.duration_minutes, "version": step.version}


def _book(request: HttpRequest, form: ScheduleForm, step: ScheduledProcedureStep) -> bool:
    given = form.cleaned_data
    actor = Actor.user(request.user)
    try:
        steps.schedule(
            step.pk,
            given["place"],
            given["start"],
            actor,
            end=given["start"] + timedelta(minutes=given["minutes"]) if given["minutes"] else None,
            reason=given["reason"],
            expected_version=given["version"],
        )
    except RisError as error:
        form.not_booked(error, {"station_ae_title": "place"})
        return False
    exam = orders.named(step.requested_procedure.order)
    messages.success(request, f"The exam {exam} is scheduled on {given['place']}, {times.moment_text(given['start'])}.")
    return True


@page
@requires("steps.schedule")
@require_GET
def places(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the form that follows the station: its free times and its day."""
    step = one_of(queries.steps(site_of(request)), pk=pk)
    form = ScheduleForm(initial={"place": asked(request, "place"), "start": asked(request, "start")})
    form.set_places(step.site, step.modality)
    found = booking.offer(step.site, asked(request, "place"), step.modality, step.duration_minutes, _moment(asked(request, "start")))
    disclose(request, audit.LIST, *found.exams, asked={"place": found.place})
    return render(request, "ris/booking_swap.html", {"form": form, "offer": found})


def _moment(value: Any) -> Any:
    """A start as typed or as kept; None when it cannot be read."""
    if not isinstance(value, str):
        return value
    try:
        return read_moment(value)
    except ValueError:
        return None


def _next(request: HttpRequest, step: ScheduledProcedureStep) -> str:
    target = request.POST.get("next", "")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else f"/steps/{step.pk}/"
