"""Each message against the checks that are about it."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from pydicom import Dataset

from dimse import statuses
from dimse.interference import injected
from dimse.models import Association, Message
from dimse.statuses import StatusClass, class_of
from mpps import checking, datasets, reading
from mpps.checking import STATUS, Kind, Problem
from mpps.datasets import Json
from mpps.reasons import known
from mpps.transitions import FINAL
from ris import clock
from ris.models import Site
from ris.titles import Claim
from stepwise.modality_report.carrying import carried, named
from stepwise.modality_report.heard import Asked, Heard, Instance, Told
from stepwise.modality_report.verdicts import Verdict, said
from worklist import keys, values
from worklist.keys import Key
from worklist.query import Query

_RUSH: Final = timedelta(seconds=5)
_A_DAY: Final = timedelta(days=1)
_SERIES: Final = "PerformedSeriesSequence"
_NARROWING: Final = (
    "ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "Modality", "PatientName", "PatientID", "AccessionNumber",
    "RequestedProcedureID", "ScheduledProcedureStepID", "StudyInstanceUID",
)  # fmt: skip
_RETURNED: Final = (
    "StudyInstanceUID",
    "AccessionNumber",
    "RequestedProcedureID",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
)
_FORMS: Final = {
    "DA": re.compile(r"[0-9]{8}(-([0-9]{8})?)?|-[0-9]{8}"),
    "TM": re.compile(r"([0-9]{2}){1,3}([.][0-9]{1,6})?(-(([0-9]{2}){1,3}([.][0-9]{1,6})?)?)?|-([0-9]{2}){1,3}([.][0-9]{1,6})?"),
    "CS": re.compile(r"[A-Z0-9 _*?]{0,16}"),
}
"""Of keys, ranges and wildcards included (PS3.4 C.2.2.2)."""
_UNSUPPORTED: Final = re.compile(r"is not supported")
_OURS: Final = re.compile(r"the server stop|an answer could not be made")
_NO_TEXT: Final = re.compile(r"is no number$|are no whole number of |NUL bytes behind the last element$|is given again; the first counts$")
"""What was odd about the bytes of a data set and is no matter of its characters."""

_Known = dict[tuple[bytes, str], tuple[tuple[str, str], ...]]
"""Checks and texts by the bytes of a query and their transfer syntax: stations ask the same all day."""


def judged(heard: Heard) -> Iterator[Verdict]:
    for association in heard.associations:
        yield from _of_association(association, heard.known)
    before: dict[bytes, datetime] = {}
    known: _Known = {}
    for asked in heard.asked:
        yield from _of_query(asked, before, known)
    for instance in heard.instances:
        yield from _of_instance(instance, heard)


# --- Associations and queries -------------------------------------------------------------------------------------


def _of_association(one: Association, known: Iterable[Claim]) -> Iterator[Verdict]:
    """That it was not let in before it was known here under its title is no fault of the modality."""
    if not (one.rejection and _is_too_early(one, known)):
        yield Verdict("ACCEPTED", one.rejection, one.started, one.pk)
    if one.ended is not None and not one.rejection and not _ended_by_us(one):
        wrong = "" if one.end == Association.End.RELEASED else one.note or f"it was {one.end}"
        yield Verdict("RELEASED", wrong, one.started, one.pk)


def _is_too_early(one: Association, known: Iterable[Claim]) -> bool:
    """Whether it called under a title that was the station's later, and not yet."""
    its = [claim for claim in known if claim.ae_title == one.calling]
    return bool(its) and all(claim.since is not None and one.started < claim.since for claim in its)


def _ended_by_us(one: Association) -> bool:
    """For a reason of ours or on purpose; an idle peer, and one that breaks the protocol, are aborted here for what they did."""
    return one.end == Association.End.ABORTED_HERE and bool(_OURS.match(one.note) or injected(one.note))


def _of_query(asked: Asked, before: dict[bytes, datetime], known: _Known) -> Iterator[Verdict]:
    message = asked.message
    raw = bytes(message.data)
    last, before[raw] = before.get(raw), message.time
    rush = last is not None and message.time - last < _RUSH
    yield said(
        "NOT_IN_A_RUSH", message, f"the same was asked {(message.time - last).total_seconds():.1f} s before" if rush and last else ""
    )
    yield said("QUERY_ACCEPTED", message, asked.read.problem or _failure(asked.response))
    sent = (raw, str(message.transfer_syntax))
    if sent not in known:
        known[sent] = tuple(_of_keys(asked))
    for code, text in known[sent]:
        yield said(code, message, text)


