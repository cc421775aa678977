"""The part of the conformance statement about the effects of performed steps, written from the tables that the code goes by."""

from collections.abc import Iterator
from typing import Final

from mpps.reasons import DISCONTINUE, NOTHING, PUT_BACK, REDUCED, REVIEW, Reason, reasons
from mpps.relations import RELATIONS
from ris.markdown import put_between, table

BEGIN: Final = "<!-- of performed steps, written by manage.py conformance: change the tables it is made of instead -->"
END: Final = "<!-- end of what manage.py conformance writes of performed steps -->"

_STEP: Final = {PUT_BACK: "back on the worklist (SCHEDULED)", DISCONTINUE: "DISCONTINUED"}
_CHARGE: Final = {NOTHING: "nothing", REDUCED: "reduced (modifier 52)", REVIEW: "reduced (52) once a person has looked"}


def text() -> str:
    """Markdown, without the marks."""
    return "\n".join([*_relations(), *_reasons()])


def put_into(document: str) -> str:
    """The document with the text of today between its marks; NoPlace when it has none."""
    return put_between(document, BEGIN, END, text())


def _relations() -> Iterator[str]:
    lines = (
        (
            one.name,
            one.steps,
            one.sent,
            one.begun or "-",
            one.ended or "-",
            "served" if one.is_served else "not served",
            "; ".join(filter(None, (", ".join(one.charges), one.note))),
        )
        for one in RELATIONS
    )
    yield from table("case", "steps", "what the modality sends", "during", "afterwards", "worklist", "charges", lines=lines)


def _reasons() -> Iterator[str]:
    yield "Discontinuation reasons (CID 9300). Where no instance was made nothing is charged, whatever the reason."
    yield ""
    effects: dict[tuple[str, str], list[Reason]] = {}
    for one in reasons().values():
        effects.setdefault((one.step, one.charge), []).append(one)
    lines = (
        (_STEP[step], _CHARGE[charge], ", ".join(f"{one.code} {one.meaning}" for one in ones)) for (step, charge), ones in effects.items()
    )
    yield from table("scheduled step", "charge, with instances", "reasons", lines=lines)
