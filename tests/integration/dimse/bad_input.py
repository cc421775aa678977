"""The bytes behind each row of docs/conformance.md, "What bad input gets": what is sent, by the row's words."""

import struct
from collections.abc import Callable

from pydicom.dataset import Dataset

from dimse.services import MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_WORKLIST, MPPS_RETRIEVE, VERIFICATION
from dimse.uids import new_uid
from tests.support import wire
from tests.support.dicom import EXPLICIT, encoded, worklist_query
from tests.support.mpps import a_create, a_reason, an_end
from tests.support.wire import (
    C_ECHO,
    C_FIND,
    DATA_SET,
    N_CREATE,
    N_DELETE,
    N_GET,
    N_SET,
    associate_rq,
    command,
    element,
    pdu,
    pdv,
    proposed,
)

MPPS = MODALITY_PERFORMED_PROCEDURE_STEP
BROKEN_FIND = "1.2.840.10008.5.1.4.32.1"
BROKEN_GET = "1.2.840.10008.5.1.4.34.6.3"
CONTEXTS = (
    b"".join(
        proposed(number, uid) for number, uid in ((1, VERIFICATION), (3, MODALITY_WORKLIST), (5, MPPS), (7, BROKEN_FIND), (9, BROKEN_GET))
    )
    + proposed(11, MODALITY_WORKLIST, EXPLICIT)
    + proposed(13, MPPS_RETRIEVE)
)
KEY = b"\x10\0\x10\0\0\0\0\0"  # PatientName, universal
MAX_PDU = 16384  # of the server
HUGE = 2**32 - 1


def role_selection(uid: str, scu: int, scp: int) -> bytes:
    return wire.item(0x54, struct.pack(">H", len(uid)) + uid.encode() + bytes((scu, scp)))


def extended_negotiation(uid: str, information: bytes, length: int | None = None) -> bytes:
    return wire.item(0x56, struct.pack(">H", len(uid) if length is None else length) + uid.encode() + information)


def user_identity(kind: int = 2, wants_response: int = 0, passcode: bytes = b"secret") -> bytes:
    fields = b"".join(struct.pack(">H", len(value)) + value for value in (b"BOB", passcode))
    return wire.item(0x58, bytes((kind, wants_response)) + fields)


def with_item_longer_than_the_request() -> bytes:
    return pdu(1, associate_rq()[6:] + struct.pack(">BBH", 0x77, 0, 500) + b"short")


