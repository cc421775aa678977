"""Consoles over REST: set up, their keys pressed, and every message with what was answered."""

from typing import Any

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from ninja.responses import Status
from pydantic import ValidationInfo, field_validator

from dimse import statuses
from ris import audit
from ris.api import base
from ris.api.auth import Bearer, caller
from ris.api.base import Body, Instant, Line, ListQuery, Page, refusals
from ris.bearer import Caller
from ris.errors import Conflict, NotFound
from ris.models import Site
from ris.web.disclosure import disclose
from training import auditing, queries
from training.actions import console_acts
from training.actions.consoles import NEW, ConsoleData, data_of, delete_console, save_console
from training.consoles import keys
from training.consoles.pressing import press
from training.consoles.screen import Screen
from training.models import Console, ConsoleAct, ConsoleMessage

router = Router(tags=["consoles"])


class KeyOut(Schema):
    """A key of the console; `why_not` says why it does nothing now, empty when it does something."""

    key: str
    label: str
    why_not: str


class ExamOut(Schema):
    """An exam as the console remembers it."""

    sop_instance_uid: str
    state: str
    how: str
    step_ids: list[str]
    accession_numbers: list[str]
    patient_id: str
    patient_name: str
    series: int
    images: int


class ActOut(Schema):
    """A key that was pressed. `status` is WAITING, RUNNING, DONE, FAILED, WITHDRAWN or LOST; `text` says in words what came of it."""

    id: int
    key: str
    status: str
    text: str
    arguments: dict[str, Any]
    pressed_at: Instant
    ended_at: Instant | None
    actor: str


class ConsoleOut(Schema):
    """A console with its list and what lies on its table. `host`, `port` and `called` are empty when it talks to this Stepwise."""

    ae_title: str
    kind: str
    profile: str
    operator: str
    host: str
    port: int | None
    called: str
    version: int
    exam: ExamOut | None
    entries: list[dict[str, str]]
    keys: list[KeyOut]
    act: ActOut | None


