"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 9.3.2, 9.3.3; user information PS3.7 D.3.3): bytes and values.

Items that are not known are passed over, as the standard demands; a length that does not fit makes an invalid PDU.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from dimse.pdu import InvalidPdu, Kind, framed

_FIXED: Final = 68  # protocol version, AE titles and reserved bytes before the items
_APPLICATION_CONTEXT, _PROPOSED, _NEGOTIATED, _ABSTRACT, _TRANSFER, _USER = 0x10, 0x20, 0x21, 0x30, 0x40, 0x50
_MAXIMUM_LENGTH, _IMPLEMENTATION_CLASS, _ROLE, _IMPLEMENTATION_VERSION, _EXTENDED, _USER_IDENTITY = 0x51, 0x52, 0x54, 0x55, 0x56, 0x58
_ITEM = struct.Struct(">BxH")
_DICOM: Final = b"1.2.840.10008.3.1.1.1"  # the DICOM Application Context Name (PS3.7 A.2.1)
_LENGTH_NOT_GIVEN: Final = 16_384  # Maximum Length of a peer that gives none, though it must


@dataclass(frozen=True, slots=True)
class ProposedContext:
    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NegotiatedContext:
    """`result`: 0 accepted, 1 user rejection, 2 no reason, 3 abstract syntax, 4 transfer syntaxes not supported (PS3.8 Table 9-18)."""

    id: int
    abstract_syntax: str
    transfer_syntax: str  # of a refused context it means nothing, and still travels
    result: int


_IDENTITIES: Final = {1: "username", 2: "username and passcode", 3: "Kerberos ticket", 4: "SAML assertion", 5: "JSON web token"}
_WITH_PASSCODE: Final = 2


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """That a user identity was offered (PS3.7 D.3.3.7.1), and of which type. What it says, and what proves it, is not kept."""

    type: int
    wants_response: bool

    @property
    def in_words(self) -> str:
        return _IDENTITIES.get(self.type, f"of the unknown type {self.type}")


@dataclass(slots=True)
class AssociateRequest:
    """What a requestor asks for. AE titles come without padding; `titles` are the bytes of both as they came, for the answer.

    `maximum_length` 0 means no limit; `roles` are the proposed SCU and SCP roles by SOP class, `extended` what is proposed in words of the
    service class (SOP Class Extended Negotiation, PS3.7 D.3.3.5).
    """

    protocol_version: int
    called: str
    calling: str
    titles: bytes
    application_context: str = ""
    contexts: list[ProposedContext] = field(default_factory=list)
    maximum_length: int = _LENGTH_NOT_GIVEN
    implementation_class_uid: str = ""
    implementation_version: str = ""
    roles: dict[str, tuple[int, int]] = field(default_factory=dict)
    extended: dict[str, bytes] = field(default_factory=dict)
    user_identity: UserIdentity | None = None


def read_request(body: bytes) -> AssociateRequest:
    """The request in the body of an A-ASSOCIATE-RQ. Raises InvalidPdu."""
    if len(body) < _FIXED:
        raise _invalid(f"{len(body)} bytes are too few")
    request = AssociateRequest(int.from_bytes(body[:2], "big"), _text(body[4:20]), _text(body[20:36]), body[4:36])
    for kind, value in _items(memoryview(body)[_FIXED:]):
        if kind == _APPLICATION_CONTEXT:
            request.application_context = _text(value)
        elif kind == _PROPOSED:
            request.contexts.append(_proposed(value))
        elif kind == _USER:
            _read_user_information(value, request)
    ids = [context.id for context in request.contexts]
    if len(set(ids)) < len(ids) or not all(number % 2 for number in ids):
        raise _invalid("its presentation context IDs are not odd and unique")
    return request


def _proposed(value: memoryview) -> ProposedContext:
    if len(value) < 4:
        raise _invalid("a presentation context is cut")
    items = list(_items(value[4:]))
    abstract = [_text(item) for kind, item in items if kind == _ABSTRACT]
    if len(abstract) != 1:
        raise _invalid(f"presentation context {value[0]} has {len(abstract)} abstract syntaxes")
    return ProposedContext(value[0], abstract[0], tuple(_text(item) for kind, item in items if kind == _TRANSFER))


def _read_user_information(value: memoryview, request: AssociateRequest) -> None:
    for kind, item in _items(value):
        if kind == _MAXIMUM_LENGTH:
            if len(item) != 4:
                raise _invalid(f"its Maximum Length has {len(item)} bytes")
            request.maximum_length = int.from_bytes(item, "big")
        elif kind == _IMPLEMENTATION_CLASS:
            request.implementation_class_uid = _text(item)
        elif kind == _IMPLEMENTATION_VERSION:
            request.implementation_version = _text(item)
        elif kind == _ROLE:
            _read_role(item, request.roles)
        elif kind == _EXTENDED:
            _read_extended(item, request.extended)
        elif kind == _USER_IDENTITY:
            if request.user_identity is not None:
                raise _invalid("it has two user identities")
            request.user_identity = _user_identity(item)


def _read_role(item: memoryview, roles: dict[str, tuple[int, int]]) -> None:
    """SOP class behind its length, then the SCU and the SCP role."""
    length = int.from_bytes(item[:2], "big")
    if len(item) != length + 4:
        raise _invalid("a role selection is cut")
    roles[_text(item[2 : 2 + length])] = (item[-2], item[-1])


def _read_extended(item: memoryview, extended: dict[str, bytes]) -> None:
    """SOP class behind its length, then bytes that the service class gives a meaning."""
    length = int.from_bytes(item[:2], "big")
    if len(item) < length + 2 or not length:
        raise _invalid("the length in an extended negotiation does not fit")
    uid = _text(item[2 : 2 + length])
    if uid in extended:
        raise _invalid(f"it has two extended negotiations for {uid}")
    extended[uid] = bytes(item[2 + length :])


