"""What an acknowledgement says is read whatever its sender made of its letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.character_sets import declared, decoded_anyhow
from billing.errors import Refused
from billing.hl7_answers import read_ack


def an_ack(character_set: str, text: str, codec: str) -> bytes:
    fields = ["MSH", "^~\\&", "B", "N", "S", "N", "20261123", "", "ACK^P03", "A1", "P", "2.3.1", *[""] * 5, character_set]
    return f"{'|'.join(fields)}\rMSA|AE|C00000042|{text}\r".encode(codec)


@pytest.mark.parametrize(
    ("character_set", "codec"),
    [("8859/1", "latin-1"), ("8859/1~UNICODE UTF-8", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("", "utf-8"), ("UNICODE UTF-8", "latin-1"),
     ("ASCII", "utf-8"), ("nobody's", "utf-8")],
)  # fmt: skip
def test_refusal_is_read_in_its_character_set_and_in_a_wrong_one(character_set: str, codec: str) -> None:
    with pytest.raises(Refused, match="Konto Müller unbekannt"):
        read_ack(an_ack(character_set, "Konto Müller unbekannt", codec), "C00000042")


def test_declared_is_msh_18_of_the_first_segment() -> None:
    assert declared(an_ack("8859/7", "", "ascii")) == "8859/7"
    assert declared(b"MSH|^~\\&|short\rMSA|AA|C1") == ""
    assert declared(b"") == ""


@given(st.binary(max_size=80))
def test_any_bytes_are_some_text(data: bytes) -> None:
    for before in (b"", b"MSH|^~\\&|", an_ack("8859/3", "", "ascii")[:60]):
        assert isinstance(decoded_anyhow(before + data), str)