class ConsoleIn(Body):
    """Settings; what is left out stays, or is as by default. `version`: refused unless it is still that one."""

    kind: Line | None = None
    profile: Line | None = None
    operator: Line | None = None
    host: Line | None = None
    port: int | None = Field(None, description="Null for this Stepwise.")
    called: Line | None = None
    version: int | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_a_port_s(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in ("port", "version"):
            raise ValueError("is null; leave it out to let it be as it is")
        return value

    def over(self, known: ConsoleData) -> ConsoleData:
        """What is known with what was given."""
        given = self.model_dump(exclude_unset=True, exclude={"version", "ae_title"})
        return ConsoleData(**{name: given.get(name, getattr(known, name)) for name in ConsoleData.__dataclass_fields__})


class NewConsole(ConsoleIn):
    ae_title: Line


class KeyIn(Body):
    """What is given to a key: to `update` the query, to `start` and `wrong` an entry, to `group` several, to `discontinue` a reason, to
    `hand` the patient."""

    patient_name: Line | None = None
    patient_id: Line | None = None
    accession_number: Line | None = None
    days: Line | None = Field(None, description="`today`, `all` or a date.")
    modality: Line | None = None
    any_station: bool | None = None
    pick: Line | None = Field(None, description="The key of an entry.")
    picks: list[Line] | None = None
    reason: Line | None = Field(None, description="A code of CID 9300.")
    name: Line | None = None
    birth_date: Line | None = None
    sex: Line | None = None
    description: Line | None = None
    slip: Line | None = Field(None, description="What goes wrong when the patient is typed.")


class MessageOut(Schema):
    """One exchange. `status` is null without an answer; `failure` then says why. Data sets are DICOM JSON."""

    id: int
    act: int
    at: Instant
    verb: str
    target: str
    summary: str
    sop_instance_uid: str
    status: str | None
    status_name: str
    comment: str
    failure: str
    answer_count: int | None
    duration_ms: float


class WholeMessage(MessageOut):
    request: dict[str, Any] | None
    answers: list[dict[str, Any]]


_CONSOLE = {200: ConsoleOut, **refusals(404, 409, 422)}


@router.get("/consoles", auth=Bearer("consoles.use"), response={200: Page[ConsoleOut], **refusals(422)})
def list_consoles(request: HttpRequest, query: Query[ListQuery]) -> dict[str, Any]:
    """The consoles by AE title."""
    return base.page(request, query, queries.consoles(base.site_of(request)), show_console, discloses=True)


@router.post("/consoles", auth=Bearer("consoles.use"), response={201: ConsoleOut, **refusals(409, 422)})
def set_up_console(request: HttpRequest, body: NewConsole) -> Status[dict[str, Any]]:
    """Set up a console. Pointing it at another system needs the permission `consoles.edit`."""
    known = ConsoleData(body.ae_title)
    return Status(201, _saved(request, body.over(known), known, NEW))


@router.post("/consoles/{path:ae_title}/keys/{key}", auth=Bearer("consoles.use"), response={202: ActOut, **refusals(404, 409, 422, 503)})
def press_key(request: HttpRequest, ae_title: Line, key: Line, body: KeyIn) -> Status[dict[str, Any]]:
    """Press a key; a worker does it, unless it needs no network. The act answers what came of it."""
    given = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    console = _console(request, ae_title)
    try:
        act = press(console, key, given, caller(request).actor)
    except Conflict:  # says whose exam is in the way
        disclose(request, audit.LIST, *auditing.of_exams(console.site, Screen(console).exams), asked={"console": ae_title})
        raise
    return Status(202, _act_shown(request, act))


@router.get("/consoles/{path:ae_title}/acts/{act_id}", auth=Bearer("consoles.use"), response={200: ActOut, **refusals(404)})
def get_act(request: HttpRequest, ae_title: Line, act_id: int) -> dict[str, Any]:
    """A key that was pressed, and what came of it."""
    console = _console(request, ae_title)
    console_acts.settle(console.pk)
    act = console.acts.filter(pk=act_id).first()
    if act is None:
        raise NotFound(f"There is no such act of {ae_title} any more.")
    return _act_shown(request, act)


@router.get("/consoles/{path:ae_title}/messages/{message_id}", auth=Bearer("consoles.use"), response={200: WholeMessage, **refusals(404)})
def get_message(request: HttpRequest, ae_title: Line, message_id: int) -> dict[str, Any]:
    """One exchange with its data sets; of many answers to a C-FIND the first."""
    message = _console(request, ae_title).messages.select_related("console__site").filter(pk=message_id).first()
    if message is None:
        raise NotFound(f"There is no such message of {ae_title} any more.")
    disclose(request, audit.LIST, *auditing.of_message(message), asked={"console": ae_title, "message": message_id})
    return show_message(message) | {"request": message.request, "answers": message.answers}


@router.get("/consoles/{path:ae_title}/messages", auth=Bearer("consoles.use"), response={200: Page[MessageOut], **refusals(404, 422)})
def list_messages(request: HttpRequest, ae_title: Line, query: Query[ListQuery]) -> dict[str, Any]:
    """The exchanges of a console, the latest first."""
    found = _console(request, ae_title).messages.select_related("console__site").defer("request", "answers")
    return base.page(request, query, found, show_message)


@router.get("/consoles/{path:ae_title}", auth=Bearer("consoles.use"), response={200: ConsoleOut, **refusals(404)})
def get_console(request: HttpRequest, ae_title: Line) -> dict[str, Any]:
    """A console with its list, its keys and the last one that was pressed."""
    console = _console(request, ae_title)
    console_acts.settle(console.pk)
    return _shown(request, console)


@router.patch("/consoles/{path:ae_title}", auth=Bearer("consoles.use"), response=_CONSOLE)
def change_console(request: HttpRequest, ae_title: Line, body: ConsoleIn) -> dict[str, Any]:
    """Change some of a console's settings."""
    console = _console(request, ae_title)
    known = data_of(console)
    return _saved(request, body.over(known), known, console.version if body.version is None else body.version)


@router.delete("/consoles/{path:ae_title}", auth=Bearer("consoles.use"), response={204: None, **refusals(404, 409)})
def remove_console(request: HttpRequest, ae_title: Line) -> Status[None]:
    """Remove a console with its messages; refused while an exam is open on it. One of another system needs `consoles.edit`."""
    console, who = _console(request, ae_title), caller(request)
    if console.is_elsewhere:
        who.check("consoles.edit")
    delete_console(console.site, ae_title, who.actor)
    return Status(204, None)


def _console(request: HttpRequest, ae_title: str) -> Console:
    return queries.console(base.site_of(request), ae_title)


def _saved(request: HttpRequest, data: ConsoleData, known: ConsoleData, version: int) -> dict[str, Any]:
    who: Caller = caller(request)
    if data.target != known.target:
        who.check("consoles.edit")
    site: Site = base.site_of(request)
    return _shown(request, queries.console(site, save_console(site, data, who.actor, version).ae_title))


def _shown(request: HttpRequest, console: Console) -> dict[str, Any]:
    disclose(request, audit.LIST, console, asked={"console": console.ae_title})
    return show_console(console)


def _act_shown(request: HttpRequest, act: ConsoleAct) -> dict[str, Any]:
    disclose(request, audit.LIST, act, asked={"console": act.console.ae_title, "act": act.pk})
    return show_act(act)


def show_console(console: Console) -> dict[str, Any]:
    """A console of `queries.consoles`, as ConsoleOut."""
    screen = Screen(console)
    exam = screen.open_exam
    return {
        **{name: getattr(console, name) for name in (*ConsoleData.__dataclass_fields__, "version")},
        "exam": exam
        and {
            **{name: getattr(exam, name) for name in ExamOut.model_fields if name != "series"},
            "series": len(exam.series),
        },
        "entries": console.rows,
        "keys": [{"key": key.name, "label": key.plain_label, "why_not": screen.why_not(key)} for key in keys.KEYS],
        "act": show_act(screen.act) if screen.act else None,
    }


def show_act(act: ConsoleAct) -> dict[str, Any]:
    """As ActOut."""
    site = act.console.site
    return {
        "id": act.pk,
        **{name: getattr(act, name) for name in ("key", "status", "text", "arguments", "actor")},
        "pressed_at": base.written(act.pressed_at, site),
        "ended_at": base.written(act.ended_at, site),
    }


def show_message(message: ConsoleMessage) -> dict[str, Any]:
    """As MessageOut."""
    return {
        **{
            name: getattr(message, name) for name in ("verb", "target", "summary", "sop_instance_uid", "comment", "failure", "answer_count")
        },
        "id": message.pk,
        "act": message.act_id,
        "at": base.written(message.at, message.console.site, "milliseconds"),
        "status": None if message.status is None else f"{message.status:04X}",
        "status_name": "" if message.status is None else statuses.name_of(message.status),
        "duration_ms": round(message.duration_ms, 1),
    }