def _of_keys(asked: Asked) -> Iterator[tuple[str, str]]:
    """What follows from the bytes alone, by check."""
    query = asked.read.query
    if query is None or asked.dataset is None:
        return
    tolerated = [note for note in asked.read.notes if not _UNSUPPORTED.search(note)]
    count = len(values.items(asked.dataset, keys.STEP_SEQUENCE.tag))
    yield "ONE_STEP_ITEM", f"{count} items" if count > 1 else ""
    notes = [note for note in tolerated if not note.startswith("ScheduledProcedureStepSequence")]
    yield "QUERY_WELL_FORMED", "; ".join([*notes, *_odd_keys(asked.dataset)])
    yield "NARROWED", "" if any(_filters(query, keyword) for keyword in _NARROWING) else "it asks for everything"
    yield "RETURN_KEYS", _not_asked(asked)


def _odd_keys(dataset: Dataset) -> Iterator[str]:
    """Dates, times and code strings that are not written as their VR has them; the SCP forgives the usual ones without a word."""
    for element in dataset.iterall():
        form = _FORMS.get(str(element.VR))
        for text in values.texts(element) if form else ():
            if form and not form.fullmatch(text):
                yield f"{element.keyword} {text!r} is not written as a {element.VR}"


def _failure(response: Message | None) -> str:
    if response is None or response.status is None or class_of(response.status) is not StatusClass.FAILURE:
        return ""
    return f"answered {response.status:04X}H {response.status_name}{f': {response.comment}' if response.comment else ''}"


def _filters(query: Query, keyword: str) -> bool:
    return query.asked(keyword) is not None


def _not_asked(asked: Asked) -> str:
    """The return keys that are missing. A step sequence without an item, or with an empty one, asks for all of it."""
    dataset = asked.dataset
    if dataset is None:
        return ""
    missing = [keyword for keyword in _RETURNED if keyword not in dataset]
    items = values.items(dataset, keys.STEP_SEQUENCE.tag)
    asks_for_steps = keys.STEP_SEQUENCE.tag in dataset and not (
        items and len(items[0]) and Key("ScheduledProcedureStepID").tag not in items[0]
    )
    return (
        f"not asked for: {', '.join([*missing, *([] if asks_for_steps else ['ScheduledProcedureStepID'])])}"
        if missing or not asks_for_steps
        else ""
    )


# --- Performed steps ----------------------------------------------------------------------------------------------


def _of_instance(instance: Instance, heard: Heard) -> Iterator[Verdict]:
    stored, is_final = instance.created or {}, False
    creates: list[Told] = []
    for told in instance.told:
        if told.data is None:
            yield said("VALUES_VALID", told.message, f"the data set cannot be read: {told.problem}")
            continue
        notes = [note for note in told.notes if not _NO_TEXT.search(note)]
        yield said("CHARACTERS", told.message, [*notes, *_mistaken(told.data)])
        if told.is_create:
            yield from _of_create(told, told.data, instance, creates, heard.site)
            creates.append(told)
            stored = told.data if not _refused(told) else stored
        else:
            yield from _of_set(told, told.data, stored)
            if not _refused(told):
                stored = datasets.merged(stored, checking.settable(told.data))
        if checking.understood_status(told.data) in FINAL and not told.is_create and not _refused(told):
            is_final = True
            yield from _of_final(told, stored, heard.site)
    yield from _of_whole(instance, is_final)


def _mistaken(data: Json) -> Iterator[str]:
    """Text in UTF-8 that was declared as Latin-1 is legal, and reads `Ã¼` for `ü`: what turns into other letters is no accident."""
    for text in datasets.texts(data):
        try:
            meant = text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            continue
        if meant != text:
            yield f"{text!r} is UTF-8 under another declaration"


def _refused(told: Told) -> bool:
    return told.status not in statuses.DONE


