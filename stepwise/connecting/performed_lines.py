"""The lines of the checklist about performed steps: begun, ended, charged."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP
from dimse.statuses import name_of
from mpps.transitions import FINAL
from stepwise.connecting import words
from stepwise.connecting.facts import ChargeSeen, Evidence, MppsSeen
from stepwise.connecting.line import ERROR, NOT_YET, PASS, WAITING, WARNING, Fix, Line
from stepwise.connecting.not_asked import not_asked


def create(seen: Evidence) -> Line:
    line = Line("create", "Its start of an exam is seen (N-CREATE)", WAITING, NOT_YET)
    good = _best([one for one in seen.creates if one.is_done and not one.unknown])
    latest = seen.creates[0] if seen.creates else None
    if good is not None and latest is not None:
        found = _proved(_with_lost(line, good), "Taken, and its exam is begun.", good)
        return _with_later(found, seen, latest, words.CREATE)
    if latest is not None and latest.is_done:
        what = "; ".join(latest.unknown or ()) or "nothing: its Scheduled Step Attributes are empty"
        linked = " A person linked it to its exam since." if latest.by_hand else ""
        said = _with_notes(f"Taken as unscheduled: it names no exam of the worklist. It sent {what}.{linked}", latest)
        text = (
            "It has to carry the Study Instance UID, Accession Number, Requested Procedure ID and Scheduled Procedure Step ID from the "
            "worklist into Scheduled Step Attributes (0040,0270), and the patient’s ID. Choose the exam from the list, not by hand."
        )
        return _of_mpps(replace(line, look=WARNING, said=said, next=text), latest)
    if latest is not None:
        return _of_mpps(_refused(seen, line, latest, words.CREATE), latest)
    if not seen.reports:
        text = "Switch on that it reports performed steps, in its settings."
        return replace(
            line, look=WARNING, said="It is set not to report performed steps.", next=text, fixes=(Fix("settings", "Change settings"),)
        )
    return not_asked(seen, line, MODALITY_PERFORMED_PROCEDURE_STEP, "Start the test exam on its console.")


def end(seen: Evidence) -> Line:
    line = Line("set", "Its end of an exam is seen (N-SET)", WAITING, NOT_YET)
    good = _best([one for one in seen.sets if one.is_done and one.state in FINAL])
    latest = seen.sets[0] if seen.sets else None
    if good is not None and latest is not None:
        return _with_later(_proved(line, f"The performed step is {good.state}.", good), seen, latest, words.SET)
    if latest is not None and latest.is_done:
        said = "It came, and none of its own had a final status: it leaves the performed step IN PROGRESS."
        text = "End the exam on the console: its last N-SET has to have Performed Procedure Step Status COMPLETED or DISCONTINUED."
        return _of_mpps(replace(line, look=WARNING, said=said, next=text), latest)
    if latest is not None:
        return _of_mpps(_refused(seen, line, latest, words.SET), latest)
    begun = next((one for one in seen.creates if one.is_done), None)
    if begun is not None:
        said = "An exam was begun, and no N-SET has come since."
        text = "End it on the console. Some send it only when the patient is closed or the images are archived; some need it switched on."
        return _of_mpps(replace(line, said=said, next=text), begun)
    return replace(line, next="End the test exam on its console.")


def _of_mpps(line: Line, one: MppsSeen) -> Line:
    return replace(line, at=one.at, call=one.call, performed=one.performed)


def _best(proofs: Sequence[MppsSeen]) -> MppsSeen | None:
    """The latest without anything wrong, else the latest."""
    return next((one for one in proofs if not one.wrong), proofs[0] if proofs else None)


def _proved(line: Line, said: str, one: MppsSeen) -> Line:
    """Green, unless something about the message makes exams or charges go wrong."""
    text = " ".join(filter(None, (one.wrong, line.next)))
    said = " ".join(filter(None, (_with_notes(said, one), line.said if line.said != NOT_YET else "")))
    return _of_mpps(replace(line, look=WARNING if one.wrong else PASS, said=said, next=text), one)


def _with_later(line: Line, seen: Evidence, latest: MppsSeen, table: Mapping[int, str]) -> Line:
    """With what went wrong after the message that proved it."""
    if not latest.is_done:
        return line.but_later(_refused(seen, line, latest, table))
    if line.look == PASS and latest.wrong:
        return line.but_later(replace(line, said=" ".join(latest.notes), next=latest.wrong, fixes=()))
    return line


def _with_notes(said: str, one: MppsSeen) -> str:
    return " ".join((said, *one.notes))


def _with_lost(line: Line, one: MppsSeen) -> Line:
    """Its exam was found by what else it sent; with several steps of an order it would not be told from the others."""
    if not one.lost:
        return line
    text = f"Have it bring back the {', '.join(one.lost)} of the worklist item in Scheduled Step Attributes (0040,0270), too."
    return replace(line, said=f"It did not bring back the {', '.join(one.lost)}.", next=text)


def _refusal(one: MppsSeen) -> str:
    return f"Refused, {one.status:04X} {name_of(one.status)}{f': {one.comment}' if one.comment else ''}."


def _refused(seen: Evidence, line: Line, one: MppsSeen, table: Mapping[int, str]) -> Line:
    fixes = (Fix("settings", "Change settings"),) if seen.strict or not seen.reports else ()
    return replace(line, look=ERROR, said=_refusal(one), next=words.about(table, one.status, one.comment), fixes=fixes)


def charge(seen: Evidence) -> Line:
    line = Line("charge", "Its charge follows", WAITING, "Nothing was performed yet.")
    if seen.charges:
        judged = [_of_charge(line, one) for one in seen.charges]
        return next((one for one in judged if one.look == PASS), judged[0])
    ended = next((one for one in seen.sets if one.is_done and one.state in FINAL), None)
    if ended is None:
        return line
    if ended.by_hand:
        text = "Have it carry the identifiers of the worklist, so that no person has to."
        said = "A person linked to its exam what was performed: what is charged for that proves nothing of the modality."
        return _of_mpps(replace(line, look=WARNING, said=said, next=text), ended)
    if ended.unknown:
        text = "No order is known for what was performed: link it to one by hand, or have it carry the identifiers of the worklist."
        return _of_mpps(replace(line, look=ERROR, said="Nothing is charged for what was performed without an order.", next=text), ended)
    return _of_mpps(replace(line, look=WARNING, said=seen.uncharged or "Nothing is charged yet."), ended)


def _of_charge(line: Line, one: ChargeSeen) -> Line:
    line = replace(line, charge=one.id, at=one.at)
    if one.is_test:
        held = f" A real one would be on hold: {one.held}" if one.held else " A real one would be sent at once."
        said = f"Charge {one.control_id} was captured and voided in the same moment, for the exam is a test: nobody is sent it.{held}"
        return replace(line, look=WARNING if one.held else PASS, said=said)
    if one.held:
        return replace(
            line, look=WARNING, said=f"Charge {one.control_id} over {one.amount} is on hold: {one.held}", next="Check it, then release it."
        )
    if one.status == "FAILED":
        return replace(line, look=ERROR, said=f"Charge {one.control_id} was not taken: {one.error}", next="Look at the charge.")
    where = {"POSTED": "is posted", "PENDING": "waits to be sent", "VOID": "is void"}[one.status]
    return replace(line, look=PASS, said=f"Charge {one.control_id} over {one.amount} {where}{f': {one.error}' if one.error else ''}.")
