"""From a pydicom Dataset to bytes in a transfer syntax."""

from collections.abc import Sequence
from typing import Any

from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element, write_dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from dimse import charsets, values
from dimse.charsets import CharacterSet
from dimse.services import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

_LONGEST = 0xFFFF  # bytes that a 16-bit length can tell
_MOST = 16  # bytes that a number takes as text; a letter takes up to 4


def encode(dataset: Dataset, transfer_syntax: str) -> bytes:
    """The data set in Implicit or Explicit VR, little or big endian. Raises what pydicom raises for values that do not fit their VR.

    In Explicit VR a value that is too long for the length of its VR becomes UN, in the data set too (PS3.5 6.2.2).
    """
    buffer = _buffer(transfer_syntax)
    if not buffer.is_implicit_VR:
        _shelter_long_values(dataset, transfer_syntax, ("iso8859",))
    declared = _declared(dataset)
    if declared.terms and declared.codec is None:  # pydicom keeps to its own rules of code extensions
        dataset = _with_text_encoded(dataset, declared, buffer)
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def _declared(dataset: Dataset) -> CharacterSet:
    return charsets.read("\\".join(values.of(dataset.get("SpecificCharacterSet"))))


def _with_text_encoded(dataset: Dataset, declared: CharacterSet, buffer: DicomBytesIO) -> Dataset:
    """The data set with text beyond ASCII as it travels, which pydicom writes untouched. Raises charsets.Unfit."""
    if "SpecificCharacterSet" in dataset:  # an item may have its own
        declared = _declared(dataset)
    written = Dataset(parent_encoding=list(declared.terms))
    for element in dataset:
        if element.VR == "SQ":
            items = [_with_text_encoded(item, declared, buffer) for item in element.value or ()]
            written[element.tag] = DataElement(element.tag, "SQ", items)
        elif element.VR in charsets.TEXT_VRS and not (text := "\\".join(values.of(element.value))).isascii():
            written[element.tag] = _encoded(element.tag, element.VR, declared.encode(text, element.VR), buffer)
        else:
            written[element.tag] = element
    written.set_original_encoding(buffer.is_implicit_VR, buffer.is_little_endian, written._character_set)
    return written


def _encoded(tag: BaseTag, vr: str, value: bytes, buffer: DicomBytesIO) -> DataElement | RawDataElement:
    padded = value + b" " * (len(value) % 2)
    if len(padded) > _LONGEST and not buffer.is_implicit_VR and vr not in EXPLICIT_VR_LENGTH_32:
        return DataElement(tag, "UN", padded)
    return RawDataElement(tag, vr, len(padded), padded, 0, buffer.is_implicit_VR, buffer.is_little_endian)


def _buffer(transfer_syntax: str) -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN
    buffer.is_little_endian = transfer_syntax != EXPLICIT_VR_BIG_ENDIAN
    return buffer


def _shelter_long_values(dataset: Dataset, transfer_syntax: str, encodings: Sequence[str]) -> None:
    """What pydicom would do as well, but with a warning for each."""
    if "SpecificCharacterSet" in dataset:
        encodings = convert_encodings(dataset.SpecificCharacterSet)
    for element in list(dataset.values()):
        if element.VR == "SQ":
            for item in dataset[element.tag].value or ():
                _shelter_long_values(item, transfer_syntax, encodings)
        elif element.VR not in EXPLICIT_VR_LENGTH_32 and _may_be_long(element):
            buffer = _buffer(transfer_syntax)
            buffer.is_implicit_VR = True
            write_data_element(buffer, dataset[element.tag], list(encodings))
            if len(value := buffer.getvalue()[8:]) > _LONGEST:
                dataset[element.tag] = DataElement(element.tag, "UN", value)


def _may_be_long(element: DataElement | RawDataElement) -> bool:
    value: Any = element.value
    if isinstance(value, bytes | str):
        return 4 * len(value) > _LONGEST
    if isinstance(value, int | float) or not hasattr(value, "__len__"):
        return False
    return len(value) * _MOST > _LONGEST or sum(4 * len(str(one)) + 1 for one in value) > _LONGEST
