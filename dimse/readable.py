"""Data sets of the journal as people and programs read them: DICOM JSON (PS3.18 F), bounded."""

import json
import logging
from typing import Any, Final

from pydicom.dataset import Dataset

from dimse.decode import UndecodableDataSet, decode
from dimse.values import name_of_tag

logger = logging.getLogger(__name__)

DATASET_LIMIT: Final = 64 * 1024
"""Characters of DICOM JSON that are shown of one data set."""


def as_json(data: bytes, transfer_syntax: str) -> tuple[dict[str, Any] | None, str]:
    """The data set as DICOM JSON and a note about what is missing; (None, why) when it cannot be decoded."""
    try:
        dataset = decode(data, transfer_syntax).dataset
    except UndecodableDataSet as error:
        return None, f"not decodable: {error}"
    return _bounded(dataset)


def _bounded(dataset: Dataset) -> tuple[dict[str, Any], str]:
    kept: dict[str, Any] = {}
    size = 0
    for tag in sorted(dataset.keys()):
        try:
            element = {f"{tag:08X}": dataset[tag].to_json_dict(None, 0)}
        except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
            element = {f"{tag:08X}": {"vr": "UN"}}
            logger.debug("%s has no JSON form: %s", name_of_tag(tag), type(error).__name__)
        size += len(json.dumps(element))
        if size > DATASET_LIMIT:
            return kept, f"cut before {name_of_tag(tag)}: {len(kept)} of {len(dataset)} elements shown"
        kept |= element
    return kept, ""
