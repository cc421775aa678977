"""The one writer of the audit trail: who saw or did what, to whom, from where, and how it went. Nobody is anonymous to it.

What people change is recorded in the transaction of the change (`changed`, called for each row of a history): a change that cannot be
recorded does not happen. What is shown is recorded by `ris.web.disclosure` when the answer is ready and before it leaves.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import DatabaseError

from ris import audit, clock, db, queries
from ris.actor import MODALITY, USER, Actor
from ris.audit import ACTIONS, CLAIMANT, EVENTS, OUTCOMES, SUCCESS, Subject
from ris.db import part
from ris.deeds import aside
from ris.errors import NotFound
from ris.insertion import insert_few, insert_one
from ris.models import AuditedPatient, AuditRecord, Change, Membership, Site

MOST_PATIENTS: Final = 200
"""Patients of a list that are named; `total` counts them all."""
_MOST_CHANGES = 50
"""Rows of histories that a record of one transaction names."""
_NOWHERE = "an unknown address"


class NotRecorded(DatabaseError):
    """A change that could not be entered, and so was not made. The text is for who wanted it."""


@dataclass(frozen=True)
class Claimant:
    """Somebody who did not prove who they are: a sign-in that failed, a token that is not known, an AE title that was refused.

    They are known by where they came from and by what they said they were, one of which there has to be. `claim` is in words and never
    a secret: of a user name that no account has, `claimed` hides what could be a password typed into the wrong field.
    """

    address: str
    claim: str = ""

    def __post_init__(self) -> None:
        if not self.address.strip() and not self.claim.strip():
            raise ValueError("who neither says who they are nor comes from anywhere is anonymous, and is not recorded")

    @property
    def name(self) -> str:
        said = f", {self.claim}" if self.claim else ""
        return f"Somebody at {self.address or _NOWHERE}{said}"[:200]


def claimed(name: str, is_known: bool) -> str:
    """What somebody said who they are."""
    if is_known:
        return f"as {name}"
    return f"as {name[:2]}… ({len(name)} characters, no account)" if name else "without a name"


@dataclass(frozen=True)
class Place:
    """Where something is done: the address it comes from, and the page or REST call; for a call the number of the user's token."""

    address: str
    name: str
    token: int | None = None


_place: ContextVar[Callable[[], Place] | None] = ContextVar("place", default=None)


@contextmanager
def at(place: Callable[[], Place]) -> Iterator[None]:
    """What is changed within the block is changed from there; asked for when it is."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def record(
    who: Actor | Claimant,
    event: str,
    action: str,
    *,
    site: Site | int | None,
    place: Place | None = None,
    outcome: int = SUCCESS,
    about: Iterable[Subject] = (),
    total: int | None = None,
    detail: dict[str, Any] | None = None,
    happened: datetime | None = None,
) -> AuditRecord:
    """Write one record, of now or of when it `happened` (wall time).

    Raises ValueError for somebody anonymous (`Actor` and `Claimant` have names) and for what the table does not know.

    `about` are the patients, of whom the first MOST_PATIENTS are named; `total` is how many the list was about where that is more.
    """
    if not isinstance(who, Actor | Claimant):
        raise ValueError(f"the audit trail needs to know who it was, and {who!r} is nobody")
    if event not in EVENTS or action not in ACTIONS or outcome not in OUTCOMES:
        raise ValueError(f"the audit trail knows no {event!r} with action {action!r} and outcome {outcome!r}")
    people = list(about)
    where = place or Place("", "")
    row = AuditRecord(
        at=happened or clock.wall(),
        site_id=site.pk if isinstance(site, Site) else site,
        event=event,
        action=action,
        outcome=outcome,
        actor_kind=who.kind if isinstance(who, Actor) else CLAIMANT,
        actor=who.name,
        user_id=who.user_id if isinstance(who, Actor) else None,
        address=where.address[:64],
        place=where.name[:128],
        total=max(total or 0, len({one.patient_id if one.key is None else one.key for one in people})),
        detail=(detail or {}) | ({"token": where.token} if where.token else {}),
    )
    return _write(row, people[:MOST_PATIENTS])


@aside
@part
def _write(row: AuditRecord, people: list[Subject]) -> AuditRecord:
    insert_one(row)
    insert_few([AuditedPatient(record=row, patient_key=one.key, patient_id=one.patient_id, accession_number=one.accession_number)
                for one in people])  # fmt: skip
    return row


def changed(row: Change) -> None:
    """Record a row of a history, with the others of its transaction, when a person wrote it or it was asked for over the web.

    What modalities report is in the message journal and in the performed step's history; what the system does by rule is in the histories.
    """
    if _is_recorded(row.actor_kind):
        db.at_the_end(_record_changes, row)


def did(who: Actor, event: str, action: str, of: str, *, about: Iterable[Subject] = (), asked: dict[str, Any] | None = None) -> None:
    """Record, in its transaction, what no history tells and whom it is `about`, for those whose changes are recorded. `of` names it.

    Raises NotRecorded, by which it is undone.
    """
    if _is_recorded(who.kind):
        detail: dict[str, Any] = {"of": [of]} | ({"asked": asked} if asked else {})
        with _together():
            record(who, event, action, site=site_id_of(who), place=_here(), about=about, detail=detail)


def _is_recorded(actor_kind: str) -> bool:
    return actor_kind == USER or (actor_kind != MODALITY and _place.get() is not None)


def _here() -> Place | None:
    asked = _place.get()
    return asked() if asked else None


def _record_changes(rows: list[Change]) -> None:
    with _together():
        _record_together(rows)


@contextmanager
def _together() -> Iterator[None]:
    """Raises NotRecorded, by which all that is recorded is undone. Contention passes: the action is begun again."""
    try:
        yield
    except DatabaseError as error:
        if db.is_contention(error):
            raise
        raise NotRecorded(
            "A change is entered in the audit trail together with being made, and nothing can be written there now. Nothing was changed. "
            "Try again in a moment."
        ) from error


def _record_together(rows: list[Change]) -> None:
    """One record for each kind of record that was changed, and by whom."""
    together: dict[tuple[str, str, str, str, int | None], list[Change]] = {}
    for row in rows:
        event, action = audit.event_of(row), audit.action_of(row)
        together.setdefault((event, action, row.actor_kind, row.actor, row.user_id), []).append(row)
    here = _here()
    for (event, action, kind, name, user_id), some in together.items():
        about = audit.all_subjects(some)
        named = [[row._meta.label_lower, row.pk, row.verb] for row in some[:_MOST_CHANGES]]
        reason = next((row.reason for row in some if row.reason), "")
        of = list(dict.fromkeys(text for row in some if (text := audit.object_of(row))))[:_MOST_CHANGES]
        detail: dict[str, Any] = {"changes": named} | ({"of": of} if of else {}) | ({"reason": reason} if reason else {})
        who = Actor(kind, name, user_id)
        record(who, event, action, site=site_id_of(who), place=here, about=about, detail=detail)


def site_id_of(who: Actor | Claimant, claimed_id: int | None = None) -> int | None:
    """The hospital whose trail it belongs to: that of the user, or of the account that somebody claims to be, else the default one. None
    before there is any."""
    user_id = who.user_id if isinstance(who, Actor) else claimed_id
    own = Membership.objects.filter(user=user_id).values_list("site", flat=True).first() if user_id else None
    if own is not None:
        return own
    try:
        return queries.default_site().pk
    except NotFound:
        return None
