"""The lengths of elements and items as they travelled, which a data set that was read does not have any more: for whoever looks at it."""

from dimse.decode import ITEM_END, SEQUENCE_END, UNDEFINED, Header, Walk, read_header, walk_of

Lengths = dict[str, int | None]
"""Bytes, padding included; None for an undefined length. By place: `00400100`, its first item `00400100-1`, there `00400100-1-00400008`."""

_SHORTEST = 8  # bytes of an element; fewer are padding


def lengths(data: bytes, transfer_syntax: str) -> Lengths:
    """Those of a data set that `decode` understood; of another one UndecodableDataSet may be raised."""
    walk = walk_of(data, transfer_syntax)
    found: Lengths = {}
    _of_dataset(walk, 0, len(walk.data), "", found)
    return found


def _of_dataset(walk: Walk, position: int, end: int, before: str, found: Lengths) -> int:
    """From `position` to `end`, an item delimiter or the padding behind the last element, and where it stopped."""
    while end - position >= _SHORTEST:
        header = read_header(walk, position, end)
        if header.tag == ITEM_END:
            return header.value
        if header.tag == 0:
            break
        path = f"{before}{header.tag:08X}"
        found[path] = _told(header)
        is_sequence = header.vr == "SQ" or header.length == UNDEFINED
        position = _of_items(walk, header, end, path, found) if is_sequence else header.value + header.length
    return end


def _of_items(walk: Walk, header: Header, end: int, path: str, found: Lengths) -> int:
    inner = walk.of_unknown() if header.vr == "UN" and not walk.implicit else walk
    position, stop, number = header.value, end if header.length == UNDEFINED else header.value + header.length, 0
    while position < stop:
        item = read_header(inner, position, stop)
        if item.tag == SEQUENCE_END:
            return item.value
        number += 1
        place = f"{path}-{number}"
        found[place] = _told(item)
        position = _of_dataset(inner, item.value, stop if item.length == UNDEFINED else item.value + item.length, f"{place}-", found)
    return position


def _told(header: Header) -> int | None:
    return None if header.length == UNDEFINED else header.length
