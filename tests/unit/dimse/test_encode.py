import logging

import pytest
from pydicom import Dataset

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN


def test_a_value_too_long_for_its_vr_becomes_un_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    step, dataset = Dataset(), Dataset()
    step.CommentsOnTheScheduledProcedureStep = "é" * 40_000
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.Allergies = ["nuts" * 10] * 2000
    dataset.PatientComments = "x" * 0xFFFE
    dataset.ScheduledProcedureStepSequence = [step]
    implicit = encode(dataset, IMPLICIT_VR_LITTLE_ENDIAN)
    with caplog.at_level(logging.WARNING):
        explicit = encode(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
    assert not caplog.records
    assert b"\x40\x00\x00\x04UN\0\0" + (80_000).to_bytes(4, "little") + "é".encode() in explicit
    assert b"\x10\x00\x10\x21UN\0\0" + (82_000).to_bytes(4, "little") + b"nuts" in explicit
    assert b"\x10\x00\x00\x40LT\xfe\xffx" in explicit
    assert b"\x40\x00\x00\x04" + (80_000).to_bytes(4, "little") in implicit
