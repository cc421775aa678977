"""From the items of ScheduledStepAttributesSequence to the scheduled steps they are about.

`STRATEGIES` are tried in order for each item; the first that finds its step decides. Several items give several links
(group case, PS3.17 J.4), two items about one step give one. An item that finds nothing keeps a link without a step: a performed
step is never refused for it (IHE RAD TF, unscheduled case).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from django.db.models import Q, QuerySet, prefetch_related_objects

from mpps import datasets
from mpps.checking import Notice
from mpps.datasets import Json, text
from mpps.models import StepLink
from ris import clock, identity, names
from ris.identity import Earlier
from ris.models import Patient, ScheduledProcedureStep, Site
from ris.prepared import Prepared
from ris.transitions import CANCELED, FINAL

How = StepLink.How
SEQUENCE = "ScheduledStepAttributesSequence"
MOST_NAMED = 50  # candidates that are counted where one is looked for


@dataclass(frozen=True)
class Item:
    """What an item of the sequence is identified by, as received; `patient_id` is that of the whole data set."""

    study_instance_uid: str = ""
    accession_number: str = ""
    requested_procedure_id: str = ""
    scheduled_procedure_step_id: str = ""
    patient_id: str = ""

    @property
    def names_something(self) -> bool:
        """Whether there is more than the Study Instance UID, which a modality makes up for an unscheduled exam."""
        return bool(self.accession_number or self.requested_procedure_id or self.scheduled_procedure_step_id)


COLUMNS = {
    "study_instance_uid": "requested_procedure__study_instance_uid",
    "accession_number": "requested_procedure__order__accession_number",
    "requested_procedure_id": "requested_procedure__requested_procedure_id",
    "scheduled_procedure_step_id": "scheduled_procedure_step_id",
    "patient_id": "requested_procedure__order__patient__patient_id",
}

_COMPARED = (
    "site",
    "modality",
    "status",
    *COLUMNS.values(),
    "requested_procedure__order__patient__name",
    "requested_procedure__order__patient__site",
)
"""Columns of a step, and of what it belongs to, that a message is held against."""


@dataclass(frozen=True)
class Strategy:
    """Steps whose identifiers `by` equal the item's, all of which must be there.

    `unless`: identifiers that may not differ where both sides have one. `narrows`: of several candidates the one is taken
    that fits the performing station best; otherwise the identifiers must be unique on the site.
    """

    how: How
    by: tuple[str, ...]
    unless: tuple[str, ...] = ()
    narrows: bool = True


STRATEGIES = (
    Strategy(How.STEP_ID, ("scheduled_procedure_step_id", "study_instance_uid")),
    Strategy(How.STEP_ID, ("scheduled_procedure_step_id", "accession_number")),
    Strategy(
        How.STEP_ID, ("scheduled_procedure_step_id",), unless=("accession_number", "requested_procedure_id", "patient_id"), narrows=False
    ),
    Strategy(How.ACCESSION, ("accession_number", "requested_procedure_id")),
    Strategy(How.STUDY_UID, ("study_instance_uid",)),
    Strategy(How.ACCESSION, ("accession_number",)),
)


@dataclass(frozen=True)
class Performer:
    """Who performed: AE titles (performed station, calling) and modality, to choose among several steps of one procedure.

    `aliases` are AE titles whose lists these stations see beside their own: a step from one of them is as good, when none is their own.
    """

    ae_titles: tuple[str, ...]
    modality: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Match:
    """What became of the item at `position` (from 1)."""

    position: int
    item: Item
    step: ScheduledProcedureStep | None = None
    how: How | None = None


def items_of(dataset: Json) -> list[Item]:
    patient_id = text(dataset, "PatientID")
    return [
        Item(
            study_instance_uid=text(item, "StudyInstanceUID"),
            accession_number=text(item, "AccessionNumber"),
            requested_procedure_id=text(item, "RequestedProcedureID"),
            scheduled_procedure_step_id=text(item, "ScheduledProcedureStepID"),
            patient_id=patient_id,
        )
        for item in datasets.items(dataset, SEQUENCE)
    ]


def follow(site: Site, items: Iterable[Item], performer: Performer) -> tuple[list[Match], list[Notice]]:
    """One match for each item, less the repeats of a step, and what is odd about them."""
    matches: list[Match] = []
    notices: list[Notice] = []
    seen: set[int] = set()
    for position, item in enumerate(items, 1):
        step, how, odd = find_step(site, item, performer)
        where = f"{SEQUENCE}[{position}]"
        notices += [Notice(code, words, where) for code, words in odd]
        if step is None:
            matches.append(Match(position, item))
        elif step.pk not in seen:
            seen.add(step.pk)
            matches.append(Match(position, item, step, how))
            notices += _differences(step, item, where)
    return matches, notices


def find_step(site: Site, item: Item, performer: Performer) -> tuple[ScheduledProcedureStep | None, How | None, list[tuple[str, str]]]:
    """The step of one item by the first strategy that finds it, how, and findings (code, text) when there is none or no single one."""
    ambiguous = 0
    for strategy in STRATEGIES:
        if not all(getattr(item, name) for name in strategy.by):
            continue
        found = _candidates(site, item, strategy)
        if strategy.narrows:
            found = _narrowed(found, performer)
        if len(found) == 1:
            return found[0], strategy.how, []
        ambiguous = max(ambiguous, len(found))
    if ambiguous:
        return None, None, [("STEP_AMBIGUOUS", f"{_named(item)} fits {ambiguous} scheduled steps; link the right one by hand.")]
    if item.names_something:
        return None, None, [("STEP_UNKNOWN", f"No scheduled step was found for {_named(item)}.")]
    return None, None, []


def _candidates(site: Site, item: Item, strategy: Strategy) -> list[ScheduledProcedureStep]:
    """All that fit, so that nothing is called unique that is not; where nothing narrows them, no more than it takes to see that.

    A patient ID agrees that was the patient's before: consoles keep the list for hours.
    """
    agreeing = tuple(name for name in strategy.unless if getattr(item, name))
    found = _asked(site, item, strategy, agreeing)
    if found or "patient_id" not in agreeing:
        return found
    others = _asked(site, item, strategy, tuple(name for name in agreeing if name != "patient_id"))
    return [step for step in others if identity.had_id(step.requested_procedure.order.patient, item.patient_id)]


def _asked(site: Site, item: Item, strategy: Strategy, agreeing: tuple[str, ...]) -> list[ScheduledProcedureStep]:
    return _query(strategy, agreeing)(site.pk, *(getattr(item, name) for name in (*strategy.by, *agreeing)))


@cache
def _query(strategy: Strategy, agreeing: tuple[str, ...]) -> Prepared[ScheduledProcedureStep]:
    """The candidates of a strategy; `agreeing` are the identifiers that must be the item's or be absent."""
    names = (*strategy.by, *agreeing)

    def candidates(site: Any, *values: Any) -> QuerySet[ScheduledProcedureStep]:
        given = dict(zip(names, values, strict=True))
        agreed = Q()
        for name in agreeing:
            agreed &= Q((COLUMNS[name], given[name])) | Q((COLUMNS[name], ""))
        found = (
            ScheduledProcedureStep.objects.filter(agreed, site=site, **{COLUMNS[name]: given[name] for name in strategy.by})
            .select_related("requested_procedure__order__patient")
            .only(*_COMPARED)
            .order_by("pk")
        )
        return found if strategy.narrows else found[:MOST_NAMED]

    return Prepared(candidates, "site", *names)


