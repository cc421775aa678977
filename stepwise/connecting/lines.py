"""The checklist: what the evidence proves, line by line, and what was wrong where it proves nothing. Nothing is ticked by hand.

A line that was proved once stays so; what went wrong after that is told beside it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST
from dimse.statuses import name_of
from stepwise.connecting import strangers, words
from stepwise.connecting.facts import ACCEPTED, NAMES, Call, ChargeSeen, Evidence, MppsSeen, QuerySeen

PASS, ERROR, WARNING, WAITING = "PASS", "ERROR", "WARNING", ""
NOT_YET: Final = "Nothing heard yet."


@dataclass(frozen=True)
class Fix:
    """What a button does about it: `kind` names it, `value` is what it is done with."""

    kind: str
    label: str
    value: str = ""


@dataclass(frozen=True)
class Line:
    """`look` is PASS, ERROR (wrong), WARNING (seen, and not as it should be) or WAITING. `next` is what to do. `later` is what went wrong
    after the line was proved. `call`, `performed`, `charge` and `explain` are where the evidence is."""

    key: str
    title: str
    look: str
    said: str
    next: str = ""
    at: datetime | None = None
    call: UUID | None = None
    performed: int | None = None
    charge: int | None = None
    explain: str = ""
    later: str = ""
    fixes: tuple[Fix, ...] = ()

    @property
    def word(self) -> str:
        return {PASS: "seen", ERROR: "failed", WARNING: "not as it should be", WAITING: "waiting"}[self.look]


def lines(seen: Evidence) -> list[Line]:
    """The whole checklist."""
    return [judge(seen) for judge in _JUDGES]


def proved(found: Iterable[Line]) -> int:
    return sum(line.look == PASS for line in found)


def _we_reach(seen: Evidence) -> Line:
    line = Line("we_reach", f"We reach {seen.ae_title}", WAITING, "")
    if not seen.host or not seen.port:
        said = "Where it answers a C-ECHO is not known."
        text = "Give its host and port. One that answers no C-ECHO can be connected all the same; this line then stays open."
        return replace(line, said=said, next=text, fixes=(Fix("settings", "Give host and port"),))
    echo = seen.echo
    if echo is None:
        said = f"No C-ECHO was sent to {seen.host}:{seen.port} yet."
        return replace(line, said=said, next="Send one.", fixes=(Fix("echo", "Send C-ECHO"),))
    again = (Fix("echo", "Send C-ECHO again"),)
    if echo.at is None:
        return replace(line, said=f"C-ECHO to {echo.address} is under way.", at=echo.asked_at)
    if echo.ok:
        return replace(line, look=PASS, said=f"C-ECHO to {echo.address}: {echo.said}", at=echo.at, fixes=again)
    fixes = (*again, Fix("settings", "Change host or port"))
    return replace(line, look=ERROR, said=echo.said, next=echo.advice, at=echo.at, fixes=fixes)


def _reaches_us(seen: Evidence) -> Line:
    line = Line("reaches_us", f"{seen.ae_title} reaches us", WAITING, NOT_YET)
    good = next((call for call in seen.calls if call.is_accepted), None)
    latest = seen.calls[0] if seen.calls else None
    if good is not None and latest is not None:
        what = "C-ECHO received" if "C-ECHO" in good.said else "Association accepted"
        said = f"{what}, from {good.address}, called {good.called}."
        later = "" if latest.is_accepted else f"{_rejected(seen, latest).said}"
        return replace(line, look=PASS, said=said, at=good.at, call=good.id, later=later)
    if latest is not None:
        return _rejected(seen, latest)
    odd = next((call for call in seen.strangers if not call.calling), None)
    if odd is not None:
        return replace(
            line, look=ERROR, at=odd.at, call=odd.id, said=f"From {odd.address} came no DICOM: {odd.note}.", next=_no_dicom(seen, odd)
        )
    text = f"Send a C-ECHO from its console to {seen.titles[0]} at {seen.listens}."
    if not seen.journal:
        text = "The message journal is switched off (RIS_JOURNAL=0), so that nothing is seen here: switch it on, and start again."
    elif seen.only_local:
        text = f"The DICOM server listens on this machine only: start it with RIS_DICOM_BIND=0.0.0.0. {text}"
    return replace(line, next=text, look=WARNING if seen.only_local or not seen.journal else WAITING)


def _rejected(seen: Evidence, call: Call) -> Line:
    """The association that was refused, in words; what was accepted since is told as that."""
    if _is_accepted_now(seen, call):
        said = f"It called {call.called} from {call.address}, which was rejected then and is accepted now."
        return Line("reaches_us", f"{seen.ae_title} reaches us", WAITING, said, "Have it call again.", call.at, call.id)
    advice = next((one for one in words.REJECTIONS if one.sign in call.rejection), None)
    fixes: tuple[Fix, ...] = ()
    said = f"It called {call.called} from {call.address} and was rejected: {call.rejection}."
    if "(1/1/7)" in call.rejection:
        said = f"It calls us {call.called or '(nothing)'}, and we are {' or '.join(seen.titles)}: its association was rejected."
        fixes = (Fix("accept", f"Accept {call.called} too", call.called),) if call.called else ()
    elif "may not call from" in call.rejection:
        allowed = ", ".join(seen.addresses) or "anywhere now"
        said = f"It called from {call.address}, and may call from {allowed} only: its association was rejected."
        fixes = (Fix("allow", f"Allow {call.address} too", call.address),)
    text = advice.next if advice else "The association log has the reason."
    text = text.format(ours=seen.titles[0], allowed=", ".join(seen.addresses) or "anywhere")
    return Line("reaches_us", f"{seen.ae_title} reaches us", ERROR, said, text, call.at, call.id, fixes=fixes)


def _is_accepted_now(seen: Evidence, call: Call) -> bool:
    if "(1/1/7)" in call.rejection:
        return call.called in seen.titles
    return "may not call from" in call.rejection and (not seen.addresses or call.address in seen.addresses)


def _no_dicom(seen: Evidence, call: Call) -> str:
    advice = next(one for one in words.NO_DICOM if one.sign in call.note)
    or_tls = f", or use our port for TLS, {seen.tls_port}" if seen.tls_port else "; this server has no port for TLS (RIS_DICOM_TLS_PORT)"
    return advice.next.format(or_tls=or_tls, plain=f"{seen.plain_port} for plain DICOM")


def _title(seen: Evidence) -> Line:
    line = Line("title", "Its AE title is seen", WAITING, NOT_YET)
    if seen.calls:
        call = seen.calls[0]
        where = f"from {call.address}" + (", as expected" if seen.addresses or call.address == seen.host else "")
        misnamed = next((one for one in seen.strangers if one.at > call.at and strangers.may_be(seen.ae_title, one, call.address)), None)
        later = strangers.told(seen.ae_title, misnamed) if misnamed else ""
        return replace(line, look=PASS, said=f"Calling AE title {call.calling}, {where}.", at=call.at, call=call.id, later=later)
    named = [call for call in seen.strangers if call.calling]
    if not named:
        return replace(line, next=f"It has to call itself {seen.ae_title}, to the letter.")
    call = named[0]
    said = strangers.told(seen.ae_title, call)
    text = f"If so, change its own AE title at the modality to {seen.ae_title}, or connect it under the name that it has."
    fixes = (Fix("stranger", f"Connect {call.calling} instead", call.calling),)
    return replace(line, look=ERROR, said=said, next=text, at=call.at, call=call.id, fixes=fixes)


def _query(seen: Evidence) -> Line:
    line = Line("query", "Its worklist query is seen, and answered", WAITING, NOT_YET)
    good = next((one for one in seen.queries if one.got and not one.failure), None)
    latest = seen.queries[0] if seen.queries else None
    if good is not None and latest is not None:
        with_test = f" The test exam {seen.test} was among them." if good.has_test else ""
        later = "" if latest.got else latest.said
        told = _of_query(replace(line, look=PASS, said=f"{good.said}.{with_test}", later=later), good)
        return replace(told, explain=latest.explain if later else good.explain)
    if latest is not None and latest.failure:
        text = latest.advice or "Correct the key at the console; the explanation names it."
        return _of_query(replace(line, look=ERROR, said=f"{latest.said}.", next=text), latest)
    if latest is not None and latest.got is None:
        return _of_query(replace(line, look=WARNING, said=f"{latest.said}.", next="Let it ask again, and read to the end."), latest)
    if latest is not None and latest.of:
        text = latest.advice or "The explanation says key by key what kept the exams from it."
        return _of_query(replace(line, look=ERROR, said=f"{latest.said}.", next=text), latest)
    if latest is not None:
        text = "There is nothing that it could get: make a test exam, then ask again." if not seen.test else "Ask again."
        fixes = () if seen.test else (Fix("test", "Make a test exam"),)
        return _of_query(replace(line, look=WARNING, said=f"{latest.said}.", next=text, fixes=fixes), latest)
    return _not_asked(seen, line, MODALITY_WORKLIST, "Ask for the worklist on its console.")


def _of_query(line: Line, query: QuerySeen) -> Line:
    return replace(line, at=query.at, call=query.call, explain=query.explain)


def _not_asked(seen: Evidence, line: Line, service: str, text: str) -> Line:
    """Associations without a request of the service: was it proposed, and what became of that?"""
    accepted = [call for call in seen.calls if call.is_accepted]
    if not accepted:
        return replace(line, next=text)
    results = [(call, call.proposed[service]) for call in accepted if service in call.proposed]
    name = NAMES[service]
    if not results:
        had = ", ".join(dict.fromkeys(NAMES.get(uid, uid) for call in accepted for uid in call.proposed)) or "nothing"
        said = f"It opened {_count(len(accepted), 'association')} and never proposed {name}, only {had}."
        text = f"Switch it on at the modality, with {seen.titles[0]} as its server. {text}"
        return replace(line, look=WAITING, said=said, next=text, at=accepted[0].at, call=accepted[0].id)
    call, result = results[0]
    if all(one != ACCEPTED for _, one in results):
        why = words.REFUSED_CONTEXTS.get(result, result)
        said = f"It proposed {name}, which was not accepted: {why}."
        return replace(line, look=ERROR, said=said, next="Correct that at the modality.", at=call.at, call=call.id)
    return replace(line, said=f"It opened an association for {name} and asked nothing.", next=text, at=call.at, call=call.id)


def _create(seen: Evidence) -> Line:
    line = Line("create", "Its start of an exam is seen (N-CREATE)", WAITING, NOT_YET)
    good = next((one for one in seen.creates if one.is_done and not one.unknown), None)
    latest = seen.creates[0] if seen.creates else None
    if good is not None and latest is not None:
        later = "" if latest.is_done else _refusal(latest)
        return _of_mpps(replace(line, look=PASS, said=_with_notes("Taken, and its exam is begun.", good), later=later), good)
    if latest is not None and latest.is_done:
        what = "; ".join(latest.unknown or ()) or "nothing: its Scheduled Step Attributes are empty"
        said = _with_notes(f"Taken as unscheduled: it names no exam of the worklist. It sent {what}.", latest)
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
    return _not_asked(seen, line, MODALITY_PERFORMED_PROCEDURE_STEP, "Start the test exam on its console.")


def _set(seen: Evidence) -> Line:
    line = Line("set", "Its end of an exam is seen (N-SET)", WAITING, NOT_YET)
    good = next((one for one in seen.sets if one.is_done and one.state in ("COMPLETED", "DISCONTINUED")), None)
    latest = seen.sets[0] if seen.sets else None
    if good is not None and latest is not None:
        later = "" if latest.is_done else _refusal(latest)
        return _of_mpps(replace(line, look=PASS, said=_with_notes(f"The performed step is {good.state}.", good), later=later), good)
    if latest is not None and latest.is_done:
        said = "It came, and the performed step is IN PROGRESS still: none had a final status."
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


def _with_notes(said: str, one: MppsSeen) -> str:
    return " ".join((said, *one.notes))


def _refusal(one: MppsSeen) -> str:
    return f"Refused, {one.status:04X} {name_of(one.status)}{f': {one.comment}' if one.comment else ''}."


def _refused(seen: Evidence, line: Line, one: MppsSeen, table: Mapping[int, str]) -> Line:
    fixes = (Fix("settings", "Change settings"),) if seen.strict or not seen.reports else ()
    return replace(line, look=ERROR, said=_refusal(one), next=table.get(one.status, words.OTHERWISE), fixes=fixes)


def _charge(seen: Evidence) -> Line:
    line = Line("charge", "Its charge follows", WAITING, "Nothing was performed yet.")
    if seen.charges:
        return _of_charge(line, seen.charges)
    ended = next((one for one in seen.sets if one.is_done and one.state in ("COMPLETED", "DISCONTINUED")), None)
    if ended is None:
        return line
    if ended.unknown:
        text = "No order is known for what was performed: link it to one by hand, or have it carry the identifiers of the worklist."
        return _of_mpps(replace(line, look=ERROR, said="Nothing is charged for what was performed without an order.", next=text), ended)
    return _of_mpps(replace(line, look=WARNING, said=seen.uncharged or "Nothing is charged yet."), ended)


def _of_charge(line: Line, charges: Sequence[ChargeSeen]) -> Line:
    one = charges[0]
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


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


_JUDGES: Final[tuple[Callable[[Evidence], Line], ...]] = (_we_reach, _reaches_us, _title, _query, _create, _set, _charge)
