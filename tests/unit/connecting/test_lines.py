"""Each verdict of the checklist, by what was seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from dimse import statuses
from dimse.services import MODALITY_WORKLIST, VERIFICATION
from dimse.strangers import NoDicom
from ris.web.echoes import EchoSeen
from stepwise.connecting import lines, words
from stepwise.connecting.facts import Call, ChargeSeen, Evidence, MppsSeen, QuerySeen
from stepwise.connecting.line import in_the_end, proved
from stepwise.connecting.lines import ERROR, PASS, WAITING, WARNING, Line

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
CALL = UUID(int=1)
NOTHING = Evidence("CT01", ("STEPWISE",), listens="10.0.0.1 port 11112", plain_port=11112)
ACCEPTED = Call(CALL, AT, "CT01", "STEPWISE", "10.1.2.3")
REJECTED = replace(ACCEPTED, called="RIS", rejection="called AE title not recognized (1/1/7): called AE title 'RIS' is not served here")
ELSEWHERE = replace(ACCEPTED, rejection="calling AE title not recognized (1/1/3): 'CT01' may not call from 10.1.2.3; add it")
STRANGER = replace(
    ACCEPTED, calling="CTSCAN2", rejection="calling AE title not recognized (1/1/3): calling AE title 'CTSCAN2' is not known here"
)
TLS_HELLO = Call(
    CALL, AT, "", "", "10.1.2.3", note="not DICOM: the first bytes are 16 03 01 (looks like TLS; this port …)", taken_for="TLS"
)
QUERY = QuerySeen(AT, CALL, 4, 4, "CT01 asked at 10:00:00 and got 4 of 4")
EMPTY = replace(
    QUERY,
    got=0,
    said="CT01 asked and got 0 of 4: Modality = MR",
    advice="Correct the modality",
    explain="/stations/CT01/queries/?message=7",
)
OF_ANOTHER = replace(QUERY, got=7, of=1, said="CT01 asked and got 7", others=("CT02",))
TAKEN = MppsSeen(AT, CALL, 0, state="IN PROGRESS", performed=3, unknown=())
ENDED = replace(TAKEN, state="COMPLETED")
REFUSED = MppsSeen(AT, CALL, statuses.MISSING_ATTRIBUTE_VALUE, "PerformedStationAETitle (0040,0241) is empty")
CHARGE = ChargeSeen(5, "C00000005", "POSTED", "250.00 USD")


def proposing(result: str, *uids: str) -> Call:
    return replace(ACCEPTED, proposed=dict.fromkeys(uids, result))


@pytest.mark.parametrize(
    ("key", "seen", "look", "told"),
    [
        ("we_reach", {}, WAITING, "Where it answers"),
        ("we_reach", {"host": "ct01"}, WAITING, "Where it answers"),
        ("we_reach", {"host": "ct01", "port": 104}, WAITING, "Send one"),
        ("we_reach", {"host": "ct01", "port": 104, "echo": EchoSeen(AT, None, False, "ct01:104", "")}, WAITING, "under way"),
        ("we_reach", {"host": "ct01", "port": 104, "echo": EchoSeen(AT, AT, True, "ct01:104", "0000 Success, 11 ms")}, PASS, "11 ms"),
        ("we_reach", {"host": "ct01", "port": 104, "echo": EchoSeen(AT, AT, False, "ct01:104", "refused", "Open it")}, ERROR, "Open it"),
        ("reaches_us", {}, WAITING, "Send a C-ECHO from its console to STEPWISE at 10.0.0.1 port 11112"),
        ("reaches_us", {"only_local": True}, WARNING, "RIS_DICOM_BIND=0.0.0.0"),
        ("reaches_us", {"journal": False}, WARNING, "RIS_JOURNAL"),
        ("reaches_us", {"calls": (ACCEPTED,)}, PASS, "from 10.1.2.3"),
        ("reaches_us", {"calls": (replace(ACCEPTED, said=frozenset({"C-ECHO"})),)}, PASS, "C-ECHO received"),
        ("reaches_us", {"calls": (replace(ACCEPTED, secured="TLSv1.3, X, none"),)}, PASS, "called STEPWISE, over TLSv1.3, X, none."),
        (
            "reaches_us",
            {"calls": (replace(ACCEPTED, is_plain=True),), "tls_port": 2762},
            PASS,
            "called STEPWISE, without TLS; our port for",
        ),
        ("reaches_us", {"calls": (ACCEPTED,), "tls_port": 2762}, PASS, "called STEPWISE."),
        ("reaches_us", {"calls": (REJECTED,)}, ERROR, "It calls us RIS, and we are STEPWISE"),
        ("reaches_us", {"calls": (REJECTED, ACCEPTED)}, PASS, "It calls us RIS"),
        ("reaches_us", {"calls": (ELSEWHERE,), "addresses": ("10.9.9.9",)}, ERROR, "called from 10.1.2.3, and may call from 10.9.9.9 only"),
        ("reaches_us", {"calls": (REJECTED,), "titles": ("STEPWISE", "RIS")}, WAITING, "and is accepted now. Have it call again."),
        ("reaches_us", {"calls": (ELSEWHERE,), "addresses": ("10.9.9.9", "10.1.2.3")}, WAITING, "and is accepted now. Have it call again."),
        ("reaches_us", {"strangers": (TLS_HELLO,)}, ERROR, "no port for TLS"),
        ("reaches_us", {"strangers": (TLS_HELLO,), "tls_port": 2762}, ERROR, "our port for TLS, 2762"),
        ("reaches_us", {}, WAITING, "it calls another host or port, or a firewall is between us"),
        ("reaches_us", {"strangers": (replace(STRANGER, calling="ct01"),)}, WAITING, "ct01 called from 10.1.2.3: is it this one?"),
        (
            "reaches_us",
            {"calls": (ELSEWHERE,), "addresses": ("10.1.0.0/16",)},
            WAITING,
            "and is accepted now. Have it call again.",
        ),
        ("reaches_us", {"strangers": (replace(TLS_HELLO, address="10.9.9.9"),), "host": "10.1.2.3"}, WAITING, "Nothing heard yet"),
        ("reaches_us", {"strangers": (TLS_HELLO,), "host": "10.1.2.3"}, ERROR, "no port for TLS"),
        ("title", {}, WAITING, "to the letter"),
        ("title", {"strangers": (replace(STRANGER, address="10.9.9.9"),), "host": "10.1.2.3"}, WAITING, "to the letter"),
        ("title", {"strangers": (STRANGER,), "addresses": ("10.1.0.0/16",)}, ERROR, "Is it this one?"),
        ("title", {"calls": (ACCEPTED,), "host": "10.1.2.3"}, PASS, "from 10.1.2.3, as expected"),
        ("title", {"calls": (ACCEPTED,), "host": "ct01.example"}, PASS, "from 10.1.2.3."),
        ("title", {"calls": (ACCEPTED,), "host": "10.9.9.9"}, WARNING, "from 10.1.2.3, which is not its host 10.9.9.9"),
        ("title", {"calls": (ELSEWHERE,), "addresses": ("10.9.9.9",)}, WARNING, "which is not its address 10.9.9.9"),
        ("title", {"calls": (replace(ACCEPTED, address="10.8.8.8"), ACCEPTED), "host": "10.1.2.3"}, PASS, "not its host 10.1.2.3"),
        ("title", {"calls": (replace(ACCEPTED, calling="OLDCT"),)}, WARNING, "It is called CT01 here now: change its own AE title"),
        (
            "title",
            {"calls": (replace(REJECTED, calling="OLDCT"),), "host": "10.1.2.3", "addresses": ("10.9.8.7",)},
            WARNING,
            "from 10.1.2.3, which is not its address 10.9.8.7. That is its former one.",
        ),
        ("title", {"calls": (REJECTED,)}, PASS, "CT01, from 10.1.2.3"),
        ("title", {"strangers": (STRANGER,)}, ERROR, "CTSCAN2 called from 10.1.2.3 and was rejected as unknown. Is it this one?"),
        ("title", {"strangers": (replace(STRANGER, calling="ct01", rejection=""),)}, ERROR, "upper and lower case count"),
        ("title", {"strangers": (TLS_HELLO,)}, WAITING, "to the letter"),
        ("title", {"calls": (ACCEPTED,), "strangers": (replace(STRANGER, at=LATER),)}, PASS, "CTSCAN2 called from 10.1.2.3"),
        (
            "title",
            {"calls": (ACCEPTED,), "strangers": (replace(STRANGER, calling="ct01", address="10.8.8.8", at=LATER),)},
            PASS,
            "lower case",
        ),
        ("query", {}, WAITING, "Ask for the worklist"),
        ("query", {"calls": (proposing("accepted", VERIFICATION),)}, WAITING, "never proposed Modality Worklist, only Verification"),
        ("query", {"calls": (proposing("transfer syntaxes not supported", MODALITY_WORKLIST),)}, ERROR, "no transfer syntax"),
        ("query", {"calls": (proposing("user rejection", MODALITY_WORKLIST),)}, ERROR, "SCP role"),
        ("query", {"calls": (proposing("accepted", MODALITY_WORKLIST),)}, WAITING, "asked nothing"),
        ("query", {"queries": (QUERY,)}, PASS, "got 4 of 4"),
        ("query", {"queries": (replace(QUERY, has_test=True),), "test": "T261123-001"}, PASS, "T261123-001 was among them"),
        ("query", {"queries": (OF_ANOTHER,)}, ERROR, "asked for the list of CT02, not for its own, and got 7 exams of that. Set the Sched"),
        ("query", {"queries": (OF_ANOTHER, QUERY)}, PASS, "asked for the list of CT02"),
        ("query", {"queries": (QUERY, OF_ANOTHER)}, PASS, "got 4 of 4"),
        ("query", {"queries": (EMPTY,)}, ERROR, "Correct the modality"),
        ("query", {"queries": (EMPTY, QUERY)}, PASS, "Modality = MR"),
        ("query", {"queries": (replace(EMPTY, of=0, advice=""),)}, WARNING, "make a test exam"),
        ("query", {"queries": (replace(QUERY, got=None, failure="A900 …", said="was answered A900"),)}, ERROR, "A900"),
        ("query", {"queries": (replace(QUERY, got=None, said="has no answer yet"),)}, WARNING, "no answer yet"),
        ("create", {}, WAITING, "Start the test exam"),
        ("create", {"reports": False}, WARNING, "set not to report"),
        ("create", {"calls": (proposing("accepted", MODALITY_WORKLIST),)}, WAITING, "never proposed Modality Performed Procedure Step"),
        ("create", {"creates": (TAKEN,)}, PASS, "its exam is begun"),
        ("create", {"creates": (replace(TAKEN, notes=("The accession number differs.",)),)}, PASS, "accession number differs"),
        ("create", {"creates": (replace(TAKEN, notes=("Another study.",), wrong="Make none."),)}, WARNING, "Another study. Make none."),
        ("create", {"creates": (replace(TAKEN, notes=("Another study.",), wrong="Make none."), TAKEN)}, PASS, "Another study."),
        (
            "create",
            {"creates": (replace(TAKEN, lost=("step ID",)),)},
            PASS,
            "It did not bring back the step ID. Have it bring back the step ID",
        ),
        ("create", {"creates": (replace(TAKEN, unknown=("accession number X9",)),)}, WARNING, "It sent accession number X9"),
        ("create", {"creates": (REFUSED,)}, ERROR, "0121 Missing attribute value: PerformedStationAETitle"),
        ("create", {"creates": (REFUSED, TAKEN)}, PASS, "Refused, 0121"),
        ("set", {}, WAITING, "End the test exam"),
        ("set", {"creates": (TAKEN,)}, WAITING, "no N-SET has come since"),
        ("set", {"sets": (TAKEN,)}, WARNING, "none of its own had a final status"),
        ("set", {"sets": (ENDED,)}, PASS, "COMPLETED"),
        ("set", {"sets": (replace(REFUSED, status=statuses.NO_SUCH_SOP_INSTANCE),)}, ERROR, "the UID of its N-CREATE"),
        ("charge", {}, WAITING, "Nothing was performed"),
        ("charge", {"sets": (replace(ENDED, unknown=("accession number X9",)),)}, ERROR, "without an order"),
        ("charge", {"sets": (ENDED,), "uncharged": "SPS-2 is not done."}, WARNING, "SPS-2"),
        ("charge", {"charges": (CHARGE,)}, PASS, "is posted"),
        ("charge", {"charges": (replace(CHARGE, status="PENDING", error="no answer"),)}, PASS, "waits to be sent: no answer"),
        ("charge", {"charges": (replace(CHARGE, status="PENDING", held="Another patient"),)}, WARNING, "on hold: Another patient"),
        ("charge", {"charges": (replace(CHARGE, status="FAILED", error="AE"),)}, ERROR, "was not taken: AE"),
        ("charge", {"charges": (replace(CHARGE, status="VOID", is_test=True),)}, PASS, "nobody is sent it"),
        ("charge", {"charges": (replace(CHARGE, status="VOID", is_test=True, held="Another patient"),)}, WARNING, "Another patient"),
    ],
)
def test_what_was_seen_proves_the_line_or_says_what_was_wrong(key: str, seen: dict[str, object], look: str, told: str) -> None:
    line = _line(key, replace(NOTHING, **seen))  # type: ignore[arg-type]
    assert line.look == look
    assert told in f"{line.said} {line.next} {line.later}"


def _line(key: str, seen: Evidence) -> Line:
    return next(line for line in lines.lines(seen) if line.key == key)


def test_of_a_check_that_is_over_nothing_comes_next() -> None:
    over = [in_the_end(line) for line in lines.lines(NOTHING)]
    assert {(line.next, line.fixes) for line in over} == {("", ())}
    assert not [line for line in over if "yet" in line.said and line.key not in ("we_reach", "charge")]
    assert {line.said for line in over} >= {"Nothing was heard."}


def test_nothing_is_green_before_anything_was_heard() -> None:
    assert proved(lines.lines(NOTHING)) == 0


def test_what_can_be_put_right_here_has_a_button() -> None:
    kinds = {
        fix.kind
        for seen in (
            NOTHING,
            replace(NOTHING, host="ct01", port=104),
            replace(NOTHING, calls=(REJECTED,)),
            replace(NOTHING, calls=(ELSEWHERE,), addresses=("10.9.9.9",)),
            replace(NOTHING, strangers=(STRANGER,)),
            replace(NOTHING, queries=(replace(EMPTY, of=0),)),
        )
        for line in lines.lines(seen)
        for fix in line.fixes
    }
    assert kinds == {"settings", "echo", "accept", "allow", "stranger", "test"}


@pytest.mark.parametrize(
    ("key", "seen", "kinds"),
    [
        ("reaches_us", {"calls": (REJECTED, ACCEPTED)}, {"accept"}),
        ("title", {"calls": (ACCEPTED,), "strangers": (replace(STRANGER, at=LATER),)}, {"stranger"}),
        ("title", {"calls": (replace(ACCEPTED, calling="OLDCT", at=LATER), ACCEPTED)}, {"settings"}),
        ("query", {"queries": (OF_ANOTHER, QUERY)}, set()),
        ("query", {"queries": (replace(EMPTY, of=0), QUERY)}, {"test"}),
        ("create", {"creates": (REFUSED, TAKEN)}, {"settings"}),
        ("set", {"sets": (REFUSED, ENDED)}, {"settings"}),
    ],
)
def test_what_went_wrong_after_a_line_was_proved_comes_with_what_to_do(key: str, seen: dict[str, Any], kinds: set[str]) -> None:
    line = _line(key, replace(NOTHING, **seen))
    assert line.look == PASS and line.later and line.next
    assert {fix.kind for fix in line.fixes} == kinds


@pytest.mark.parametrize("sign", [one.sign for one in words.REJECTIONS])
def test_every_rejection_is_told_with_what_to_do(sign: str) -> None:
    line = _line("reaches_us", replace(NOTHING, calls=(replace(REJECTED, rejection=f"words {sign}: why"),), addresses=("10.9.9.9",)))
    assert line.look == ERROR and line.next and "{" not in line.next


def test_every_code_has_its_advice() -> None:
    assert set(words.NO_DICOM) == set(NoDicom)


@pytest.mark.parametrize("code", ["", *NoDicom])
def test_whatever_is_no_dicom_is_told_with_what_to_do(code: str) -> None:
    line = _line("reaches_us", replace(NOTHING, strangers=(replace(TLS_HELLO, taken_for=code),)))
    assert line.look == ERROR and line.next and "{" not in line.next


def test_an_association_that_never_became_one_proves_no_title() -> None:
    later = replace(TLS_HELLO, at=LATER)
    assert _line("title", replace(NOTHING, strangers=(later, STRANGER))).said.startswith("CTSCAN2")


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("Performed Procedure Step Object may no longer be updated", "that is over may not be changed"),
        ("Internal error (OperationalError), see the server's log", "The fault is here, not at the modality"),
        ("PatientName (0010,0010): 255 bytes announced, 3 left (byte 0)", "could not be decoded"),
    ],
)
@pytest.mark.parametrize(("key", "found"), [("create", "creates"), ("set", "sets")])
def test_what_to_do_about_0110_goes_by_its_error_comment(key: str, found: str, comment: str, said: str) -> None:
    refused = replace(REFUSED, status=statuses.PROCESSING_FAILURE, comment=comment)
    assert said in _line(key, replace(NOTHING, **{found: (refused,)})).next


@pytest.mark.parametrize("title", words.markdown())
def test_the_documentation_has_the_tables(title: str) -> None:
    told = Path("docs/connect.md").read_text(encoding="utf-8")
    assert f"## {title}\n\n{words.markdown()[title]}\n" in told
