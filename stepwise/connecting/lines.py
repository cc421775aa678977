"""The checklist: what the evidence proves, line by line, and what was wrong where it proves nothing. Nothing is ticked by hand.

A line that was proved once stays so; what went wrong after that is told beside it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from dimse import policy
from dimse.services import MODALITY_WORKLIST
from dimse.strangers import BROWSERS
from stepwise.connecting import performed_lines, places, strangers, words
from stepwise.connecting.facts import Call, Evidence, QuerySeen
from stepwise.connecting.line import ERROR, NOT_YET, PASS, WAITING, WARNING, Fix, Line
from stepwise.connecting.not_asked import not_asked


def lines(seen: Evidence) -> list[Line]:
    """The whole checklist."""
    return [judge(seen) for judge in _JUDGES]


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
        said = f"{what}, from {good.address}, called {good.called}{_over(seen, good)}."
        line = replace(line, look=PASS, said=said, at=good.at, call=good.id)
        return line if latest.is_accepted else line.but_later(_rejected(seen, latest))
    if latest is not None:
        return _rejected(seen, latest)
    odds = [call for call in seen.strangers if not call.calling and strangers.may_be(seen, call)]
    odd = next((call for call in odds if call.taken_for not in BROWSERS), odds[0] if odds else None)  # a monitor's probe hides no fault
    if odd is not None:
        return replace(
            line,
            look=ERROR,
            at=odd.at,
            call=odd.id,
            said=f"From {odd.address} came no DICOM: {odd.note}.",
            next=words.no_dicom(odd.taken_for, seen.plain_port, seen.tls_port),
        )
    text = f"Send a C-ECHO from its console to {seen.titles[0]} at {seen.listens}. If that fails there and nothing shows here, it calls "
    text += "another host or port, or a firewall is between us."
    named = next((call for call in seen.strangers if strangers.may_be(seen, call)), None)
    if named is not None:
        said = f"{named.calling} called from {named.address}: is it this one? See the next line."
        line = replace(line, said=said, call=named.id, at=named.at)
    if not seen.journal:
        text = "The message journal is switched off (RIS_JOURNAL=0), so that nothing is seen here: switch it on, and start again."
    elif seen.only_local:
        text = f"The DICOM server listens on this machine only: start it with RIS_DICOM_BIND=0.0.0.0. {text}"
    return replace(line, next=text, look=WARNING if seen.only_local or not seen.journal else WAITING)


def _over(seen: Evidence, call: Call) -> str:
    """By what it was secured; of a plain call where there is a port for TLS, that it used the other one."""
    if call.secured:
        return f", over {call.secured}"
    return f", without TLS; our port for that is {seen.tls_port}" if call.is_plain and seen.tls_port else ""


def _rejected(seen: Evidence, call: Call) -> Line:
    """The association that was refused, in words; what was accepted since is told as that."""
    if _is_accepted_now(seen, call):
        said = f"It called {call.called} from {call.address}, which was rejected then and is accepted now."
        return Line("reaches_us", f"{seen.ae_title} reaches us", WAITING, said, "Have it call again.", call.at, call.id)
    advice = next((one for one in words.REJECTIONS if one.sign in call.rejection), None)
    fixes: tuple[Fix, ...] = ()
    said = f"It called {call.called} from {call.address} and was rejected: {call.rejection}."
    if words.NOT_SERVED in call.rejection:
        said = f"It calls us {call.called or '(nothing)'}, and we are {' or '.join(seen.titles)}: its association was rejected."
        fixes = (Fix("accept", f"Accept {call.called} too", call.called),) if call.called else ()
    elif policy.FROM_ELSEWHERE in call.rejection:
        allowed = ", ".join(seen.addresses) or "anywhere now"
        said = f"It called from {call.address}, and may call from {allowed} only: its association was rejected."
        fixes = (Fix("allow", f"Allow {call.address} too", call.address),)
    text = advice.next if advice else "The association log has the reason."
    text = text.format(ours=seen.titles[0], allowed=", ".join(seen.addresses) or "anywhere")
    return Line("reaches_us", f"{seen.ae_title} reaches us", ERROR, said, text, call.at, call.id, fixes=fixes)


def _is_accepted_now(seen: Evidence, call: Call) -> bool:
    if words.NOT_SERVED in call.rejection:
        return call.called in seen.titles
    return policy.FROM_ELSEWHERE in call.rejection and places.may_call(seen, call)


def _title(seen: Evidence) -> Line:
    line = Line("title", "Its AE title is seen", WAITING, NOT_YET)
    if seen.calls:
        return _named(seen, line)
    named = next((call for call in seen.strangers if call.calling and strangers.may_be(seen, call)), None)
    if named is None:
        return replace(line, next=f"It has to call itself {seen.ae_title}, to the letter.")
    return _misnamed(seen, line, named)


def _named(seen: Evidence, line: Line) -> Line:
    """Somebody called under its name: it, where that came from its own address or that is not known."""
    latest = seen.calls[0]
    its = [one for one in seen.calls if not places.is_elsewhere(seen, one)]
    if not its:
        return _from_elsewhere(seen, line, latest)
    call = next((one for one in its if one.calling == seen.ae_title), None)
    if call is None:
        return _under_its_former_title(seen, line, its[0])
    line = replace(line, look=PASS, said=_called_itself(seen, call), at=call.at, call=call.id)
    misnamed = next((one for one in seen.strangers if one.calling and one.at > call.at and strangers.may_be(seen, one, call.address)), None)
    if misnamed is not None:
        return line.but_later(_misnamed(seen, line, misnamed))
    if its[0].calling != seen.ae_title:
        return line.but_later(_under_its_former_title(seen, line, its[0]))
    return line.but_later(_from_elsewhere(seen, line, latest)) if places.is_elsewhere(seen, latest) else line


def _called_itself(seen: Evidence, call: Call) -> str:
    where = (
        ", as expected" if places.is_expected(seen, call) else "" if places.may_call(seen, call) else f", which is not {places.told(seen)}"
    )
    return f"Calling AE title {call.calling}, from {call.address}{where}."


def _under_its_former_title(seen: Evidence, line: Line, call: Call) -> Line:
    said = f"{_called_itself(seen, call)} That is its former one."
    text = f"It is called {seen.ae_title} here now: change its own AE title at the modality, too."
    fixes = (Fix("settings", "Change settings"),)
    return replace(line, look=WARNING, said=said, next=text, at=call.at, call=call.id, fixes=fixes)


def _from_elsewhere(seen: Evidence, line: Line, call: Call) -> Line:
    said = f"Calling AE title {call.calling}, from {call.address}, which is not {places.told(seen)}."
    text = "If that is the device, correct its host or addresses; if not, something else calls under its name."
    return replace(line, look=WARNING, said=said, next=text, at=call.at, call=call.id, fixes=(Fix("settings", "Change settings"),))


def _misnamed(seen: Evidence, line: Line, call: Call) -> Line:
    """Somebody called under a name that nobody here has: a former one of its own, or perhaps another."""
    former = seen.given_up.get(call.calling)
    if former is not None:
        said = f"{call.calling} called from {call.address}. {former.text}."
        text = f"{former.next[:1].upper()}{former.next[1:]}."
        fixes = (Fix("accept-again", f"Accept {call.calling} again", call.calling),)
        return replace(line, look=ERROR, said=said, next=text, at=call.at, call=call.id, fixes=fixes)
    said = strangers.told(seen.ae_title, call)
    text = f"If so, change its own AE title at the modality to {seen.ae_title}, or connect it under the name that it has."
    fixes = (Fix("stranger", f"Connect {call.calling} instead", call.calling),)
    return replace(line, look=ERROR, said=said, next=text, at=call.at, call=call.id, fixes=fixes)


def _query(seen: Evidence) -> Line:
    line = Line("query", "Its worklist query is seen, and answered", WAITING, NOT_YET)
    good = next((one for one in seen.queries if one.is_good), None)
    latest = seen.queries[0] if seen.queries else None
    if latest is None:
        return not_asked(seen, line, MODALITY_WORKLIST, "Ask for the worklist on its console.")
    if good is None:
        return _wrong_query(seen, line, latest)
    with_test = f" The test exam {seen.test} was among them." if good.has_test else ""
    line = _of_query(replace(line, look=PASS, said=f"{good.said}.{with_test}"), good)
    return line if latest.is_good else replace(line.but_later(_wrong_query(seen, line, latest)), explain=latest.explain)


def _wrong_query(seen: Evidence, line: Line, latest: QuerySeen) -> Line:
    """A query that failed, got nothing, or asked for what is not its own."""
    if latest.failure:
        text = latest.advice or "Correct the key at the console; the explanation names it."
        return _of_query(replace(line, look=ERROR, said=f"{latest.said}.", next=text), latest)
    if latest.got is None:
        return _of_query(replace(line, look=WARNING, said=f"{latest.said}.", next="Let it ask again, and read to the end."), latest)
    if latest.others:
        whose = ", ".join(latest.others)
        said = f"It asked for the list of {whose}, not for its own, and got {latest.got} exam{'' if latest.got == 1 else 's'} of that."
        text = f"Set the Scheduled Station AE Title of its query to {seen.ae_title}, its own; {whose} stands there."
        return _of_query(replace(line, look=ERROR, said=said, next=text, fixes=()), latest)
    if latest.of:
        text = latest.advice or "The explanation says key by key what kept the exams from it."
        return _of_query(replace(line, look=ERROR, said=f"{latest.said}.", next=text), latest)
    text = "There is nothing that it could get: make a test exam, then ask again." if not seen.test else "Ask again."
    fixes = () if seen.test else (Fix("test", "Make a test exam"),)
    return _of_query(replace(line, look=WARNING, said=f"{latest.said}.", next=text, fixes=fixes), latest)


def _of_query(line: Line, query: QuerySeen) -> Line:
    return replace(line, at=query.at, call=query.call, explain=query.explain)


_JUDGES: Final[tuple[Callable[[Evidence], Line], ...]] = (
    _we_reach,
    _reaches_us,
    _title,
    _query,
    performed_lines.create,
    performed_lines.end,
    performed_lines.charge,
)
