"""One station with all that it is set to, and pools."""

from dataclasses import replace
from datetime import time
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from ninja.responses import Status
from pydantic import BeforeValidator, StrictBool, StrictInt, ValidationInfo, WithJsonSchema, field_validator

from ris import titles
from ris.actions.pools import save_pool
from ris.actions.stations import NEW, StationData, data_of, save_station
from ris.api import base
from ris.api.auth import Bearer, caller
from ris.api.base import Body, Line, ListQuery, Page, refusals
from ris.errors import NotFound
from ris.models import Site, Station, StationPool

router = Router(tags=["stations"])


def _wall_time(value: object) -> object:
    """A time of the hospital's clock: a number would be taken for seconds after midnight, and one with an offset compares with none."""
    try:
        found = time.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise ValueError("must be a time of the hospital's clock such as 08:00, without an offset")
    return found


WallTime = Annotated[time, BeforeValidator(_wall_time), WithJsonSchema({"type": "string", "description": "08:00, the hospital's clock."})]


class StationSettings(Schema):
    """`age_limit_hours` and `answer_limit` are null for no limit; `at_answer_limit` is 0000 or A700. Hours are the hospital's wall time.

    `host`, `port` (null for none) and `tls` say where it answers a C-ECHO of ours. `time_zone` is empty for the hospital's.
    """

    ae_title: str
    name: str
    modalities: list[str]
    room: str
    enabled: bool
    opens: str
    closes: str
    addresses: list[str]
    host: str
    port: int | None
    tls: bool
    character_set: str
    time_zone: str
    aliases: list[str]
    own_list_only: bool
    statuses_shown: list[str]
    requires_arrival: bool
    age_limit_hours: int | None
    answer_limit: int | None
    at_answer_limit: str
    empty_sequences: bool
    only_ff00: bool
    refuses_several_items: bool
    strict: bool
    several_performed_steps: bool
    reports_performed_steps: bool
    refuses_undefined_attributes: bool
    warns: bool
    pools: list[str]
    version: int


class StationIn(Body):
    """Settings to change; what is left out stays (PATCH) or is as by default (PUT). `version`: refused unless it is still that one."""

    name: Line | None = None
    modalities: list[Line] | None = None
    room: Line | None = None
    enabled: StrictBool | None = None
    opens: WallTime | None = None
    closes: WallTime | None = None
    addresses: list[Line] | None = None
    host: Line | None = None
    port: StrictInt | None = Field(None, description="Null for none.")
    tls: StrictBool | None = None
    character_set: str | None = None
    time_zone: Line | None = None
    aliases: list[Line] | None = None
    own_list_only: StrictBool | None = None
    statuses_shown: list[Line] | None = None
    requires_arrival: StrictBool | None = None
    age_limit_hours: StrictInt | None = Field(None, description="Null for no limit.")
    answer_limit: StrictInt | None = Field(None, description="Null for no limit.")
    at_answer_limit: Line | None = None
    empty_sequences: StrictBool | None = None
    only_ff00: StrictBool | None = None
    refuses_several_items: StrictBool | None = None
    strict: StrictBool | None = None
    several_performed_steps: StrictBool | None = None
    reports_performed_steps: StrictBool | None = None
    refuses_undefined_attributes: StrictBool | None = None
    warns: StrictBool | None = None
    version: StrictInt | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_a_limit_s(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in ("age_limit_hours", "answer_limit", "port", "version"):
            raise ValueError("is null; leave it out to let it be as it is")
        return value

    def over(self, known: StationData) -> StationData:
        """What is known with what was given."""
        given = self.model_dump(exclude_unset=True, exclude={"version"})
        changes: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        return replace(known, **changes)


class PoolOut(Schema):
    code: str
    name: str
    stations: list[str]


class PoolIn(Body):
    """`before`: refused unless these are still its stations; an empty list asks for a new pool. Without `name` a pool keeps the one
    that it has; a new one is called as its code."""

    name: Line | None = None
    stations: list[Line]
    before: list[Line] | None = None


_STATION = {200: StationSettings, **refusals(404, 409, 422)}


@router.get("/stations/{path:ae_title}", auth=Bearer("stations.view"), response={200: StationSettings, **refusals(404)})
def get_station(request: HttpRequest, ae_title: Line) -> dict[str, Any]:
    """A station with all its settings."""
    return _again(base.site_of(request), ae_title)


@router.patch("/stations/{path:ae_title}", auth=Bearer("stations.edit"), response=_STATION)
def change_station(request: HttpRequest, ae_title: Line, body: StationIn) -> dict[str, Any]:
    """Change some of a station's settings; its next query is answered by them. Without `version` too, refused when somebody else
    changed the station at the same moment."""
    site = base.site_of(request)
    station = _station(site, ae_title)
    version = station.version if body.version is None else body.version
    save_station(site, body.over(data_of(station)), caller(request).actor, version)
    return _again(site, ae_title)


@router.put("/stations/{path:ae_title}", auth=Bearer("stations.edit"), response={201: StationSettings, **_STATION})
def put_station(request: HttpRequest, ae_title: Line, body: StationIn) -> Status[dict[str, Any]]:
    """Register a station, or set one anew; `version` 0 asks for one that is not there yet."""
    site = base.site_of(request)
    made = not Station.objects.filter(site=site, ae_title=ae_title).exists()
    version = NEW if made and body.version is None else body.version
    save_station(site, body.over(StationData(ae_title, ())), caller(request).actor, version)
    return Status(201 if made else 200, _again(site, ae_title))


@router.get("/pools", auth=Bearer("stations.view"), response={200: Page[PoolOut], **refusals(422)})
def list_pools(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    """The pools by code."""
    return base.page(request, query, StationPool.objects.filter(site=base.site_of(request)).prefetch_related("stations"), _pool)


@router.put("/pools/{path:code}", auth=Bearer("stations.edit"), response={200: PoolOut, **refusals(404, 409, 422)})
def put_pool(request: HttpRequest, code: Line, body: PoolIn) -> dict[str, Any]:
    """Make a pool, or change its name and stations; exams that wait on it follow."""
    return _pool(save_pool(base.site_of(request), code, body.name, body.stations, caller(request).actor, body.before))


def _station(site: Site, ae_title: str) -> Station:
    found = Station.objects.filter(site=site, ae_title=ae_title).prefetch_related("modalities", "aliases", "pools").first()
    if found is None:
        moved = titles.moved(site, ae_title)
        raise NotFound(moved or f"There is no station {ae_title!r}; GET /api/v1/stations lists them, PUT registers one.")
    return found


def _again(site: Site, ae_title: str) -> dict[str, Any]:
    """The station as a GET shows it now."""
    station = _station(site, ae_title)
    return {name: getattr(station, name) for name in StationSettings.model_fields if name not in ("modalities", "aliases", "pools")} | {
        "modalities": [row.modality for row in station.modalities.all()],
        "aliases": [row.ae_title for row in station.aliases.all()],
        "pools": [pool.code for pool in station.pools.all()],
        "opens": f"{station.opens:%H:%M}",
        "closes": f"{station.closes:%H:%M}",
    }


def _pool(pool: StationPool) -> dict[str, Any]:
    return {"code": pool.code, "name": pool.name, "stations": [station.ae_title for station in pool.stations.all()]}
