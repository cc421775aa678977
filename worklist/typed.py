"""A worklist query out of keys that somebody typed: `PatientName=DOE*`. It takes the way of one that comes over the network."""

import struct
from collections.abc import Mapping
from difflib import get_close_matches

from pydicom import Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement

from dimse.encode import encode
from dimse.services import EXPLICIT_VR_LITTLE_ENDIAN
from ris.errors import InvalidInput
from worklist import captured, keys
from worklist.captured import Read
from worklist.item import UTF_8
from worklist.keys import Key

_KNOWN = [key.keyword for table in (keys.STEP, keys.ROOT) for key in table.values()]


def read(typed: Mapping[str, str]) -> Read:
    """The query of keys by keyword, those of a sequence by a path (`RequestedProcedureCodeSequence.CodeValue`); an empty value asks
    for everything. A key of the step needs no path. Raises InvalidInput, which names the key."""
    identifier = Dataset()
    identifier.SpecificCharacterSet = UTF_8
    for path, value in typed.items():
        _put(identifier, path.strip(), value)
    try:
        data = encode(identifier, EXPLICIT_VR_LITTLE_ENDIAN)
    except (OSError, struct.error) as error:
        raise InvalidInput({"key": "is a number that its VR cannot hold"}) from error
    found = captured.read(data, EXPLICIT_VR_LITTLE_ENDIAN)
    if found.query is None:
        raise InvalidInput({_named_in(found.problem, typed): found.problem})
    return found


def is_keyword(path: str) -> bool:
    """Whether every part of a path is a keyword of the data dictionary."""
    return bool(path) and all(tag_for_keyword(part) is not None for part in path.split("."))


def _named_in(problem: str, typed: Mapping[str, str]) -> str:
    return next((path for path in typed if problem.startswith(path.rpartition(".")[2])), "key")


def _put(identifier: Dataset, path: str, value: str) -> None:
    *sequences, keyword = path.split(".")
    if not is_keyword(path):
        near = get_close_matches(keyword, _KNOWN, n=1)
        raise InvalidInput({path or "key": f"is no keyword of DICOM's data dictionary{f'; is it {near[0]}?' if near else ''}"})
    first = sequences[0] if sequences else keyword
    if first != keys.STEP_SEQUENCE.keyword and Key(first).tag in keys.STEP:
        sequences.insert(0, keys.STEP_SEQUENCE.keyword)
    inside = identifier
    for sequence in sequences:
        if dictionary_VR(sequence) != "SQ":
            raise InvalidInput({path: f"{sequence} is no sequence"})
        if sequence not in inside:
            inside.add(DataElement(sequence, "SQ", [Dataset()]))
        inside = inside[sequence].value[0]
    inside.add(_element(path, keyword, value))


def _element(path: str, keyword: str, value: str) -> DataElement:
    """The value as it is, legal or not: the SCP has to judge what modalities ask."""
    vr = dictionary_VR(keyword).split(" ")[0]
    try:
        value.encode()
        if vr == "SQ":
            if value:
                raise InvalidInput({path: "is a sequence: type the keys of its item, behind a point"})
            return DataElement(keyword, vr, [])
        if vr in ("US", "SS", "UL", "SL"):
            return DataElement(keyword, vr, int(value) if value else None)
        return DataElement(keyword, vr, value, validation_mode=IGNORE)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise InvalidInput({path: f"{value[:32]!r} is no value of {vr}"}) from error