def _narrowed(found: list[ScheduledProcedureStep], performer: Performer) -> list[ScheduledProcedureStep]:
    """Drop, question by question, the candidates that answer no, as long as one is left that answers yes."""
    questions = (
        lambda step: step.modality == performer.modality,
        lambda step: any(row.ae_title in performer.ae_titles for row in step.stations.all()),
        lambda step: any(row.ae_title in (*performer.ae_titles, *performer.aliases) for row in step.stations.all()),
        lambda step: step.status not in FINAL,
    )
    if len(found) < 2:
        return found
    prefetch_related_objects(found, "stations")
    for fits in questions:
        found = [step for step in found if fits(step)] or found
    return found


def identifiers(step: ScheduledProcedureStep) -> Item:
    """A scheduled step's identifiers as an item that was copied from its worklist entry would hold them."""
    requested = step.requested_procedure
    return Item(
        study_instance_uid=requested.study_instance_uid,
        accession_number=requested.order.accession_number,
        requested_procedure_id=requested.requested_procedure_id,
        scheduled_procedure_step_id=step.scheduled_procedure_step_id,
        patient_id=requested.order.patient.patient_id,
    )


_LABELS = {
    "study_instance_uid": "Study Instance UID",
    "accession_number": "accession number",
    "requested_procedure_id": "requested procedure ID",
    "scheduled_procedure_step_id": "step ID",
}


