"""What the settings of a station make of its queries: which lists are its own, which exams it is shown, how far back.

A scope is part of the `Query` (`query.under(scope)`), so that SQL narrows by it and the one predicate decides and explains by it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ris.profiles import Profile
from ris.titles import Renamed
from ris.transitions import SCHEDULED, STATUSES, WAITING

ANY_TIME = ("", "")


@dataclass(frozen=True)
class Scope:
    """The default is that of a caller who is no station here.

    `station` is the AE title whose settings these are, `aliases` those whose lists it sees beside its own. `shown` are statuses, unless a
    query asks for some. `oldest` is the first local date and time that is shown, as `WorklistEntry` spells them. `empty_sequences`: those
    of type 1C come back empty. `not_for_it` are steps of test exams that another station is to be tried with. `renamed` are the former AE
    titles that are still accepted.
    """

    station: str = ""
    aliases: tuple[str, ...] = ()
    own_list_only: bool = False
    shown: tuple[str, ...] = WAITING
    requires_arrival: bool = False
    oldest: tuple[str, str] = ANY_TIME
    empty_sequences: bool = False
    not_for_it: tuple[int, ...] = ()
    renamed: Renamed = ()

    @property
    def lists(self) -> tuple[str, ...]:
        """The AE titles whose steps are the station's own."""
        return (self.station, *self.aliases)

    @property
    def statuses(self) -> tuple[str, ...]:
        """Those that may be shown at all, whatever a query asks for."""
        return tuple(status for status in STATUSES if status != SCHEDULED) if self.requires_arrival else STATUSES


EVERYTHING = Scope()


def of(profile: Profile, now: datetime, not_for_it: tuple[int, ...] = (), renamed: Renamed = ()) -> Scope:
    """`now` is on the hospital's wall clock; what is too old is so to the minute."""
    oldest = ANY_TIME
    if profile.age_limit_hours is not None:
        first = now - timedelta(hours=profile.age_limit_hours)
        oldest = f"{first:%Y%m%d}", f"{first:%H%M}00.000000"
    return Scope(
        station=profile.ae_title,
        aliases=profile.aliases,
        own_list_only=profile.own_list_only,
        shown=profile.statuses_shown,
        requires_arrival=profile.requires_arrival,
        oldest=oldest,
        empty_sequences=profile.empty_sequences,
        not_for_it=not_for_it,
        renamed=renamed,
    )