def _of_create(told: Told, data: Json, instance: Instance, before: list[Told], site: Site) -> Iterator[Verdict]:
    message = told.message
    problems = checking.problems_of_create(data)
    yield said("UID_GIVEN", message, "" if message.sop_instance_uid else "Affected SOP Instance UID is not there")
    yield said("CREATED_ONCE", message, "this performed step had been created already" if _is_known(told, before) else "")
    yield said("CREATE_COMPLETE", message, _told(problems, Kind.MISSING, Kind.EMPTY))
    yield from _values(told, problems)
    when = clock.shown_at(message.time, site)
    yield said("TIMES", message, [notice.text.rstrip(".") for notice in reading.odd_start(reading.times(data, site), when, site)])
    if not _refused(told):
        yield from named(message, instance)
    yield from carried(message, data, instance.links)


def _is_known(told: Told, before: list[Told]) -> bool:
    """Whether the modality had been told that it is created. To send the same again when no answer came is as it should be."""
    return any(not _refused(one) for one in before) if before else told.status == statuses.DUPLICATE_SOP_INSTANCE


def _values(told: Told, problems: list[Problem]) -> Iterator[Verdict]:
    invalid = [one for one in problems if one.kind is Kind.INVALID]
    odd = [note for note in told.notes if _NO_TEXT.search(note)]
    yield said("STATUS_EXACT", told.message, [f"{one.path} {one.text}" for one in invalid if one.path == STATUS])
    yield said("VALUES_VALID", told.message, [*odd, *(f"{one.path} {one.text}" for one in invalid if one.path != STATUS)])


def _told(problems: Iterable[Problem], *kinds: Kind) -> list[str]:
    return [f"{one.path} {one.text}" for one in problems if one.kind in kinds]


def _of_set(told: Told, data: Json, stored: Json) -> Iterator[Verdict]:
    message = told.message
    yield said("SET_AFTER_CREATE", message, "no such performed step" if told.status == statuses.NO_SUCH_SOP_INSTANCE else "")
    comment = told.response.comment if told.response else ""
    late = told.status == statuses.PROCESSING_FAILURE and "no longer be updated" in comment
    yield said("NOT_AFTER_FINAL", message, "the performed step had been ended" if late else "")
    if told.status == statuses.NO_SUCH_SOP_INSTANCE or late:
        return
    problems = checking.problems_of_set(data, stored)
    yield said("UNCHANGED", message, _told(problems, Kind.NOT_ALLOWED))
    yield said("SET_COMPLETE", message, [one for one in _told(problems, Kind.MISSING, Kind.EMPTY) if not one.startswith(_SERIES)])
    yield from _values(told, problems)


def _of_final(told: Told, merged: Json, site: Site) -> Iterator[Verdict]:
    message, status = told.message, checking.understood_status(merged)
    lacking = _told(checking.problems_of_final(merged), Kind.MISSING, Kind.EMPTY)
    series = [one for one in lacking if one.startswith(_SERIES)]
    yield said("SERIES", message, series)
    yield said("FINAL_COMPLETE", message, [one for one in lacking if not one.startswith(_SERIES)])
    when = clock.shown_at(message.time, site)
    odd = [one.text.rstrip(".") for one in reading.odd_end(reading.times(merged, site), when, site) if one.code != "OVER_MIDNIGHT"]
    yield said("TIMES", message, odd)
    if status == "DISCONTINUED" and datasets.items(merged, reading.REASON):
        yield said("REASON", message, _reason(merged))


def _reason(merged: Json) -> str:
    """Of one that was given; none at all is legal (type 3)."""
    reason = reading.discontinuation_reason(merged)
    if not reason.code:
        return f"no code{f', only the words {reason.meaning!r}' if reason.meaning else ''}"
    return "" if known(reason.code, reason.scheme) else f"{reason.code!r} of {reason.scheme!r} is no code of CID 9300"


def _of_whole(instance: Instance, is_final: bool) -> Iterator[Verdict]:
    first = instance.told[0].message
    if own := sorted(title for title in instance.callers if title):
        several = len(instance.devices - {""}) > 1
        yield said("SAME_CALLER", first, f"its messages came as {', '.join(own)}" if several else "")
    created = next((one for one in instance.told if one.is_create and not _refused(one)), None)
    if created is not None and (is_final or clock.wall() - created.message.time > _A_DAY):
        yield said("ENDED", created.message, "" if is_final or instance.status in FINAL else "it is still in progress")