def _named(item: Item) -> str:
    named = [f"{label} {getattr(item, name)}" for name, label in _LABELS.items() if getattr(item, name)]
    return ", ".join(reversed(named)) or "an item without identifiers"


def _differences(step: ScheduledProcedureStep, item: Item, where: str) -> Iterator[Notice]:
    """Identifiers of the item that are not those of the step it was linked to, and a step that was cancelled."""
    known = identifiers(step)
    for field in fields(Item):
        mine, theirs = getattr(known, field.name), getattr(item, field.name)
        if field.name in _LABELS and mine and theirs and mine != theirs:
            code = f"{field.name.upper()}_DIFFERS"
            yield Notice(code, f"The {_LABELS[field.name]} is {theirs}; that of the scheduled step is {mine}.", where)
    if step.status == CANCELED:
        yield Notice("CANCELED_EXAM", f"Step {step.scheduled_procedure_step_id} had been cancelled; review before it is charged.", where)


def patient_differences(dataset: Json, steps: Iterable[ScheduledProcedureStep]) -> Iterator[Notice]:
    """Patient ID and name of the data set against those of the orders. The order's patient is never changed by a modality.

    What was the patient's before a correction or a merge says that the console's list is old, not that the patient is another.
    """
    sent_id, sent_name = text(dataset, "PatientID"), text(dataset, "PatientName")
    patients = {step.requested_procedure.order.patient.pk: step.requested_procedure.order.patient for step in steps}
    for patient in patients.values():
        if sent_id and patient.patient_id and sent_id != patient.patient_id:
            yield _of_id(sent_id, patient)
        if not same_name(sent_name, patient.name):
            yield _of_name(sent_name, patient)


def _of_id(sent: str, patient: Patient) -> Notice:
    before = identity.had_id(patient, sent)
    if before is None:
        return Notice("PATIENT_ID_DIFFERS", f"The modality sent patient ID {sent}; the order's is {patient.patient_id}.", "PatientID")
    return _outdated(f"patient ID {sent}", before, patient.patient_id, patient, "PatientID")


def _of_name(sent: str, patient: Patient) -> Notice:
    shown, ordered = names.plain(sent), names.plain(patient.name)
    before = had_name(patient, sent)
    if before is None:
        return Notice("PATIENT_NAME_DIFFERS", f"The modality sent the name {shown}; the order's patient is {ordered}.", "PatientName")
    return _outdated(f"the name {shown}", before, ordered, patient, "PatientName")


def _outdated(what: str, before: Earlier, now: str, patient: Patient, attribute: str) -> Notice:
    how = "merged into" if before.merged else "changed to"
    until = f"{clock.local(before.until, patient.site):%d-%b-%Y %H:%M}"
    words = f"The modality sent {what}, which was {how} {now} at {until}: it works with an older list. It is the order's patient."
    return Notice("PATIENT_OUTDATED", words, attribute)


def had_name(patient: Patient, name: str) -> Earlier | None:
    """How the name was the patient's before; None when it was not."""
    return next((one for one in reversed(identity.earlier(patient, "name")) if same_name(name, one.value)), None)


def same_name(one: str, other: str) -> bool:
    """Whether some component group that both have says the same; nothing to compare counts as the same."""
    pairs = [(a, b) for a, b in zip(one.split("="), other.split("="), strict=False) if a.strip("^ ") and b.strip("^ ")]
    return not pairs or any(names.normalised(a) == names.normalised(b) for a, b in pairs)
