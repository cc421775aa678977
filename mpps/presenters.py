"""How a performed step is shown: each fact in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from textwrap import shorten

from pydicom.uid import UID

from dimse import statuses
from mpps import datasets, queries, reading
from mpps.models import MppsMessage, PerformedProcedureStep, StepLink
from mpps.transitions import IN_PROGRESS
from ris.models import ScheduledProcedureStep
from ris.web import times
from ris.web.stair import Moment

_COMMENT = 48  # characters of a comment that are shown as the dose


def dose(performed: PerformedProcedureStep) -> str:
    """The first dose that the modality sent, with its unit (PS3.3 C.4.16); empty when it sent none."""
    is_listed = "attributes" in performed.get_deferred_fields()
    for keyword, unit in queries.DOSES:
        value = getattr(performed, f"dose_{keyword}") if is_listed else datasets.text(performed.attributes, keyword)
        if value:
            return f"{value} {unit}" if unit else shorten(value, _COMMENT, placeholder="…")
    return ""


def images(performed: PerformedProcedureStep) -> int:
    return sum(series.image_count for series in performed.series.all())


def planned(performed: PerformedProcedureStep) -> timedelta:
    """What the linked scheduled steps were planned to take together; zero without any."""
    return timedelta(minutes=sum(step.duration_minutes for step in linked_steps(performed)))


def linked_steps(performed: PerformedProcedureStep) -> list[ScheduledProcedureStep]:
    return [link.step for link in performed.links.all() if link.step is not None]


def reason(performed: PerformedProcedureStep) -> str:
    """Why it was discontinued: `110505 Patient refused to continue procedure`; empty when it was not or nothing was said."""
    return f"{performed.discontinuation_reason_code} {performed.discontinuation_reason_meaning}".strip()


@dataclass(frozen=True)
class ShownLink:
    """One item of Scheduled Step Attributes: the exam it is about, or what the modality sent when none is known."""

    step: ScheduledProcedureStep | None
    how: str
    sent: str


def links(performed: PerformedProcedureStep) -> list[ShownLink]:
    return [ShownLink(link.step, link.get_how_display() if link.how else "", _sent(link)) for link in performed.links.all()]


def _sent(link: StepLink) -> str:
    facts = (("step", link.scheduled_procedure_step_id), ("accession", link.accession_number), ("study", link.study_instance_uid))
    return ", ".join(f"{name} {value}" for name, value in facts if value)


@dataclass(frozen=True)
class ShownMessage:
    """One N-CREATE or N-SET: the status that answered it in hex and words."""

    message: MppsMessage
    code: str
    meaning: str
    look: str

    @classmethod
    def of(cls, message: MppsMessage) -> "ShownMessage":
        success = message.status == statuses.SUCCESS
        warning = statuses.class_of(message.status) == statuses.StatusClass.WARNING
        look = "PASS" if success else "WARNING" if warning else "ERROR"
        return cls(message, f"{message.status:04X}", statuses.name_of(message.status), look)


def messages(performed: PerformedProcedureStep) -> list[ShownMessage]:
    """All messages about the step, in the order in which they came."""
    return [ShownMessage.of(message) for message in queries.messages(performed)]


def moments(shown: Iterable[ShownMessage]) -> list[Moment]:
    """The messages as entries of a timeline."""
    found = []
    for one in shown:
        message = one.message
        comment = f", {message.error_comment}" if message.error_comment else ""
        text = f"answered {one.code} {one.meaning}{comment}"
        look = "INFO" if one.look == "PASS" else one.look
        found.append(Moment(message.received_at, look, message.verb, text, f"{message.calling_ae_title} at {message.address}"))
    return found


@dataclass(frozen=True)
class ShownPerformed:
    """A performed step with all that a list or a page shows of it."""

    performed: PerformedProcedureStep
    dose: str
    images: int
    accession_numbers: list[str]
    links: list[ShownLink]
    reason: str
    took: str

    @property
    def look(self) -> str:
        """What colours a row's edge."""
        if self.performed.unscheduled:
            return "UNSCHEDULED"
        return IN_PROGRESS if self.performed.status == IN_PROGRESS else ""


def shown(performed: PerformedProcedureStep) -> ShownPerformed:
    return ShownPerformed(
        performed=performed,
        dose=dose(performed),
        images=images(performed),
        accession_numbers=queries.accession_numbers(performed),
        links=links(performed),
        reason=reason(performed),
        took=times.duration(performed.duration) if performed.duration is not None else "",
    )


MOST_LISTED = 50
"""Instances of a series that are listed; a CT makes thousands."""


@dataclass(frozen=True)
class ShownSeries:
    """The instances of a series: SOP class in words and UID of the first ones, and how many there are besides."""

    position: int
    description: str
    count: str
    listed: list[tuple[str, str]]
    more: int


def instances(performed: PerformedProcedureStep) -> list[ShownSeries]:
    """Of each series that refers to some."""
    found = []
    for series in performed.series.all():
        items = [item for keyword in reading.REFERENCES for item in datasets.items(series.attributes, keyword)]
        if items:
            listed = [
                (UID(datasets.text(item, "ReferencedSOPClassUID")).name, datasets.text(item, "ReferencedSOPInstanceUID")) for item in items
            ]
            count = f"{len(items)} instance{'' if len(items) == 1 else 's'}"
            name = series.description or series.series_instance_uid
            found.append(ShownSeries(series.position, name, count, listed[:MOST_LISTED], len(items[MOST_LISTED:])))
    return found
