"""A played day in words: its plan as a table, and what came of it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from mpps.transitions import IN_PROGRESS
from ris import clock
from ris.console import counted
from ris.models import Site
from training import table
from training.day.audit import Books
from training.day.fleet import Running
from training.day.session import Session
from training.day.story import Deed, Plan, Story, What

_HEADERS = ("Exam", "Accession", "Station", "What it is about", "What happens", "Ends as", "Charged")
_SHOWN = 40  # differences


def plan(day: Plan, site: Site) -> list[str]:
    """What each exam's script says, one line each."""
    down = [f"{one.station} is down from {_at(one.since, site)} to {_at(one.until, site)}." for one in day.outages]
    return [*table.lines(_HEADERS, [_row(story, site) for story in day.stories]), "", *down]


def _row(story: Story, site: Site) -> tuple[str, ...]:
    accessions = " + ".join(dict.fromkeys(one.accession_number for one in story.booked))
    happens = ", ".join(dict.fromkeys(f"{_at(deed.at, site)} {_deed(deed, site)}" for deed in story.deeds))
    ends = story.ends or f"{' and '.join(story.performed)} without a request"
    return story.name, accessions, story.station, story.kind, happens, ends, story.worth


def _deed(deed: Deed, site: Site) -> str:
    if deed.what is What.MOVE and deed.start is not None:
        return f"{deed.what} to {deed.place} at {_at(deed.start, site)}"
    if deed.what is What.START and deed.entry:
        return f"{deed.what} the wrong entry {deed.entry}"
    return f"{deed.what} ({deed.reason})" if deed.reason else str(deed.what)


def _at(moment: datetime, site: Site) -> str:
    return f"{clock.local(moment, site):%H:%M}"


def played(session: Session) -> str:
    """`27-Nov-2026 07:00 to 27-Nov-2026 18:12 in 0:48 (850× of 1,000×, …)`."""
    since, until, speed, seconds = session.plan.begins, session.ended or session.plan.begins, session.speed, session.seconds
    pace = min((until - since).total_seconds() / max(seconds, 0.001), speed)
    kept = f"{speed:,.0f}×" if pace > 0.95 * speed else f"{pace:,.0f}× of {speed:,.0f}×: the clock waited for what was not done"
    first, last = (f"{clock.local(moment, session.site):%d-%b-%Y %H:%M}" for moment in (since, until))
    return f"{first} to {last} in {int(seconds) // 60}:{int(seconds) % 60:02d} ({kept})"


def real_again(session: Session) -> str:
    """The clock shows real time again, which may be another one than what was played."""
    real = clock.wall()
    side = "ahead of" if (session.ended or real) > real else "behind"
    return f"The clock shows real time again, {clock.local(real, session.site):%d-%b-%Y %H:%M}; what was played lies {side} it."


def how_to_go_on(session: Session) -> str:
    """`play_day --date 2026-11-30 --from 10:43`: from the minute after the end on."""
    end = clock.local(session.ended or session.plan.begins, session.site) + timedelta(minutes=1)
    return f"`play_day --date {end:%Y-%m-%d} --from {end:%H:%M}`"


def exchanged(session: Session) -> str:
    """`2,104 DICOM messages, 95 of 100 answered within 41 ms`."""
    took = sorted(seconds for seconds in session.took if seconds is not None)
    if not took:
        return "no DICOM message"
    again = f", {counted(session.play.repeated, 'message')} without answer sent again" if session.play.repeated else ""
    return f"{len(session.took):,} DICOM messages, 95 of 100 answered within {1000 * took[len(took) * 95 // 100]:.0f} ms{again}"


def ended(stories: Sequence[Running]) -> str:
    """`12 exams: 9 COMPLETED, 2 CANCELED, 1 walk-in`."""
    ends = Counter(running.story.ends or str(running.story.kind) for running in stories if running.is_over)
    return f"{counted(len(stories), 'exam')}: {', '.join(f'{number} {end}' for end, number in sorted(ends.items()))}"


def left_open(stories: Sequence[Running]) -> list[str]:
    """What is in progress on the stations, one line each."""
    return [
        f"{running.story.station}: {running.story.name}, since {exam.started[11:16]} (MPPS {exam.sop_instance_uid})"
        for running in stories
        for exam in running.exams.values()
        if exam.is_open and exam.state == IN_PROGRESS
    ]


def charged(books: Books) -> str:
    """`370 charges over 81,230.00: 368 posted, 2 held for a person`."""
    parts = [(books.posted, "posted"), (books.waiting, "to be sent"), (books.held, "held for a person")]
    said = ", ".join(f"{number} {what}" for number, what in parts if number)
    return f"{counted(books.charges, 'charge')} over {books.amount:,.2f}{f': {said}' if said else ''}"


def differences(books: Books) -> list[str]:
    more = len(books.differences) - _SHOWN
    return [*books.differences[:_SHOWN], *([f"… and {more} more"] if more > 0 else [])]
