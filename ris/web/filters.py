"""What narrows a list of exams, from the address and back into it; what is searched for is in there by its key alone."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest

from ris import queries
from ris.models import ScheduledProcedureStep, Site
from ris.validation import printable
from ris.web import searching
from ris.web.forms import read_day

MIN_SEARCH = 2
_NAMES = ("q", "station", "modality", "priority")
_WHOLE = "whole"


def asked(request: HttpRequest, name: str) -> str:
    """A text of the address, without what cannot be typed and no database looks up."""
    return printable(request.GET.get(name, ""))


def day_of(request: HttpRequest, today: date) -> date:
    """The day that the address asks for; one that cannot be read is today."""
    try:
        return read_day(request.GET.get("day", ""))
    except ValueError:
        return today


def misread(request: HttpRequest) -> str:
    """What is wrong with the day of the address, in words; empty when it can be read, or none was asked for."""
    text = asked(request, "day")
    try:
        if text:
            read_day(text)
    except ValueError as error:
        return str(error)
    return ""


@dataclass(frozen=True)
class Filters:
    """Only what is not the default goes into the address: today and empty filters do not.

    `q` is the text that is searched for and `search` the key that stands for it in the address. `whole`: also what ended long ago
    today, which is hidden otherwise.
    """

    day: date
    today: date
    q: str = ""
    station: str = ""
    modality: str = ""
    priority: str = ""
    whole: bool = False
    search: str = ""

    @classmethod
    def of(cls, request: HttpRequest, today: date) -> "Filters":
        """Texts to search for of fewer than two characters count as none."""
        given = {name: asked(request, name) for name in _NAMES}
        q = searching.text_of(request)
        given |= {"q": q, "search": searching.key_of(request)} if len(q) >= MIN_SEARCH else {"q": ""}
        return cls(day=day_of(request, today), today=today, whole=bool(request.GET.get(_WHOLE)), **given)

    @property
    def tokens(self) -> list[tuple[str, str]]:
        """(name, value) of what is set, without the day."""
        return [(name, value) for name in _NAMES if (value := getattr(self, name))]

    def without(self, *names: str) -> "Filters":
        kept = {name: "" if name in (names or _NAMES) else getattr(self, name) for name in (*_NAMES, searching.PARAMETER)}
        return Filters(self.day, self.today, whole=self.whole, **kept)

    def on(self, day: date) -> "Filters":
        return replace(self, day=day)

    @property
    def of_whole_day(self) -> "Filters":
        return replace(self, whole=True)

    @property
    def day_before(self) -> "Filters":
        return self.on(self.day - timedelta(days=1))

    @property
    def day_after(self) -> "Filters":
        return self.on(self.day + timedelta(days=1))

    @property
    def query(self) -> str:
        """The query string, empty when all is default."""
        day = [] if self.day == self.today else [("day", self.day.isoformat())]
        kept = [(searching.PARAMETER, self.search) if name == "q" else (name, value) for name, value in self.tokens]
        values = day + kept + ([(_WHOLE, "1")] if self.whole else [])
        return f"?{urlencode(values)}" if values else ""

    def narrow(self, found: QuerySet[ScheduledProcedureStep], site: Site) -> QuerySet[ScheduledProcedureStep]:
        """The site's steps that pass the filters, whatever their day."""
        if self.q:
            found = queries.search(found, self.q)
        if self.station:
            found = queries.on_list(found, site, self.station)
        if self.modality:
            found = found.filter(modality=self.modality)
        if self.priority:
            found = found.filter(requested_procedure__order__priority=self.priority)
        return found
