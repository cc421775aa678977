"""Which of the proposed presentation contexts are accepted, and in which roles (PS3.8 7.1.1.13, PS3.7 D.3.3.4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydicom.uid import UID

from dimse.associate import AssociateRequest, NegotiatedContext, ProposedContext
from dimse.services import IMPLICIT_VR_LITTLE_ENDIAN, Service

ACCEPTED, USER_REJECTION, ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED = 0, 1, 3, 4

_RESULTS: Final = {
    ACCEPTED: "accepted",
    USER_REJECTION: "user rejection",
    ABSTRACT_SYNTAX_NOT_SUPPORTED: "abstract syntax not supported",
    TRANSFER_SYNTAXES_NOT_SUPPORTED: "transfer syntaxes not supported",
}
_MOST_NAMED: Final = 2  # refused presentation contexts that a note names


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The answer to each proposed context, to each proposed role of an offered SOP class, and to extended negotiations that one takes."""

    contexts: tuple[NegotiatedContext, ...] = ()
    roles: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    extended: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def accepted(self) -> dict[int, NegotiatedContext]:
        """By presentation context ID."""
        return {context.id: context for context in self.contexts if context.result == ACCEPTED}

    @property
    def in_words(self) -> tuple[tuple[str, str, str], ...]:
        """Abstract syntax, transfer syntax (empty when refused) and result of each context."""
        return tuple(
            (context.abstract_syntax, context.transfer_syntax if context.result == ACCEPTED else "", _RESULTS[context.result])
            for context in self.contexts
        )

    @property
    def why_nothing_can_be_asked(self) -> str:
        """The contexts that were asked for and why each was refused, in words; empty when one was accepted."""
        if self.accepted:
            return ""
        asked = list(dict.fromkeys(f"{UID(context.abstract_syntax).name} ({_RESULTS[context.result]})" for context in self.contexts))
        more = f" and {len(asked) - _MOST_NAMED} more" if len(asked) > _MOST_NAMED else ""
        return f"no presentation context accepted: asked for {', '.join(asked[:_MOST_NAMED]) or 'none'}{more}"


def negotiate(request: AssociateRequest, offered: Mapping[str, Service]) -> Negotiated:
    """We are SCP of what is offered: a requestor may be SCU, and nothing else. Our order of transfer syntaxes decides."""
    roles = {uid: (scu & 1, 0) for uid, (scu, _) in request.roles.items() if uid in offered}
    contexts = tuple(_answer(context, offered, roles) for context in request.contexts)
    accepted = {context.abstract_syntax for context in contexts if context.result == ACCEPTED}
    return Negotiated(contexts, roles, dict(_extended(request.extended, {uid: offered[uid] for uid in accepted})))


def _extended(proposed: Mapping[str, bytes], accepted: Mapping[str, Service]) -> Iterator[tuple[str, bytes]]:
    for uid, asked in proposed.items():
        service = accepted.get(uid)
        if service is not None and service.negotiate is not None:
            yield uid, service.negotiate(asked)


def _answer(proposed: ProposedContext, offered: Mapping[str, Service], roles: Mapping[str, tuple[int, int]]) -> NegotiatedContext:
    service = offered.get(proposed.abstract_syntax)
    named = proposed.transfer_syntaxes[0] if proposed.transfer_syntaxes else IMPLICIT_VR_LITTLE_ENDIAN
    if service is None:
        return NegotiatedContext(proposed.id, proposed.abstract_syntax, named, ABSTRACT_SYNTAX_NOT_SUPPORTED)
    chosen = next((syntax for syntax in service.transfer_syntaxes if syntax in proposed.transfer_syntaxes), None)
    if chosen is None:
        return NegotiatedContext(proposed.id, proposed.abstract_syntax, named, TRANSFER_SYNTAXES_NOT_SUPPORTED)
    may_ask = roles.get(proposed.abstract_syntax, (1, 0))[0]
    return NegotiatedContext(proposed.id, proposed.abstract_syntax, chosen, ACCEPTED if may_ask else USER_REJECTION)