def _user_identity(item: memoryview) -> UserIdentity:
    """Type, whether a positive response is asked for, and two fields behind their lengths; the second is a passcode."""
    second = 4 + int.from_bytes(item[2:4], "big")
    passcode = second + 2
    if len(item) < passcode or len(item) != passcode + int.from_bytes(item[second:passcode], "big"):
        raise _invalid("the lengths of its user identity do not fit")
    if item[1] > 1:
        raise _invalid(f"its user identity asks for a positive response by {item[1]}, which is neither no (0) nor yes (1)")
    if len(item) > passcode and item[0] != _WITH_PASSCODE:
        raise _invalid(f"its user identity of type {item[0]} has a passcode")
    return UserIdentity(item[0], wants_response=item[1] == 1)


def _items(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    position = 0
    while position < len(view):
        left = len(view) - position - 4
        if left < 0:
            raise _invalid("an item is cut")
        kind, length = _ITEM.unpack_from(view, position)
        if length > left:
            raise _invalid(f"an item of type {kind:02X}H and {length} bytes stands where {left} are left")
        yield kind, view[position + 4 : position + 4 + length]
        position += 4 + length


def _text(value: memoryview | bytes) -> str:
    """ASCII without padding; what is not printable becomes "?"."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in bytes(value).strip(b" \0"))


def _invalid(problem: str) -> InvalidPdu:
    return InvalidPdu(f"the association request cannot be decoded: {problem}")


def accept(
    request: AssociateRequest,
    contexts: Sequence[NegotiatedContext],
    roles: Mapping[str, tuple[int, int]],
    extended: Mapping[str, bytes],
    *,
    maximum_length: int,
    implementation_class_uid: str,
    implementation_version: str,
) -> bytes:
    """The A-ASSOCIATE-AC PDU that answers `request`."""
    user = [
        _item(_MAXIMUM_LENGTH, maximum_length.to_bytes(4, "big")),
        _item(_IMPLEMENTATION_CLASS, implementation_class_uid.encode()),
        *(_role(uid, role) for uid, role in roles.items()),
        _item(_IMPLEMENTATION_VERSION, implementation_version.encode()),
        *(_item(_EXTENDED, len(uid).to_bytes(2, "big") + uid.encode() + accepted) for uid, accepted in extended.items()),
    ]
    items = [
        _item(_APPLICATION_CONTEXT, request.application_context.encode()),
        *(_item(_NEGOTIATED, bytes((cx.id, 0, cx.result, 0)) + _item(_TRANSFER, cx.transfer_syntax.encode())) for cx in contexts),
        _item(_USER, b"".join(user)),
    ]
    return framed(Kind.ASSOCIATE_AC, b"\0\1\0\0" + request.titles + bytes(32) + b"".join(items))


def request(
    called: str,
    calling: str,
    contexts: Sequence[ProposedContext],
    *,
    maximum_length: int,
    implementation_class_uid: str,
    implementation_version: str,
    roles: Mapping[str, tuple[int, int]] = MappingProxyType({}),
) -> bytes:
    """The A-ASSOCIATE-RQ PDU that proposes the contexts, and SCU and SCP roles for SOP classes (PS3.7 D.3.3.4).

    Raises UnicodeEncodeError for AE titles that are not ASCII.
    """
    user = [
        _item(_MAXIMUM_LENGTH, maximum_length.to_bytes(4, "big")),
        _item(_IMPLEMENTATION_CLASS, implementation_class_uid.encode()),
        *(_role(uid, role) for uid, role in roles.items()),
        _item(_IMPLEMENTATION_VERSION, implementation_version.encode()),
    ]
    proposed = [
        bytes((one.id, 0, 0, 0))
        + _item(_ABSTRACT, one.abstract_syntax.encode())
        + b"".join(_item(_TRANSFER, uid.encode()) for uid in one.transfer_syntaxes)
        for one in contexts
    ]
    items = [_item(_APPLICATION_CONTEXT, _DICOM), *(_item(_PROPOSED, one) for one in proposed), _item(_USER, b"".join(user))]
    titles = b"".join(title.encode("ascii").ljust(16)[:16] for title in (called, calling))
    return framed(Kind.ASSOCIATE_RQ, b"\0\1\0\0" + titles + bytes(32) + b"".join(items))


def _role(uid: str, role: tuple[int, int]) -> bytes:
    return _item(_ROLE, len(uid).to_bytes(2, "big") + uid.encode() + bytes(role))


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an A-ASSOCIATE-AC says: what became of the contexts, the peer's Maximum Length, the roles that it agrees to."""

    contexts: Sequence[NegotiatedContext]
    maximum_length: int
    roles: Mapping[str, tuple[int, int]]


def read_accept(body: bytes, proposed: Sequence[ProposedContext]) -> Accepted:
    """The answer to the proposed contexts in the body of an A-ASSOCIATE-AC. Raises InvalidPdu."""
    abstract = {context.id: context.abstract_syntax for context in proposed}
    contexts, answered = [], AssociateRequest(1, "", "", b"")
    for kind, value in _items(memoryview(body)[_FIXED:]):
        if kind == _NEGOTIATED:
            if len(value) < 4 or value[0] not in abstract:
                raise _invalid("a presentation context is cut, or was not proposed")
            chosen = next((_text(item) for sub_kind, item in _items(value[4:]) if sub_kind == _TRANSFER), "")
            contexts.append(NegotiatedContext(value[0], abstract[value[0]], chosen, value[2]))
        elif kind == _USER:
            _read_user_information(value, answered)
    return Accepted(contexts, answered.maximum_length, answered.roles)


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, len(value)) + value
