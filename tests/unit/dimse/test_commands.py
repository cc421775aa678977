"""Command sets: what we write is what pynetdicom reads, and the other way round; what is none is refused in words."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import dimse_messages
from pynetdicom.dimse_primitives import C_FIND, N_GET
from pynetdicom.pdu_primitives import P_DATA

from dimse.commands import COMMAND_FIELDS, Response, UndecodableCommand, encode_response, read_command


def element(number: int, value: bytes, group: int = 0) -> bytes:
    return struct.pack("<HHL", group, number, len(value)) + value


ECHO = element(0x0002, b"1.2.840.10008.1.1\0") + element(0x0100, b"\x30\0") + element(0x0110, b"\1\0") + element(0x0800, b"\1\1")


@pytest.mark.parametrize("verb", COMMAND_FIELDS)
def test_our_responses_are_read_by_pynetdicom_as_they_are_meant(verb: str) -> None:
    response = Response(
        verb=verb,
        message_id=7,
        status=0x0110,
        sop_class_uid="1.2.3",
        sop_instance_uid="2.25.4",
        comment="no disk",
        error_id=0xA710,
        offending=(0x00100010, 0x00400252),
    )
    command = encode_response(response, with_data_set=False)
    primitive = P_DATA()
    primitive.presentation_data_value_list.append((1, b"\x03" + command))
    message = dimse_messages.DIMSEMessage()
    assert message.decode_msg(primitive)
    read = message.command_set
    assert message.__class__.__name__ == verb.replace("-", "_") + "_RSP"
    assert read.CommandGroupLength == len(command) - 12
    assert (read.MessageIDBeingRespondedTo, read.Status, read.ErrorComment) == (7, 0x0110, "no disk")
    assert read.AffectedSOPClassUID == "1.2.3"
    tags = read.OffendingElement if verb.startswith("C-") else read.AttributeIdentifierList
    assert list(tags) == [0x00100010, 0x00400252]
    assert ("ErrorID" in read) is not verb.startswith("C-")


def written_by_pynetdicom(primitive: C_FIND | N_GET) -> bytes:
    message = getattr(dimse_messages, type(primitive).__name__ + "_RQ")()
    message.primitive_to_message(primitive)
    return b"".join(value[1:] for pdata in message.encode_msg(1, 0) for _, value in pdata.presentation_data_value_list if value[0] & 1)


def test_pynetdicoms_requests_are_read_as_they_are_meant() -> None:
    from io import BytesIO

    find, get = C_FIND(), N_GET()
    find.MessageID, find.AffectedSOPClassUID, find.Priority, find.Identifier = 9, "1.2.3", 2, BytesIO(b"ab")
    get.MessageID, get.RequestedSOPClassUID, get.RequestedSOPInstanceUID = 10, "1.2.4", "1.2.5"
    get.AttributeIdentifierList = [0x00400252, 0x00100010]
    asked = read_command(written_by_pynetdicom(find))
    assert (asked.verb, asked.message_id, asked.sop_class_uid, asked.has_data_set) == ("C-FIND", 9, "1.2.3", True)
    got = read_command(written_by_pynetdicom(get))
    assert (got.verb, got.sop_class_uid, got.sop_instance_uid, got.has_data_set) == ("N-GET", "1.2.4", "1.2.5", False)
    assert set(got.attribute_identifiers) == {0x00400252, 0x00100010}


def test_an_operation_that_does_not_exist_is_called_by_its_number_and_answered_with_it() -> None:
    read = read_command(ECHO.replace(element(0x0100, b"\x30\0"), element(0x0100, b"\x77\x77")))
    assert read.verb == "7777H"
    answer = encode_response(Response(verb=read.verb, message_id=1, status=0x0211), with_data_set=False)
    assert element(0x0100, b"\x77\xf7") in answer


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no Command Field"),
        (ECHO[:-3], "has 2 bytes where 0 are left|bytes are left"),
        (element(0x0100, b"\x30\0"), "C-ECHO has no Command Data Set Type"),
        (element(0x0100, b"\x30") + element(0x0800, b"\1\1"), r"\(0000,0100\) of a command has 1 bytes instead of 2"),
        (element(0x0100, b"\x30\0") * 2, "out of order"),
        (element(0x0110, b"\1\0") + element(0x0100, b"\x30\0"), "out of order"),
        (element(0x0010, b"AB", group=0x10), "does not belong in a command"),
        (element(0x0000, b"\0\0\0\0") + ECHO, "Command Group Length is wrong"),
        (ECHO + element(0x1005, b"\0\0"), "Attribute Identifier List"),
        (struct.pack("<HHL", 0, 0x0100, 0xFFFFFFFF) + b"\x30\0", "4294967295 bytes where 2 are left"),
    ],
)
def test_what_is_no_command_set_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(UndecodableCommand, match=words):
        read_command(data)


@given(
    st.binary(max_size=200)
    | st.builds(lambda at, byte: ECHO[:at] + bytes([byte]) + ECHO[at + 1 :], st.integers(0, 60), st.integers(0, 255))
)
def test_any_bytes_are_a_command_set_or_refused(data: bytes) -> None:
    try:
        command = read_command(data)
    except UndecodableCommand:
        return
    assert 0 <= command.field <= 0xFFFF
