"""Data sets as a database keeps them."""

from typing import Any

from pydicom.dataset import Dataset


def plain(dataset: Dataset) -> dict[str, Any]:
    """DICOM JSON without what PostgreSQL refuses in it: NUL and halves of surrogate pairs."""
    found: dict[str, Any] = _clean(dataset.to_json_dict(bulk_data_threshold=1024, bulk_data_element_handler=lambda _: ""))
    return found


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return "".join("\ufffd" if char == "\0" or 0xD800 <= ord(char) <= 0xDFFF else char for char in value)
    if isinstance(value, dict):
        return {name: _clean(one) for name, one in value.items()}
    return [_clean(one) for one in value] if isinstance(value, list) else value
