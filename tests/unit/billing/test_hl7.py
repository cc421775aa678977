"""The DFT^P03 that leaves, and the acknowledgement that comes back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import hl7 as library
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import Garbled, Refused
from billing.hl7 import ChargeMessage, Line, Party, Patient, Person, Visit, build, escape, person_name, timestamp, transaction_id
from billing.hl7_answers import field, read_ack, unescape

EASTERN = timezone(-timedelta(hours=5))
MESSAGE = ChargeMessage(
    control_id="C00000042",
    kind="CG",
    sent_at=datetime(2026, 11, 23, 10, 41, 7, tzinfo=EASTERN),
    service_at=datetime(2026, 11, 23, 9, 30, tzinfo=EASTERN),
    sender=Party("STEPWISE", "NORTHBRIDGE"),
    receiver=Party("CHARGES", "NORTHBRIDGE"),
    patient=Patient("4811718", "NB", "TANAKA^Hanako=田中^花子=たなか^はなこ", date(1984, 5, 31), "F", "88-1043"),
    visit=Visit("I", "WARD 3", "V-7", referring=Person("MOTH^Ann^^Dr.^PhD", "R1")),
    lines=(
        Line("71260", "C4", "CT chest with contrast", Decimal(1), ("52", "LT"), Decimal("620.00")),
        Line("A9579", "HCPCS", "Contrast, per ml", Decimal("12.50"), (), Decimal("2")),
    ),
    accession_number="A261123-014",
    filler_order_number="F-14",
    station="CT1",
    station_name="CT room 1",
    performed_by=(Person("WEBER^Jan"), Person("LIU^Mei")),
    ordered_by=Person("MOTH^Ann", "R1"),
)


def segments(message: ChargeMessage = MESSAGE) -> dict[str, list[library.Segment]]:
    found: dict[str, list[library.Segment]] = {}
    for segment in library.parse(build(message)):
        found.setdefault(str(segment[0]), []).append(segment)
    return found


def test_segments_stand_in_the_order_of_the_2_3_1_structure() -> None:
    text = build(MESSAGE)
    assert [line[:3] for line in text.split("\r")[:-1]] == ["MSH", "EVN", "PID", "PV1", "FT1", "PR1", "FT1", "PR1"]
    assert text.endswith("\r")


def test_header_names_message_control_id_version_and_character_set() -> None:
    assert build(MESSAGE).split("\r")[0] == (
        "MSH|^~\\&|STEPWISE|NORTHBRIDGE|CHARGES|NORTHBRIDGE|20261123104107-0500||DFT^P03|C00000042|P|2.3.1||||||UNICODE UTF-8"
    )


def test_patient_and_visit_are_identified() -> None:
    pid, pv1 = segments()["PID"][0], segments()["PV1"][0]
    assert (field(pid, 3, 1), field(pid, 3, 4), field(pid, 7), field(pid, 8), field(pid, 18)) == (
        "4811718",
        "NB",
        "19840531",
        "F",
        "88-1043",
    )
    assert (field(pv1, 2), field(pv1, 3), field(pv1, 19)) == ("I", "WARD 3", "V-7")
    assert str(pv1[8]) == "R1^MOTH^Ann^^PhD^Dr."


def test_unknown_sex_and_class_are_sent_as_u_and_o() -> None:
    bare = segments(replace(MESSAGE, patient=Patient("1", "", "DOE"), visit=Visit()))
    assert (field(bare["PID"][0], 8), field(bare["PV1"][0], 2)) == ("U", "O")


def test_each_line_is_one_transaction_with_its_own_short_id() -> None:
    first, second = segments()["FT1"]
    assert [field(first, n) for n in (1, 2, 4, 6, 10)] == ["1", "C00000042-01", "20261123093000-0500", "CG", "1"]
    assert [field(second, n) for n in (1, 2, 10)] == ["2", "C00000042-02", "12.5"]
    assert len(field(second, 2)) <= 12
    assert str(first[7]) == str(first[25]) == "71260^CT chest with contrast^C4"
    assert str(first[26]) == "52~LT"
    assert (str(second[11]), str(second[12])) == ("25.00&USD", "2.00&USD")
    assert str(first[20]) == "^WEBER^Jan~^LIU^Mei"
    assert (field(first, 23, 1), field(first, 13, 1), str(first[21])) == ("F-14", "CT1", "R1^MOTH^Ann")


def test_procedure_segment_holds_code_time_functional_type_and_modifiers() -> None:
    procedure = segments()["PR1"][0]
    assert [str(procedure[n]) for n in (1, 3, 5, 6, 16)] == ["1", "71260^CT chest with contrast^C4", "20261123093000-0500", "D", "52~LT"]


def test_line_without_a_price_leaves_the_amounts_empty() -> None:
    (transaction,) = segments(replace(MESSAGE, lines=(Line("1", "L", "x"),)))["FT1"]
    assert (field(transaction, 11), field(transaction, 12)) == ("", "")


def test_name_groups_become_repetitions_with_their_representation_code() -> None:
    assert person_name("YAMADA^Tarou^^Dr.^Jr=山田^太郎=やまだ^たろう") == (
        "YAMADA^Tarou^^Jr^Dr.^^L^A~山田^太郎^^^^^L^I~やまだ^たろう^^^^^L^P"
    )
    assert person_name("=山田^太郎") == "山田^太郎^^^^^L^I"
    assert person_name("") == ""


def test_delimiters_in_a_name_are_escaped_and_come_back() -> None:
    pid = segments(replace(MESSAGE, patient=Patient("7", "", "O|NEIL\\&~")))["PID"][0]
    assert str(pid[5]).startswith("O\\F\\NEIL\\E\\\\T\\\\R\\^")
    assert field(pid, 5, 1) == "O|NEIL\\&~"


def test_control_characters_never_reach_the_wire() -> None:
    text = build(replace(MESSAGE, station_name="CT\r\nMSH|\x0b\x1c\x85"))
    assert not any(character in text for character in "\n\x0b\x1c\x85")
    assert text.count("\r") == len(segments()) + 2


@given(st.text(max_size=40))
def test_escaping_is_undone_by_unescaping(text: str) -> None:
    container = library.parse("MSH|^~\\&|")
    printable = "".join(character if character.isprintable() else "?" for character in text)
    escaped = escape(printable)
    assert not set(escaped.replace("\\", "")) & set("|^~&")
    assert unescape(escaped, container) == printable


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"control_id": "C123456789"}, "FT1-2"),
        ({"control_id": ""}, "MSH-10"),
        ({"kind": "XX"}, "0017"),
        ({"lines": ()}, "1 to 99 lines"),
        ({"lines": (Line("1", "L", "x"),) * 100}, "1 to 99 lines"),
        ({"lines": (Line(" ", "L", "x"),)}, "FT1-7"),
    ],
)
def test_what_cannot_be_a_message_is_refused_in_words(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        build(replace(MESSAGE, **change))


def test_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        timestamp(datetime(2026, 1, 1))  # noqa: DTZ001  (the subject of the test)
    assert timestamp(datetime(2026, 1, 1, tzinfo=UTC)) == "20260101000000+0000"


def test_same_data_builds_the_same_message() -> None:
    assert build(MESSAGE) == build(replace(MESSAGE))
    assert transaction_id("C00000042", 7) == "C00000042-07"


def ack(code: str, control_id: str = "C1", text: str = "", more: str = "") -> bytes:
    return f"MSH|^~\\&|CHARGES|NB|STEPWISE|NB|20261123||ACK^P03|1|P|2.3.1\rMSA|{code}|{control_id}|{text}\r{more}".encode()


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_accepting_ack_is_read(code: str) -> None:
    assert read_ack(ack(code, text="booked"), "C1").code == code
    assert read_ack(ack(code, text="a \\T\\ b"), "C1").text == "a & b"


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
def test_refusing_ack_raises_refused_with_its_text(code: str) -> None:
    with pytest.raises(Refused, match="Unknown account 88-1043") as caught:
        read_ack(ack(code, text="Unknown account 88-1043"), "C1")
    assert caught.value.code == code


def test_refusal_without_msa_3_takes_its_text_from_err() -> None:
    with pytest.raises(Refused, match="PID"):
        read_ack(ack("AE", more="ERR|PID^1^18^204\r"), "C1")


@pytest.mark.parametrize(
    "spoilt", [lambda text: text.replace(b"\r", b"\n"), lambda text: text.replace(b"\r", b"\r\n"), lambda text: b"\xef\xbb\xbf" + text]
)
def test_ack_with_other_ends_of_segments_or_a_byte_order_mark_is_read(spoilt: Callable[[bytes], bytes]) -> None:
    assert read_ack(spoilt(ack("AA")), "C1").code == "AA"


def test_birth_date_of_a_year_of_one_digit_has_eight_digits() -> None:
    patient = replace(MESSAGE.patient, birth_date=date(1, 1, 1))
    assert build(replace(MESSAGE, patient=patient)).split("\r")[2].split("|")[7] == "00010101"


def test_ack_of_another_message_is_garbled() -> None:
    with pytest.raises(Garbled, match="C2, not C1"):
        read_ack(ack("AA", control_id="C2"), "C1")


def test_unknown_acknowledgement_code_is_garbled() -> None:
    with pytest.raises(Garbled, match="0008"):
        read_ack(ack("OK"), "C1")


@pytest.mark.parametrize(
    "data", [b"", b"MSH", b"MSH|", b"GET / HTTP/1.1", b"MSH|^~\\&|\rMSA", b"MSH|^~\\&|\rPID|1", b"\xff\xfe\x00", b"MSHHHHHHHH", b"MSH\r\r"]
)
def test_garbage_is_garbled_and_shown(data: bytes) -> None:
    with pytest.raises(Garbled):
        read_ack(data, "C1")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for prefix in (b"", b"MSH|^~\\&|", b"MSH|^~\\&|\rMSA|"):
        with pytest.raises(Garbled):
            read_ack(prefix + data, "no such control id")


def test_ack_with_other_delimiters_is_read() -> None:
    answer = b"MSH|#~\\&|CHARGES|NB|||1||ACK#P03|1|P|2.3.1\rMSA|AA|C1|one \\S\\ two\r"
    assert read_ack(answer, "C1").text == "one # two"


def test_escape_with_a_huge_repetition_count_is_not_expanded() -> None:
    assert read_ack(ack("AA", text="\\.sp99999999999\\"), "C1").text == "\\.sp99999999999\\"
