"""Items as they are seen from another time zone than the hospital's: of a station that has its own, or as an association agreed.

The projection holds every date and time on the hospital's wall clock. Seen from elsewhere the start of an item is read anew from the moment
that it is, and the other dates with a time beside them follow; TimezoneOffsetFromUTC (0008,0201) says in which zone they are. Dates alone
(a birth date) belong to no zone. A date that no calendar has stays as it is, and such an item declares nothing.
"""

import re
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final

from worklist import item as worklist_item
from worklist import keys, status, values
from worklist.item import dicom_date
from worklist.keys import Key

OFFSET: Final = Key("TimezoneOffsetFromUTC", "1C")
_OFFSET: Final = re.compile(r"([+-])(\d{2})([0-5]\d)")
_LEAST, _MOST = -12 * 60, 14 * 60  # minutes (PS3.3 C.12.1.1.8)
_IN_PLACE: Final = re.compile(rb"\d{4}(\d\d(\.\d{1,6})?)? *")
_MINUTE: Final = timedelta(minutes=1)


def _pairs(*names: str) -> tuple[tuple[int, int], ...]:
    return tuple((Key(f"{name}Date").tag, Key(f"{name}Time").tag) for name in names)


_ROOT_PAIRS: Final = (
    *_pairs("Study", "Admitting"),
    (Key("IssueDateOfImagingServiceRequest").tag, Key("IssueTimeOfImagingServiceRequest").tag),
)
_STEP_PAIRS: Final = _pairs("ScheduledProcedureStepStart", "ScheduledProcedureStepEnd")


@dataclass(frozen=True, slots=True)
class View:
    """From where items are seen: `away`; `home` is the zone that they are kept in."""

    home: tzinfo
    away: tzinfo


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry's start and item, as a view has them."""

    local_date: str
    local_time: str
    item: bytes


def offset_of(text: str) -> timezone | None:
    """TimezoneOffsetFromUTC as a zone; None when it is none. -0000 is not used (PS3.3 C.12.1.1.8)."""
    match = _OFFSET.fullmatch(text.strip())
    if match is None or text.strip() == "-0000":
        return None
    minutes = (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] == "-" else 1)
    return timezone(timedelta(minutes=minutes)) if _LEAST <= minutes <= _MOST else None


def day_beside(day: str, days: int) -> str:
    """The day so many days from it; of what is no day of the calendar the same."""
    try:
        return dicom_date(date(int(day[:4]), int(day[4:6]), int(day[6:8])) + timedelta(days=days))
    except (ValueError, OverflowError):
        return day


def seen(view: View, start: datetime, local_date: str, local_time: str, item: bytes) -> Seen:
    """An entry of WorklistEntry's columns seen from away."""
    there = start.astimezone(view.home)
    if (local_date, local_time) != (dicom_date(there.date()), f"{there:%H%M%S.%f}"):
        return Seen(local_date, local_time, item)
    offset = _whole_minutes(start.astimezone(view.away))
    here = start.astimezone(offset)
    return Seen(dicom_date(here.date()), f"{here:%H%M%S.%f}", _moved(item, view.home, offset, start))


def _whole_minutes(moment: datetime) -> timezone:
    """The offset of the moment's zone, without the seconds that only mean solar times have."""
    offset = moment.utcoffset() or timedelta()
    return timezone(offset // _MINUTE * _MINUTE)


@lru_cache(maxsize=2048)
def _moved(item: bytes, home: tzinfo, offset: timezone, start: datetime) -> bytes:
    """The item with its dates and times at the offset, which it declares."""
    data = bytearray(item)
    sequence = status.find(item, keys.STEP_SEQUENCE.tag, 0, len(item))
    inside = (sequence[1] + status.HEADER, sequence[2]) if sequence and sequence[2] > sequence[1] else (0, 0)
    for pairs, (begin, end), earliest in ((_ROOT_PAIRS, (0, len(item)), None), (_STEP_PAIRS, inside, start)):
        for day, at in pairs:
            if not _move(data, status.find(item, day, begin, end), status.find(item, at, begin, end), home, offset, earliest):
                return _moved_by_objects(item, home, offset, start)
    return _declared(bytes(data), offset)


def _move(data: bytearray, day: Any, at: Any, home: tzinfo, offset: timezone, earliest: datetime | None) -> bool:
    """Write a date and its time anew where they stand; False when their forms are such that they need more room or less."""
    if day is None or at is None:
        return True
    moment = _moment(data[day[1] : day[2]].decode("latin-1"), data[at[1] : at[2]].decode("latin-1"), home, earliest)
    if moment is None:
        return True
    if day[2] - day[1] != 8 or not _IN_PLACE.fullmatch(data[at[1] : at[2]]):
        return False
    here = moment.astimezone(offset)
    data[day[1] : day[2]] = dicom_date(here.date()).encode()
    data[at[1] : at[1] + 4] = f"{here:%H%M}".encode()
    return True


def _moment(day: str, at: str, home: tzinfo, earliest: datetime | None) -> datetime | None:
    """The moment that the hospital's wall clock shows, of a repeated hour the one not before `earliest`; None when there is none."""
    digits, clock = values.date_text(day.strip(" \0")), values.time_text(at.strip(" \0"))
    if digits is None or clock is None or not "0002" <= digits[:4] <= "9998":
        return None
    try:
        found = datetime.combine(date(int(digits[:4]), int(digits[4:6]), int(digits[6:])), time(*_parts(clock)), tzinfo=home)
    except ValueError:
        return None
    if earliest is not None and found.astimezone(UTC) < earliest:
        found = found.replace(fold=1)
    return found.astimezone(UTC)


def _parts(clock: str) -> tuple[int, int, int, int]:
    return int(clock[:2]), int(clock[2:4]), min(int(clock[4:6]), 59), int(clock[7:])


def _moved_by_objects(item: bytes, home: tzinfo, offset: timezone, start: datetime) -> bytes:
    """As `_moved`, for dates and times in forms that are seldom seen (08:15, 2026.07.06)."""
    dataset = worklist_item.decode(item)
    steps = values.items(dataset, keys.STEP_SEQUENCE.tag)[:1]
    for inside, pairs, earliest in ((dataset, _ROOT_PAIRS, None), *((step, _STEP_PAIRS, start) for step in steps)):
        for day, at in pairs:
            day_text, time_text = (next(iter(values.texts(inside.get(tag))), "") for tag in (day, at))
            moment = _moment(day_text, time_text, home, earliest)
            if moment is not None:
                here = moment.astimezone(offset)
                inside[day].value, inside[at].value = dicom_date(here.date()), worklist_item.dicom_time(here)
    return _declared(worklist_item.encode(dataset), offset)


def _declared(item: bytes, offset: timezone) -> bytes:
    """The item with its offset among its elements, which are in order of their tags."""
    hours, minutes = divmod(abs(offset.utcoffset(None) // _MINUTE), 60)
    sign = "-" if offset.utcoffset(None) < timedelta() else "+"
    value = f"{sign}{hours:02d}{minutes:02d} ".encode()
    element = struct.pack("<HH2sH", OFFSET.tag >> 16, OFFSET.tag & 0xFFFF, b"SH", len(value)) + value
    begin = end = len(item)
    for tag, position, _, after in status.elements(item, 0, len(item)):
        if tag >= OFFSET.tag:
            begin, end = position, after if tag == OFFSET.tag else position
            break
    return item[:begin] + element + item[end:]
