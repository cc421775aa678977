"""What the charge processor takes, and with which words it refuses the rest."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.charge_processor.intake import RejectedError, acknowledge, read_header, read_message
from billing.errors import Refused
from billing.hl7 import build
from billing.hl7_answers import read_ack
from tests.unit.billing.test_hl7 import MESSAGE

GOOD = build(MESSAGE).encode()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_our_own_message_is_read_in_full() -> None:
    message = read_message(GOOD)
    assert (message.control_id, message.patient_id, message.account) == ("C00000042", "4811718", "88-1043")
    assert message.patient_name.startswith("TANAKA^Hanako")
    first, second = message.postings
    assert (first.transaction_id, first.kind, first.code, first.scheme) == ("C00000042-01", "CG", "71260", "C4")
    assert (first.meaning, first.modifiers, first.accession) == ("CT chest with contrast", ("52", "LT"), "F-14")
    assert (first.quantity, first.amount, second.quantity, second.amount) == (1, 620, Decimal("12.5"), 25)


@pytest.mark.parametrize(
    ("old", "new", "code", "text"),
    [
        ("DFT^P03", "ORM^O01", "AR", "ORM^O01 is not taken"),
        ("|P|2.3.1|", "|P|3.0|", "AR", "'3.0'"),
        ("UNICODE UTF-8", "KS X 1001", "AE", "MSH-18"),
        ("|C00000042|", "||", "AE", "MSH-10"),
        ("\rEVN|", "\rZZZ|", "AE", "EVN is missing"),
        ("\rPID|", "\rZZZ|", "AE", "PID is missing"),
        ("\rFT1|", "\rZZZ|", "AE", "FT1 is missing"),
        ("\rPV1|1", "\rPR1|1", "AE", "PR1 follows PID"),
        ("4811718^^^NB^PI", "", "AE", "PID-3"),
        ("|CG|", "|XX|", "AE", "'XX'"),
        ("|71260^CT chest with contrast^C4|CT", "||CT", "AE", "FT1-7"),
        ("||20261123093000-0500|", "|||", "AE", "FT1-4"),
        ("|12.5|", "|many|", "AE", "FT1-10"),
        ("|25.00&USD|", "|NaN&USD|", "AE", "FT1-11"),
        ("|25.00&USD|", "|1e300&USD|", "AE", "FT1-11 is 1e300; 10,000,000,000 and more"),
    ],
)
def test_wrong_message_is_refused_with_its_fault(old: str, new: str, code: str, text: str) -> None:
    assert old in GOOD.decode()
    with pytest.raises(RejectedError, match=re.escape(text)) as caught:
        read_message(GOOD.decode().replace(old, new).encode())
    assert caught.value.code == code


def test_latin_1_message_is_read_when_msh_18_says_so() -> None:
    text = GOOD.decode().replace("TANAKA^Hanako", "MÜLLER^Jürgen").replace("UNICODE UTF-8", "8859/1")
    text = text.replace("~田中^花子^^^^^L^I~たなか^はなこ^^^^^L^P", "")
    assert read_message(text.encode("latin-1")).patient_name.startswith("MÜLLER^Jürgen")


def test_bytes_that_are_not_in_the_declared_character_set_are_refused() -> None:
    with pytest.raises(RejectedError, match="not UNICODE UTF-8"):
        read_message(GOOD.replace("田".encode(), b"\xff\xfe"))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_intake(data: bytes) -> None:
    for prefix in (b"", b"MSH|^~\\&|", GOOD[:90], GOOD[:-40]):
        read_header(prefix + data)
        try:
            read_message(prefix + data)
        except RejectedError as error:
            assert error.code in ("AE", "AR")
            assert error.args[0]


def test_acknowledgement_exchanges_the_parties_and_is_read_by_the_sender() -> None:
    header = read_header(GOOD)
    data = acknowledge(header, "AA", "", NOW, "A1")
    assert data.startswith(b"MSH|^~\\&|CHARGES|NORTHBRIDGE|STEPWISE|NORTHBRIDGE|20261123120000+0000||ACK^P03|A1|P|2.3.1|")
    assert read_ack(data, "C00000042").code == "AA"


def test_text_of_a_refusal_survives_its_delimiters() -> None:
    data = acknowledge(read_header(GOOD), "AE", "a | b & c", NOW, "A1")
    with pytest.raises(Refused, match=re.escape("a | b & c")):
        read_ack(data, "C00000042")