REQUESTS: dict[str, bytes] = {
    "called AE title unknown": associate_rq(called="OTHER"),
    "calling AE title unknown": associate_rq("STRANGER"),
    "calling AE title of a station, from an address that is none of its own": associate_rq("AWAY"),
    "both AE titles unknown": associate_rq("STRANGER", "OTHER"),
    "refused by the policy for another reason": associate_rq("UNWANTED"),
    "the policy cannot be asked": associate_rq("BREAKS"),
    "application context name not 1.2.840.10008.3.1.1.1": associate_rq(application_context="1.2.840.10008.3.1.1.9"),
    "no application context": associate_rq(application_context=""),
    "protocol version without bit 0": associate_rq(version=2),
    "protocol version with bit 0 and others": associate_rq(version=3),
    "user identity offered (ignored, `RIS_DICOM_USER_IDENTITY=ignore`)": associate_rq(user_items=user_identity()),
    "user identity whose positive response is asked for (none is given)": associate_rq(user_items=user_identity(wants_response=1)),
    "user identity of a reserved type": associate_rq(user_items=user_identity(9, passcode=b"")),
    "user identity whose lengths do not fit": associate_rq(user_items=wire.item(0x58, b"\2\0\0\7BOB\0\6secret")),
    "user identity of a username with a passcode behind it": associate_rq(user_items=user_identity(1)),
    "user identity that asks for a positive response neither with 0 nor with 1": associate_rq(user_items=user_identity(wants_response=2)),
    "two user identities": associate_rq(user_items=user_identity() + user_identity()),
    "extended negotiation of the worklist": associate_rq(user_items=extended_negotiation(MODALITY_WORKLIST, b"\1\1\1\1")),
    "extended negotiation of another SOP class": associate_rq(user_items=extended_negotiation("1.2.3.4.5", b"\1")),
    "extended negotiation whose lengths do not fit": associate_rq(user_items=extended_negotiation(MODALITY_WORKLIST, b"\1", 500)),
    "extended negotiation without SOP class": associate_rq(user_items=extended_negotiation("", b"\1\1\1")),
    "two extended negotiations of one SOP class": associate_rq(user_items=extended_negotiation(MODALITY_WORKLIST, b"\1\1\1") * 2),
    "unknown abstract syntax": associate_rq(contexts=proposed(1, "1.2.3.4.5")),
    "no common transfer syntax": associate_rq(contexts=proposed(1, VERIFICATION, "1.2.840.10008.1.2.4.50")),
    "a role selection that leaves the requestor no SCU": associate_rq(user_items=role_selection(VERIFICATION, 0, 1)),
    "unknown items": associate_rq(user_items=wire.item(0x77, b"what is this?")),
    "an even presentation context ID": associate_rq(contexts=proposed(2, VERIFICATION)),
    "a presentation context ID twice": associate_rq(contexts=proposed(1, VERIFICATION) + proposed(1, MPPS)),
    "an item longer than the request": with_item_longer_than_the_request(),
    "a request shorter than its fixed part": pdu(1, b"\0\1" + bytes(40)),
    "a request announced as 4 GiB": struct.pack(">BBL", 1, 0, HUGE),
    "a request that is never completed": associate_rq()[:100],
    "nothing at all": b"",
    "HTTP before the association": b"GET / HTTP/1.1\r\nHost: ris\r\n\r\n",
    "TLS on the port without TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an unknown PDU type before the association": pdu(9, bytes(10)),
    "P-DATA-TF before the association": wire.echo(),
    "A-RELEASE-RQ before the association": wire.RELEASE_RQ,
    "A-ASSOCIATE-AC before the association": pdu(2, bytes(80)),
    "A-ABORT before the association": wire.ABORT,
    "P-DATA-TF behind an association request that is not answered yet": associate_rq() + wire.echo(),
}
"""Sent on a new connection."""


def find(data: bytes = KEY, context: int = 3) -> bytes:
    return wire.message(context, command(C_FIND, sop_class=MODALITY_WORKLIST, data_set=DATA_SET), data)


def identifier(**root: object) -> bytes:
    return find(encoded(worklist_query(**root)))


def step_asked(**keys: object) -> bytes:
    query = worklist_query()
    for keyword, value in keys.items():
        setattr(query.ScheduledProcedureStepSequence[0], keyword, value)
    return find(encoded(query))


def two_steps_asked() -> bytes:
    query = worklist_query()
    query.ScheduledProcedureStepSequence.append(Dataset())
    return find(encoded(query))


def create(data: bytes, instance: str | None = "", message_id: int = 1) -> bytes:
    uid = new_uid() if instance == "" else instance
    return wire.message(5, command(N_CREATE, message_id, sop_class=MPPS, instance=uid, data_set=DATA_SET), data)


def created(**changes: object) -> bytes:
    return create(encoded(a_create(**changes)))


def begun() -> tuple[str, bytes]:
    """The UID of a performed step and the N-CREATE that begins it."""
    uid = new_uid()
    return uid, create(encoded(a_create()), uid)


def modify(uid: str | None, data: bytes | None, message_id: int = 2) -> bytes:
    return wire.message(5, command(N_SET, message_id, sop_class=MPPS, instance=uid, data_set=DATA_SET if data else wire.NO_DATA_SET), data)


def half_a_tag() -> bytes:
    asked = command(N_GET, sop_class=MPPS_RETRIEVE, instance="2.25.1", extra=element(0x1005, bytes(6)))
    return wire.message(13, asked)


def begun_and_modified(data: bytes | None) -> bytes:
    uid, begin = begun()
    return begin + modify(uid, data)


def changed_patient() -> bytes:
    change = Dataset()
    change.PatientID = "SOMEBODY-ELSE"
    return encoded(change)


def undecodable_text() -> bytes:
    return b"\x40\0\x54\x02\x08\0\0\0CT \xff\xfe\xfd k"  # PerformedProcedureStepDescription in what was declared as UTF-8


