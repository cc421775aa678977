"""PDUs: cut from any stream, however it is chopped; made within the peer's limit; A-ASSOCIATE as pynetdicom reads and writes it."""

import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import build_context

from dimse import associate, pdu
from dimse.associate import NegotiatedContext
from dimse.negotiation import negotiate
from dimse.pdu import AbortReason, Framer, InvalidPdu, Kind, Packer
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, MODALITY_WORKLIST, VERIFICATION, Service
from dimse.strangers import NoDicom


def drained(framer: Framer) -> list[tuple[Kind, bytes]]:
    found = []
    while (complete := framer.next()) is not None:
        found.append(complete)
    return found


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=6), st.lists(st.integers(1, 40), min_size=1))
def test_pdus_come_out_whole_however_the_stream_is_cut(bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pdu.framed(Kind.P_DATA_TF, body) for body in bodies)
    framer, found, at, turn = Framer(100), [], 0, 0
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        framer.feed(stream[at : at + step])
        found += drained(framer)
        at, turn = at + step, turn + 1
    assert [body for _, body in found] == bodies
    assert framer.incomplete is None


@pytest.mark.parametrize(
    ("start", "words", "reason"),
    [
        (b"\x09", "not DICOM", AbortReason.UNRECOGNIZED_PDU),
        (struct.pack(">BBL", 4, 0, 101), "P-DATA-TF of 101 bytes is announced, at most 100", AbortReason.INVALID_PARAMETER),
        (struct.pack(">BBL", 1, 0, 2**32 - 1), "A-ASSOCIATE-RQ of 4294967295 bytes", AbortReason.INVALID_PARAMETER),
        (struct.pack(">BBL", 5, 0, 5), "A-RELEASE-RQ of 5 bytes", AbortReason.INVALID_PARAMETER),
        (struct.pack(">BBL", 7, 0, 3), "type 07H has 3 bytes instead of 4", AbortReason.INVALID_PARAMETER),
    ],
)
def test_a_header_that_cannot_be_one_is_refused_before_its_body(start: bytes, words: str, reason: AbortReason) -> None:
    framer = Framer(100)
    framer.feed(start)
    with pytest.raises(InvalidPdu, match=words) as refused:
        framer.next()
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("came", "kind"),
    [
        (b"\x0bMSH|^~", NoDicom.HL7),
        (b"GET / HTTP/1.1", NoDicom.HTTP),
        (b"PRI * HTTP/2.0", NoDicom.HTTP),
        (b"\x16\x03\x01", NoDicom.TLS),
        (b"SSH-2.0", NoDicom.SSH),
        (b"\x0bPID|1", NoDicom.OTHER),
        (b"GO away", NoDicom.OTHER),
    ],
)
def test_what_a_stranger_is_does_not_go_by_how_the_bytes_arrive(came: bytes, kind: NoDicom) -> None:
    framer = Framer(100)
    with pytest.raises(InvalidPdu) as refused:
        for byte in came:
            framer.feed(bytes([byte]))
            assert framer.next() is None
    assert refused.value.taken_for is kind


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "has no presentation data value"),
        (b"\0\0\0", "is cut"),
        (b"\0\0\0\x09\1\3ab", "of 9 bytes stands where 4 are left"),
        (b"\0\0\0\1\1\3", "of 1 bytes"),
        (b"\0\0\0\3\1\0a", "odd number"),
    ],
)
def test_presentation_data_values_that_do_not_fit_are_refused(body: bytes, words: str) -> None:
    with pytest.raises(InvalidPdu, match=words):
        pdu.pdvs(body)


@given(st.binary(min_size=2, max_size=300), st.binary(max_size=3000) | st.none(), st.sampled_from([0, 16, 64, 128, 16382]))
def test_messages_are_split_to_the_peers_maximum_and_pynetdicom_reads_them(command: bytes, data: bytes | None, maximum: int) -> None:
    sent = Packer(5, maximum).message(command, data)
    framer = Framer(maximum or 2**17)
    framer.feed(sent)
    read: dict[int, bytes] = {pdu.COMMAND: b"", 0: b""}
    for _, body in drained(framer):
        theirs = P_DATA_TF()
        theirs.decode(pdu.framed(Kind.P_DATA_TF, body))
        assert [item.context_id for item in theirs.presentation_data_value_items] == [5] * len(pdu.pdvs(body))
        for value in pdu.pdvs(body):
            read[value.control & pdu.COMMAND] += value.fragment
    assert read == {pdu.COMMAND: command, 0: data or b""}


def test_many_small_messages_are_joined_and_none_is_lost() -> None:
    data_sets = [bytes([number % 256]) * 700 for number in range(300)]
    pieces = list(Packer(1, 16382).messages(b"command!", data_sets))
    assert len(pieces) == 4
    framer = Framer(16382)
    framer.feed(b"".join(pieces))
    values = [pdu.pdvs(body) for _, body in drained(framer)]
    assert [bytes(data.fragment) for _, data in values] == data_sets


# --- A-ASSOCIATE --------------------------------------------------------------------------------------------------


