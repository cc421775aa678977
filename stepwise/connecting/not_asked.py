"""Why nothing was asked of a service though the modality calls: whether it was proposed, and what became of that."""

from dataclasses import replace

from stepwise.connecting import words
from stepwise.connecting.facts import ACCEPTED, NAMES, Evidence
from stepwise.connecting.line import ERROR, WAITING, Line


def not_asked(seen: Evidence, line: Line, service: str, text: str) -> Line:
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


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
