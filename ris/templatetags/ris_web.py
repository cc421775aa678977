"""Template tags and filters that every page shares."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from pydicom.uid import UID

from ris.models import ScheduledProcedureStep
from ris.permissions import Person, allowed
from ris.transitions import SCHEDULED
from ris.web import times
from ris.web.filters import misread
from ris.web.names import NOT_KNOWN, ShownName, shown_name
from ris.web.status import TO_SCHEDULE, shown_status

register = template.Library()

register.filter("day", times.day)
register.filter("weekday", times.weekday)
register.filter("wall", times.wall)
register.filter("wall_seconds", times.wall_seconds)
register.filter("moment", times.moment_text)
register.filter("iso_seconds", times.iso_seconds)
register.filter("moment_seconds", times.moment_seconds)
register.filter("zone_text", times.zone_text)
register.filter("near", times.moment_near)
register.filter("last_day", times.last_day)


@register.simple_tag(takes_context=True)
def misread_day(context: Mapping[str, Any]) -> str:
    """Why the day of the address is not the one that is shown; empty when it could be read, or none was asked for."""
    fault = misread(context["request"])
    return f"{fault}. Today is shown." if fault else ""


@register.filter
def age_on(birth_date: date | None, on: date) -> str:
    return times.age(birth_date, on)


@register.filter
def duration(value: timedelta | int | None) -> str:
    """Of a timedelta or of minutes."""
    return times.duration_minutes(value) if isinstance(value, int) else times.duration(value)


@register.filter
def name_text(value: str) -> str:
    """A PN value as plain text: `FAMILY, Given`."""
    return str(shown_name(value))


@register.simple_tag
def person(value: str) -> SafeString:
    """A PN value with the family name marked and the other script beside it, each with its language."""
    shown = shown_name(value)
    if not shown.known:
        return format_html('<span class="muted">{}</span>', NOT_KNOWN)
    if shown.alt:
        return format_html('{}<bdi class="alt" lang="{}">{}</bdi>', _lead(shown), shown.alt_lang or "und", shown.alt)
    return _lead(shown)


def _lead(shown: ShownName) -> SafeString:
    comma = ", " if shown.family and shown.given else ""
    if shown.lang:
        return format_html('<bdi lang="{}"><span class="fam">{}</span>{}{}</bdi>', shown.lang, shown.family, comma, shown.given)
    return format_html('<span class="fam">{}</span>{}{}', shown.family, comma, shown.given)


@register.simple_tag
def chip(value: str, word: str = "") -> SafeString:
    """A status as a word with its shape and colour; `word` replaces the usual one."""
    shown = shown_status(value)
    return format_html('<span class="chip" data-status="{}">{}</span>', shown.look, word or shown.word)


@register.simple_tag
def step_chip(step: ScheduledProcedureStep) -> SafeString:
    """The status of an exam; one that waits for a time is not called scheduled."""
    return chip(step.status, TO_SCHEDULE if step.status == SCHEDULED and step.start is None else "")


@register.simple_tag
def priority(value: str) -> SafeString | str:
    """RequestedProcedurePriority (0040,1003) as a tag; routine, the usual one, shows nothing."""
    if value in ("ROUTINE", ""):
        return ""
    kind = {"STAT": "tag tag--stat", "HIGH": "tag tag--urgent"}.get(value, "tag")
    return format_html('<span class="{}">{}</span>', kind, value if value == "STAT" else value.capitalize())


_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


@register.filter
def breakable(keyword: str) -> SafeString:
    """A keyword that may be broken before its capitals: `PlacerOrder|Number`."""
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in _HUMP.split(keyword)))


@register.filter
def uid_name(uid: str) -> str:
    """The name that the standard gives a UID with the UID behind it; the UID alone when it gives none."""
    name = UID(uid).name if uid else ""
    return f"{name} ({uid})" if name and name != uid else uid


@register.filter
def at_slashes(address: str) -> SafeString:
    """An address that may be broken behind each slash."""
    return format_html_join(mark_safe("/<wbr>"), "{}", ((part,) for part in address.split("/")))


@register.filter
def status_word(value: str) -> str:
    return shown_status(value).word


@register.simple_tag
def icon(name: str) -> SafeString:
    """One symbol of the sprite; decoration, so hidden from assistive technology."""
    return format_html('<svg class="i" aria-hidden="true"><use href="{}#i-{}"></use></svg>', static("icons.svg"), name)


@register.simple_tag
def copy(value: str, label: str) -> SafeString:
    """A button that copies an identifier; `label` names the identifier: `accession A261123-014`."""
    return format_html(
        '<button class="copy" type="button" data-copy="{}">{}<span class="vh">Copy {}</span></button>', value, icon("copy"), label
    )


@register.filter
def or_unknown(value: Any) -> Any:
    """The value, or "Not known" in a lighter ink when there is none."""
    return format_html('<span class="muted">{}</span>', NOT_KNOWN) if value in (None, "", [], ()) else value


@register.filter
def local_iso(moment: datetime) -> str:
    """For `<time datetime>` and scripts: ISO 8601 with the hospital's offset."""
    return times.local(moment).isoformat(timespec="seconds")


@register.filter
def zone_name(moment: datetime) -> str:
    """`EST`."""
    return times.local(moment).tzname() or ""


@register.filter
def message_look(level_tag: str) -> str:
    """`data-status` of a message of Django's."""
    return {"success": "PASS", "warning": "WARNING", "error": "ERROR"}.get(level_tag, "INFO")


@register.filter
def may(user: Person, permission: str) -> bool:
    """Whether to offer something: `{% if user|may:"orders.place" %}`."""
    return allowed(user, permission)


@register.filter
def as_json(value: Any) -> str:
    """For a data attribute that a script reads."""
    return json.dumps(value)


@register.filter
def lookup(mapping: Mapping[Any, Any], key: Any) -> Any:
    return mapping.get(key)