def pynetdicoms_request(*, role: tuple[bool, bool] | None = None, identity: int = 0) -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID("1.2.840.10008.3.1.1.1")
    primitive.calling_ae_title, primitive.called_ae_title = "CT01", "STEPWISE"
    length, implementation, version = (
        MaximumLengthNotification(),
        ImplementationClassUIDNotification(),
        ImplementationVersionNameNotification(),
    )
    length.maximum_length_received = 16382
    implementation.implementation_class_uid = UID("1.2.3.4")
    version.implementation_version_name = "THEIRS_1"
    primitive.user_information = [length, implementation, version]
    if role:
        selection = SCP_SCU_RoleSelectionNegotiation()
        selection.sop_class_uid = UID(MODALITY_WORKLIST)
        selection.scu_role, selection.scp_role = role
        primitive.user_information.append(selection)
    if identity:
        user = UserIdentityNegotiation()
        user.user_identity_type, user.positive_response_requested, user.primary_field = identity, True, b"BOB"
        user.secondary_field = b"secret" if identity == 2 else b""
        primitive.user_information.append(user)
    contexts = [build_context(MODALITY_WORKLIST, [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN]), build_context("1.2.3")]
    for number, context in enumerate(contexts):
        context.context_id = 2 * number + 1
    primitive.presentation_context_definition_list = contexts
    theirs = A_ASSOCIATE_RQ()
    theirs.from_primitive(primitive)
    return bytes(theirs.encode()[6:])


OFFERED = {uid: Service(uid, "", {}) for uid in (MODALITY_WORKLIST, VERIFICATION)}


def answered(request: associate.AssociateRequest) -> A_ASSOCIATE_AC:
    negotiated = negotiate(request, OFFERED)
    theirs = A_ASSOCIATE_AC()
    theirs.decode(
        associate.accept(
            request,
            negotiated.contexts,
            negotiated.roles,
            negotiated.extended,
            maximum_length=2**17,
            implementation_class_uid="2.25.1",
            implementation_version="OURS",
        )
    )
    return theirs


def test_pynetdicoms_request_is_read_and_our_answer_understood() -> None:
    request = associate.read_request(pynetdicoms_request())
    assert (request.calling, request.called, request.application_context) == ("CT01", "STEPWISE", "1.2.840.10008.3.1.1.1")
    assert (request.maximum_length, request.implementation_class_uid, request.implementation_version) == (16382, "1.2.3.4", "THEIRS_1")
    assert [context.id for context in request.contexts] == [1, 3]
    answer = answered(request).to_primitive()
    assert (answer.calling_ae_title, answer.called_ae_title) == ("CT01", "STEPWISE")
    assert answer.maximum_length_received == 2**17
    results = {
        context.context_id: (context.result, context.transfer_syntax[0]) for context in answer.presentation_context_definition_results_list
    }
    assert results[1] == (0, EXPLICIT_VR_LITTLE_ENDIAN)
    assert results[3][0] == 3


@pytest.mark.parametrize(("proposed", "result"), [((True, True), 0), ((True, False), 0), ((False, True), 1)])
def test_a_requestor_may_be_scu_and_nothing_else(proposed: tuple[bool, bool], result: int) -> None:
    answer = answered(associate.read_request(pynetdicoms_request(role=proposed))).to_primitive()
    (role,) = [item for item in answer.user_information if isinstance(item, SCP_SCU_RoleSelectionNegotiation)]
    assert (role.scu_role, role.scp_role) == (proposed[0], False)
    assert answer.presentation_context_definition_results_list[0].result == result


@pytest.mark.parametrize(
    ("kind", "words"),
    [(1, "username"), (2, "username and passcode"), (3, "Kerberos ticket"), (4, "SAML assertion"), (5, "JSON web token")],
)
def test_that_a_user_identity_is_offered_is_kept_and_nothing_of_what_it_says(kind: int, words: str) -> None:
    request = associate.read_request(pynetdicoms_request(identity=kind))
    assert request.user_identity == associate.UserIdentity(kind, wants_response=True)
    assert request.user_identity.in_words == words
    assert not {"BOB", "secret"} & set(re.findall(r"\w+", repr(request)))
    assert b"\x59\0" not in bytes(answered(request).encode()[74:]), "none is confirmed"


@given(st.integers(0, 300), st.integers(0, 255))
def test_a_request_with_any_byte_changed_is_read_or_refused(at: int, byte: int) -> None:
    good = pynetdicoms_request(identity=2)
    changed = good[: at % len(good)] + bytes([byte]) + good[at % len(good) + 1 :]
    try:
        request = associate.read_request(changed)
    except InvalidPdu:
        return
    assert all(isinstance(context, NegotiatedContext) for context in negotiate(request, OFFERED).contexts)


def test_unknown_items_are_passed_over() -> None:
    extra = pynetdicoms_request() + struct.pack(">BBH", 0x77, 0, 3) + b"abc"
    assert associate.read_request(extra).calling == "CT01"


@pytest.mark.parametrize(
    ("offset", "byte", "words"),
    [
        (4, 2, "IDs are not odd and unique"),
        (4, 3, "IDs are not odd and unique"),
        (2, 0xFF, "stands where"),
        (3, 1, "is cut|stands where|has 0"),
    ],
)
def test_ids_that_are_even_or_twice_and_lengths_that_do_not_fit_are_refused(offset: int, byte: int, words: str) -> None:
    good = pynetdicoms_request()
    first_context = good.index(b"\x20\0", 68)
    at = first_context + offset
    with pytest.raises(InvalidPdu, match=words):
        associate.read_request(good[:at] + bytes([byte]) + good[at + 1 :])