def ended_twice() -> bytes:
    uid, begin = begun()
    end = encoded(an_end("DISCONTINUED", PerformedProcedureStepDiscontinuationReasonCodeSequence=[a_reason("110514", "Wrong step")]))
    return begin + modify(uid, end) + modify(uid, end, 3)


def twice_created() -> bytes:
    uid, begin = begun()
    return begin + create(encoded(a_create()), uid, 2)


def echo(**changes: object) -> bytes:
    return wire.message(1, command(C_ECHO, **{"sop_class": VERIFICATION, **changes}))


ECHO_ELEMENTS = (element(0x0002, VERIFICATION), element(0x0100, C_ECHO), element(0x0110, 1), element(0x0800, wire.NO_DATA_SET))


def of_elements(*elements: bytes) -> bytes:
    return wire.message(1, b"".join(elements))


def group_length_wrong() -> bytes:
    return of_elements(element(0, struct.pack("<L", 9)), *ECHO_ELEMENTS)


ASSOCIATED: dict[str, Callable[[], bytes]] = {
    "an unknown PDU type": lambda: pdu(9, bytes(10)),
    "a second A-ASSOCIATE-RQ": lambda: associate_rq(),
    "a second A-ASSOCIATE-RQ that cannot be decoded": lambda: pdu(1, b"rubbish!"),
    "A-ASSOCIATE-AC in an association": lambda: pdu(2, bytes(80)),
    "A-ASSOCIATE-RJ in an association": lambda: pdu(3, bytes(4)),
    "A-RELEASE-RP without a release": lambda: wire.RELEASE_RP,
    "A-RELEASE-RQ of five bytes": lambda: pdu(5, bytes(5)),
    "A-ABORT": lambda: wire.ABORT,
    "a P-DATA-TF longer than the Maximum Length": lambda: pdu(4, pdv(1, 1, bytes(MAX_PDU))),
    "a P-DATA-TF announced as 4 GiB": lambda: struct.pack(">BBL", 4, 0, HUGE),
    "a P-DATA-TF without presentation data value": lambda: pdu(4, b""),
    "a presentation data value longer than its PDU": lambda: pdu(4, struct.pack(">LBB", 100, 1, 3) + bytes(20)),
    "a presentation data value too short for its header": lambda: pdu(4, struct.pack(">LBB", 1, 1, 3)),
    "a fragment of odd length that others follow": lambda: pdu(4, pdv(1, 1, bytes(3))),
    "a presentation context that was not accepted": lambda: wire.message(99, command(C_ECHO, sop_class=VERIFICATION)),
    "a fragment of another context in the middle of a message": lambda: find()[: -len(KEY) - 12] + pdu(4, pdv(5, 2, KEY)),
    "a data set without a command that announces it": lambda: pdu(4, pdv(3, 2, KEY)),
    "a command where a data set was announced": lambda: find()[: -len(KEY) - 12] + find(),
    "a data set longer than the limit of a message": lambda: find()[: -len(KEY) - 12] + pdu(4, pdv(3, 0, bytes(16000))) * 8,
    "a PDU that is never completed": lambda: find()[:30],
    "a message that is never completed": lambda: find()[: -len(KEY) - 12],
    "Command Field missing": lambda: wire.message(1, command(None, sop_class=VERIFICATION)),
    "Command Field unknown (7777H)": lambda: wire.message(1, command(0x7777, sop_class=VERIFICATION)),
    "Command Data Set Type missing": lambda: echo(data_set=None),
    "Message ID missing": lambda: wire.message(1, command(C_ECHO, None, sop_class=VERIFICATION)),
    "Message ID of one byte": lambda: of_elements(*ECHO_ELEMENTS[:2], element(0x0110, b"\1"), ECHO_ELEMENTS[3]),
    "elements out of order": lambda: of_elements(*reversed(ECHO_ELEMENTS)),
    "an element of another group": lambda: of_elements(*ECHO_ELEMENTS, element(0x0010, "AB", group=0x10)),
    "an element longer than the command": lambda: of_elements(*ECHO_ELEMENTS, struct.pack("<HHL", 0, 0x0902, 500)),
    "Command Group Length wrong": group_length_wrong,
    "random bytes as a command": lambda: of_elements(b"\x93\x11\x07\xff\x00\x01\x55\xaa" * 3),
    "Affected SOP Class UID missing (C-FIND)": lambda: wire.message(3, command(C_FIND, data_set=DATA_SET), KEY),
    "Affected SOP Class UID missing (N-CREATE)": lambda: wire.message(5, command(N_CREATE, instance="2.25.1", data_set=DATA_SET), KEY),
    "Requested SOP Class UID missing (N-SET)": lambda: wire.message(5, command(N_SET, instance="2.25.1", data_set=DATA_SET), KEY),
    "Requested SOP Instance UID missing (N-SET)": lambda: modify(None, KEY),
    "Affected SOP Instance UID missing (N-CREATE): a UID is assigned": lambda: create(encoded(a_create()), None),
    "Affected SOP Instance UID 1.2.abc (N-CREATE)": lambda: create(encoded(a_create()), "1.2.abc"),
    "Affected SOP Instance UID of 70 characters (N-CREATE)": lambda: create(encoded(a_create()), "1." * 34 + "12"),
    "Requested SOP Instance UID 1.2.abc (N-SET)": lambda: modify("1.2.abc", encoded(an_end())),
    "Priority missing (C-FIND)": lambda: find(encoded(worklist_query(PatientID="NOBODY"))),
    "SOP class not served, C service": lambda: echo(sop_class="1.2.3.4.5"),
    "SOP class not served, N service": lambda: wire.message(5, command(N_SET, sop_class="1.2.3.4", instance="2.25.1")),
    "SOP class not that of the presentation context, C service": lambda: wire.message(3, command(C_ECHO, sop_class=VERIFICATION)),
    "SOP class not that of the presentation context, N service": lambda: wire.message(3, command(N_SET, sop_class=MPPS, instance="2.25.1")),
    "SOP class malformed (1.2.abc)": lambda: echo(sop_class="1.2.abc"),
    "N-DELETE on the MPPS class": lambda: wire.message(5, command(N_DELETE, sop_class=MPPS, instance="2.25.1")),
    "C-ECHO on the MPPS class": lambda: wire.message(5, command(C_ECHO, sop_class=MPPS)),
    "C-STORE on the worklist class": lambda: wire.message(3, command(1, sop_class=MODALITY_WORKLIST, data_set=DATA_SET), KEY),
    "N-GET on the MPPS class": lambda: wire.message(5, command(N_GET, sop_class=MPPS, instance="2.25.1")),
    "N-CREATE on the MPPS Retrieve class": lambda: wire.message(13, command(N_CREATE, sop_class=MPPS_RETRIEVE, instance="2.25.1")),
    "Requested SOP Instance UID missing (N-GET)": lambda: wire.message(13, command(N_GET, sop_class=MPPS_RETRIEVE)),
    "Requested SOP Instance UID 1.2.abc (N-GET)": lambda: wire.message(13, command(N_GET, sop_class=MPPS_RETRIEVE, instance="1.2.abc")),
    "N-GET with a data set": lambda: wire.message(13, command(N_GET, sop_class=MPPS_RETRIEVE, instance="1", data_set=DATA_SET), KEY),
    "N-GET whose Attribute Identifier List is no whole number of tags": half_a_tag,
    "C-ECHO with a data set": lambda: wire.message(1, command(C_ECHO, sop_class=VERIFICATION, data_set=DATA_SET), KEY),
    "C-CANCEL for no outstanding request": lambda: wire.message(3, command(wire.C_CANCEL, None, responds_to=99)),
    "a response to no request": lambda: wire.message(1, command(C_ECHO | 0x8000, None, responds_to=1)),
    "N-CREATE without data set": lambda: wire.message(5, command(N_CREATE, sop_class=MPPS, instance=new_uid())),
    "N-SET without data set": lambda: begun_and_modified(None),
    "C-FIND without Identifier": lambda: wire.message(3, command(C_FIND, sop_class=MODALITY_WORKLIST)),
    "Identifier: an element longer than what is left": lambda: find(b"\x10\0\x10\0\x20\0\0\0DOE^JANE"),
    "Identifier: half an element's header": lambda: find(KEY + b"\x10\0\x20\0"),
    "Identifier: an odd length": lambda: find(b"\x10\0\x10\0\x07\0\0\0DOE^JAN"),
    "Identifier: tags out of order": lambda: find(b"\x10\0\x20\0\0\0\0\0" + KEY),
    "Identifier: an element twice": lambda: find(KEY + KEY),
    "Identifier: a command element": lambda: find(element(0x0100, 0x20) + KEY),
    "Identifier: rubbish behind the last element": lambda: find(KEY + b"\x01\x02\x03\x04\x05\x06"),
    "Identifier: a sequence without its end": lambda: find(b"\x40\0\0\1\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0"),
    "Identifier: an item delimiter outside of a sequence": lambda: find(KEY + b"\xfe\xff\x0d\xe0\0\0\0\0"),
    "Identifier: random bytes": lambda: find(b"\x93\x11\x07\xff\x00\x01\x55\xaa\x12\x34"),
    "Identifier: Explicit VR in a context of Implicit VR": lambda: find(encoded(worklist_query(), EXPLICIT)),
    "Identifier: Implicit VR in a context of Explicit VR": lambda: find(encoded(worklist_query(PatientID="P")), context=11),
    "Identifier: NUL bytes behind the last element": lambda: find(KEY + bytes(12)),
    "Identifier: unsupported and private keys": lambda: find(KEY + b"\x10\0\x10\x21\0\0\0\0" + b"\x11\0\x10\0\x04\0\0\0OURS"),
    "Identifier: without ScheduledProcedureStepSequence": lambda: find(KEY),
    "Identifier: QueryRetrieveLevel (ignored)": lambda: identifier(QueryRetrieveLevel="WORKLIST"),
    "Identifier: ScheduledProcedureStepSequence with two Items (the first counts)": two_steps_asked,
    "Identifier: a date that is none (2026-01-05x)": lambda: step_asked(ScheduledProcedureStepStartDate="2026-01-05x"),
    "Identifier: a time that is none": lambda: step_asked(ScheduledProcedureStepStartTime="half past"),
    "Identifier: an unknown character set (the default repertoire is taken)": lambda: find(b"\x08\0\x05\0\x06\0\0\0KLINGO" + KEY),
    "N-CREATE: a value longer than what is left": lambda: create(b"\x40\0\x52\x02\x10\0\0\0IN PROGRESS "),
    "N-SET: a value longer than what is left": lambda: begun_and_modified(b"\x40\0\x52\x02\xff\0\0\0COMPLETED "),
    "N-CREATE: random bytes": lambda: create(b"\x93\x11\x07\xff\x00\x01\x55\xaa\x12\x34"),
    "N-CREATE: Explicit VR in a context of Implicit VR": lambda: create(encoded(a_create(), EXPLICIT)),
    "N-CREATE: an attribute missing": lambda: created(PerformedStationAETitle=None),
    "N-CREATE: no Item in ScheduledStepAttributesSequence": lambda: created(ScheduledStepAttributesSequence=[]),
    "N-CREATE: a value that is not allowed": lambda: created(PerformedProcedureStepStatus="BEGUN"),
    "N-CREATE: a SOP instance that exists already": twice_created,
    "N-SET: an attribute that may not be changed": lambda: begun_and_modified(changed_patient()),
    "N-SET: an unknown SOP instance": lambda: modify(new_uid(), encoded(an_end())),
    "N-SET: a performed step that is final": ended_twice,
    'N-SET: text its character set does not know ("?" stands for it, with a finding)': lambda: begun_and_modified(undecodable_text()),
    "a handler that fails, C-FIND": lambda: wire.message(7, command(C_FIND, sop_class=BROKEN_FIND, data_set=DATA_SET), KEY),
    "a handler that fails, N-GET": lambda: wire.message(9, command(N_GET, sop_class=BROKEN_GET, instance="2.25.1")),
}
"""Sent in an association of CT01 with CONTEXTS."""

SEVERAL_ANSWERS = {
    "N-SET without data set": 2,
    "N-SET: a value longer than what is left": 2,
    "N-CREATE: a SOP instance that exists already": 2,
    "N-SET: an attribute that may not be changed": 2,
    "N-SET: a performed step that is final": 3,
    'N-SET: text its character set does not know ("?" stands for it, with a finding)': 2,
}
"""Rows whose message comes after others: how many are answered. Those before must succeed."""
