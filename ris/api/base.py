"""What the calls of every room share: the types of their fields, lists in pages, moments as they are written."""

import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from ninja import Field, Schema
from pydantic import AfterValidator, BeforeValidator, ConfigDict, WithJsonSchema

from ris import audit, clock, queries, titles
from ris.api.auth import caller
from ris.errors import InvalidInput
from ris.models import Site
from ris.validation import calendar_day, within_reach
from ris.web.disclosure import disclose

M = TypeVar("M", bound=Model)
T = TypeVar("T")


def _one_line(value: str) -> str:
    """Text that a database can look up; PostgreSQL holds no NUL, and no encoding holds half a surrogate pair."""
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        raise ValueError("holds a control character; type it again as plain text")
    return value.strip()


def _day(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a date such as 2026-11-23")
    return within_reach(calendar_day(value.strip(), "2026-11-23"))


def _moment(value: object) -> object:
    if not isinstance(value, str) or len(value.strip()) < len("2026-11-23T09"):
        raise ValueError("must be date and time such as 2026-11-23T09:30:00-05:00")
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"{value.strip()[:40]!r} is not date and time; write it as 2026-11-23T09:30:00-05:00") from None
    within_reach(moment.date())
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=clock.zone()).astimezone(UTC)


Line = Annotated[str, AfterValidator(_one_line)]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""The hospital's local date."""
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "ISO 8601; without an offset the hospital's wall clock."}),
]
Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""ISO 8601 with the hospital's offset, as `written` makes it."""


class Body(Schema):
    """What is sent in. A field that is not known is refused, so that a misspelled one is not silently dropped."""

    model_config = ConfigDict(extra="forbid")


class ListQuery(Schema):
    """Query of a list; `page` refuses parameters that the class does not name."""

    limit: int = Field(100, ge=1, le=1000, description="At most so many items.")
    offset: int = Field(0, ge=0, le=2**31 - 1, description="Leave out so many at the beginning.")


class Page(Schema, Generic[T]):
    """`count` is the number of all that match, whatever the limit."""

    items: list[T]
    count: int


class Problem(Schema):
    """Why a call was refused. 422 names the fields in `errors`; 409 names in `conflicts_with` the exam that is in the way."""

    detail: str
    errors: dict[str, str] | None = None
    conflicts_with: str | None = None


def refusals(*codes: int) -> dict[int, type[Problem]]:
    """Responses of an operation that refuse, for the OpenAPI document: 401, 403 and 429 always, and these."""
    return dict.fromkeys((401, 403, 429, *codes), Problem)


def site_of(request: HttpRequest) -> Site:
    """The hospital of the token's user; the installation's own token is of the default one."""
    user = caller(request).user
    return queries.default_site() if user is None else queries.site_of(user)


def page(
    request: HttpRequest, query: ListQuery, rows: QuerySet[M], show: Callable[[M], dict[str, Any]], *, discloses: bool = False
) -> dict[str, Any]:
    """The items of the page that the query asks for, in the order of the rows, and the count of all. `discloses`: they show patients."""
    wanted, count = cut(request, query, rows)
    if discloses:
        disclose(request, audit.LIST, *wanted, total=count, asked=query.model_dump(exclude_defaults=True, mode="json"))
    return {"items": [show(row) for row in wanted], "count": count}


def cut(request: HttpRequest, query: ListQuery, rows: QuerySet[M]) -> tuple[list[M], int]:
    """The rows of the page that the query asks for, and the count of all."""
    known_parameters(request, query)
    count = rows.count()
    return (list(rows[query.offset : query.offset + query.limit]) if query.offset < count else []), count


def known_parameters(request: HttpRequest, query: Schema) -> None:
    """Raise InvalidInput for a parameter that the query does not know: a misspelled filter would answer with everything."""
    fields = type(query).model_fields
    known = {field.alias or name for name, field in fields.items()}
    unknown = [name for name in request.GET if name not in known]
    if unknown:
        raise InvalidInput(dict.fromkeys(unknown, f"is not a parameter here; known are {', '.join(sorted(known))}"))


def one_of(name: str, value: str | None, known: Iterable[str]) -> str | None:
    """A filter's value in capitals, None when it is not given; InvalidInput when it is none of those known."""
    if not value:
        return None
    upper = value.strip().upper()
    choices = tuple(known)
    if upper not in choices:
        raise InvalidInput({name: f"is {value[:32]!r}; it must be one of {', '.join(choices)}"})
    return upper


def station_title(name: str, site: Site, ae_title: str) -> str:
    """A filter's AE title as the station has it now, of which a former one may be named as long as that is accepted. Afterwards it is
    InvalidInput that names the present one: there would be nothing, without a word."""
    station = titles.calling(site, ae_title) if ae_title else None
    if ae_title and station is None and (said := titles.moved(site, ae_title)):
        raise InvalidInput({name: f"was that of a station that has another one now: {said.rstrip('.')}"})
    return station.ae_title if station is not None else ae_title


def written(moment: datetime | None, site: Site, precision: str = "seconds") -> str | None:
    """`2026-11-23T09:30:00-05:00`."""
    return None if moment is None else clock.local(moment, site).isoformat(timespec=precision)
