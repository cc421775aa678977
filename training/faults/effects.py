"""What each kind of fault does on the wire, and the interference that the DICOM server asks (`dimse.interference`)."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from dimse import policy, statuses
from dimse.interference import NOTHING, Effect, Failure, HangUp, Rewrite
from dimse.policy import Accept, Reject
from dimse.services import AssociationInfo, Verb
from ris.peers import site_of
from training.faults import active, declaration
from training.faults.kinds import FINAL, REJECTIONS, STATUSES, SYNTAXES
from training.models import Fault

Parameters = dict[str, Any]
Change = Callable[[Effect, Parameters, str], Effect]
"""From what is done to a message already, the parameters of a fault and the operation to what is done with the fault; the same if
it has nothing to do with that operation."""

_REWRITES: Final[dict[str, Rewrite]] = {"another": declaration.another, "none": declaration.none, "unknown": declaration.unknown}


def _delay(effect: Effect, parameters: Parameters, verb: str) -> Effect:
    return replace(effect, delay=max(effect.delay, float(parameters["seconds"])))


def _abort(effect: Effect, parameters: Parameters, verb: str) -> Effect:
    return replace(effect, hang_up=HangUp.ABORT, most=parameters["after"])


def _cut(effect: Effect, parameters: Parameters, verb: str) -> Effect:
    return replace(effect, hang_up=HangUp.CUT, most=parameters["after"])


def _failure(effect: Effect, parameters: Parameters, verb: str) -> Effect:
    if verb != parameters["operation"]:
        return effect
    name = parameters["status"]
    error_id = statuses.ERROR_ID_MAY_NO_LONGER_BE_UPDATED if name == FINAL else None
    return replace(effect, failure=Failure(STATUSES[name], parameters["comment"], error_id))


def _silent(effect: Effect, parameters: Parameters, verb: str) -> Effect:
    """However new associations are met: on those that were open before, nothing else can be an outage."""
    return replace(effect, is_silent=True) if verb.startswith("N-") else effect


def _dropped(effect: Effect, parameters: Parameters, verb: str) -> Effect:
    asked = (Verb.N_CREATE, Verb.N_SET) if parameters["operation"] == "both" else (parameters["operation"],)
    return replace(effect, hang_up=HangUp.CLOSE) if verb in asked else effect


def _of_query(change: Callable[[Effect, Parameters], Effect]) -> Change:
    return lambda effect, parameters, verb: change(effect, parameters) if verb == Verb.C_FIND else effect


CHANGES: Final[dict[str, Change]] = {
    "delay": _delay,
    "abort": _abort,
    "cut": _cut,
    "failure": _failure,
    "truncate": _of_query(lambda effect, parameters: replace(effect, most=parameters["after"])),
    "character-set": _of_query(lambda effect, parameters: replace(effect, rewrite=_REWRITES[parameters["declared"]])),
    "duplicate": _of_query(lambda effect, parameters: replace(effect, double_each=parameters["every"])),
    "missing": _of_query(lambda effect, parameters: replace(effect, leave_out_each=parameters["every"])),
    "mpps-outage": _silent,
    "drop-response": _dropped,
}
"""What is done to messages, by kind; of two that exclude each other the later one counts."""


class Injection:
    """The faults of the table, as `dimse.interference.Interference`."""

    def association(self, info: AssociationInfo, abstract_syntaxes: frozenset[str]) -> Accept | Reject | None:
        """A rejection by the latest fault that wants one, else an acceptance without what is withheld."""
        withheld: set[str] = set()
        notes: list[str] = []
        for fault in reversed(_about(info, active.current())):
            how = fault.parameters.get("how") if fault.kind == "mpps-outage" else None
            of_service = SYNTAXES["mpps"] if how else SYNTAXES.get(fault.service, abstract_syntaxes)
            if not abstract_syntaxes & of_service:
                continue
            if fault.kind == "reject":
                return replace(REJECTIONS[fault.parameters["reason"]], why=active.told(fault))
            if how == "refused":
                return policy.out_of_order(active.told(fault))
            if how == "context":
                withheld |= SYNTAXES["mpps"]
                notes.append(active.told(fault))
        return Accept(frozenset(withheld), "; ".join(notes)) if withheld else None

    def message(self, info: AssociationInfo, abstract_syntax: str, verb: str) -> Effect | None:
        faults = active.current()
        if not faults:
            return None
        effect, notes = NOTHING, []
        for fault in _about(info, faults):
            change = CHANGES.get(fault.kind)
            if change is None or (fault.service and abstract_syntax not in SYNTAXES[fault.service]):
                continue
            changed = change(effect, fault.parameters, verb)
            if changed is not effect:
                effect = changed
                notes.append(active.told(fault))
        return replace(effect, told="; ".join(notes)) if notes else None


def _about(info: AssociationInfo, faults: Iterable[Fault]) -> list[Fault]:
    """Those that hold for who calls, at the hospital that is called."""
    found = [fault for fault in faults if active.is_about(fault, info.calling_ae_title)]
    if not found:
        return []
    site = site_of(info.called_ae_title, info.calling_ae_title)
    return [fault for fault in found if fault.site_id == site.pk]
