"""How dates, times and durations are shown: hospital's zone, 24 hours, `dd-Mmm-yyyy` with English letters whatever the locale.

Aware datetimes are shown in Django's current time zone, which is the hospital's.
"""

from datetime import date, datetime, time, timedelta

from django.utils import timezone

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NOT_KNOWN = "Not known"


def local(moment: datetime) -> datetime:
    """The moment on the hospital's wall clock."""
    return timezone.localtime(moment)


def day(value: date | datetime | None) -> str:
    """`23-Nov-2026`."""
    if value is None:
        return NOT_KNOWN
    if isinstance(value, datetime):
        value = local(value).date()
    return f"{value.day:02}-{MONTHS[value.month - 1]}-{value.year:04}"


def weekday(value: date | datetime | None) -> str:
    """`Mon 23-Nov-2026`."""
    if value is None:
        return NOT_KNOWN
    if isinstance(value, datetime):
        value = local(value).date()
    return f"{DAYS[value.weekday()]} {day(value)}"


def wall(moment: datetime | None) -> str:
    """`10:42`."""
    return NOT_KNOWN if moment is None else f"{local(moment):%H:%M}"


def wall_seconds(moment: datetime | None) -> str:
    """`10:42:07`."""
    return NOT_KNOWN if moment is None else f"{local(moment):%H:%M:%S}"


def moment_text(moment: datetime | None) -> str:
    """`23-Nov-2026 10:42`."""
    return NOT_KNOWN if moment is None else f"{day(moment)} {wall(moment)}"


def moment_seconds(moment: datetime | None) -> str:
    """`23-Nov-2026 10:42:07`."""
    return NOT_KNOWN if moment is None else f"{day(moment)} {wall_seconds(moment)}"


def iso_seconds(moment: datetime | None) -> str:
    """`2026-11-23T10:42:07+01:00`, for files that are read elsewhere."""
    return NOT_KNOWN if moment is None else local(moment).isoformat(timespec="seconds")


def last_day(end: datetime) -> str:
    """The last day of what is over from `end` on: `31-Dec-2027`, where it is over in the middle of that day `31-Dec-2027 until 14:30`."""
    day_of_it = day(end - timedelta(microseconds=1))
    return day_of_it if local(end).time() == time() else f"{day_of_it} until {wall(end)}"


def moment_near(moment: datetime | None, today: date) -> str:
    """The time alone when it is today, else day and month, with the year when that is another: `10:42`, `20-Nov`, `20-Nov-2025`."""
    if moment is None:
        return NOT_KNOWN
    local_day = local(moment).date()
    if local_day == today:
        return wall(moment)
    return day(local_day) if local_day.year != today.year else day(local_day)[:6]


def booked_near(moment: datetime, today: date) -> str:
    """As `moment_near`, never without the time: `10:42`, `20-Nov 10:42`, `20-Nov-2025 10:42`."""
    near = moment_near(moment, today)
    return near if local(moment).date() == today else f"{near} {wall(moment)}"


def soon(moment: datetime, today: date) -> str:
    """A moment to come, short: `14:30` today, `Tue 08:45` within a week, `30-Nov 08:45` later."""
    on = local(moment).date()
    if on == today:
        return wall(moment)
    return f"{DAYS[on.weekday()] if 0 < (on - today).days < 7 else day(on)[:6]} {wall(moment)}"


def zone_text(moment: datetime) -> str:
    """For tooltips: `23-Nov-2026 10:42 EST, America/New_York (UTC−05:00)`."""
    here = local(moment)
    minutes = int((here.utcoffset() or timedelta()).total_seconds()) // 60
    offset = f"{'−' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    return f"{moment_text(moment)} {here.tzname()}, {timezone.get_current_timezone_name()} (UTC{offset})"


def age(birth_date: date | None, on: date) -> str:
    """`38 y`; under two years months (`7 m`), under two months days (`12 d`); empty when not known or not born yet."""
    if birth_date is None or birth_date > on:
        return ""
    months = (on.year - birth_date.year) * 12 + on.month - birth_date.month - (on.day < birth_date.day)
    if months >= 24:
        return f"{months // 12} y"
    return f"{months} m" if months >= 2 else f"{(on - birth_date).days} d"


def duration(value: timedelta | None) -> str:
    """`45 min`, `1 h 36 min`, `2 d 4 h`; under a minute `0 min`."""
    if value is None:
        return NOT_KNOWN
    return duration_minutes(int(value.total_seconds()) // 60)


def duration_minutes(minutes: int) -> str:
    """As `duration`, of whole minutes."""
    if minutes < 0:
        return f"−{duration_minutes(-minutes)}"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def dicom_date(raw: str) -> str:
    """A DA value in words, empty when it is none: `20261123` → `23-Nov-2026`."""
    if len(raw) != 8 or not raw.isascii() or not raw.isdigit():
        return ""
    try:
        return day(date(int(raw[:4]), int(raw[4:6]), int(raw[6:])))
    except ValueError:
        return ""


def dicom_time(raw: str) -> str:
    """A TM value in words, empty when it is none: `093000` → `09:30`, `093015.5` → `09:30:15`."""
    digits = raw.partition(".")[0].strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) not in (2, 4, 6):
        return ""
    hour, minute, second = digits[:2], digits[2:4] or "00", digits[4:6]
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return ""
    return f"{hour}:{minute}:{second}" if second not in ("", "00") else f"{hour}:{minute}"
