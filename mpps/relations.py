"""How performed steps relate to scheduled ones, and what each case does to the steps, the worklist and the charges.

The terms are those of IHE Scheduled Workflow; PS3.17 B has the relation as n:m. Each row is played by a test, and the conformance
statement holds the table.
"""

from dataclasses import dataclass
from typing import Final

from ris.transitions import COMPLETED, DISCONTINUED, SCHEDULED, STARTED

FULL, REDUCED, NOTHING = "full", "reduced", "nothing"


@dataclass(frozen=True)
class Relation:
    """`steps`: scheduled to performed. `begun` and `ended`: the status of each scheduled step while it is performed and afterwards, empty
    where there is none. `is_served`: whether C-FIND finds it afterwards. `charges`: what each requested procedure is charged afterwards."""

    name: str
    steps: str
    sent: str
    begun: str
    ended: str
    is_served: bool
    charges: tuple[str, ...]
    note: str = ""


RELATIONS: Final = (
    Relation("simple", "1:1", "one item, copied from the worklist entry", STARTED, COMPLETED, False, (FULL,)),
    Relation(
        "unscheduled", "0:1", "one item with a Study Instance UID of its own, or no identifier that is known here", "", "", False, (),
        "kept and listed as unscheduled; nothing is charged, since nothing was ordered",
    ),
    Relation(
        "append", "1:2+", "the item again, in a new performed step, after the step was completed", COMPLETED, COMPLETED, False, (FULL,),
        "what the later ones report is added to the charge until it is sent; a sent one is credited and charged anew",
    ),
    Relation("group", "2+:1", "an item for each requested procedure or step", STARTED, COMPLETED, False, (FULL, FULL)),
    Relation(
        "several performed steps", "1:n", "the item in several performed steps of a station that is set so", STARTED, STARTED, False, (),
        "staff complete the step when all are done; then it is charged in full, once",
    ),
    Relation(
        "two devices at once", "1:2", "the item in two performed steps; the first is discontinued", STARTED, COMPLETED, False, (FULL,),
        "the scheduled step goes on while another performed step of it is in progress",
    ),
    Relation("abandoned", "1:1", "DISCONTINUED, no instance", STARTED, DISCONTINUED, False, (NOTHING,)),
    Relation(
        "broken off", "1:1", "DISCONTINUED with 110501, 110503, 110505 or 110515, with instances", STARTED, DISCONTINUED, False, (REDUCED,),
        "by reason and what was made: see the reasons below",
    ),
    Relation(
        "discontinued and redone", "1:2", "the item again, in a new performed step", STARTED, COMPLETED, False, (FULL,),
        "in place of the reduced charge, as long as that is not sent",
    ),
    Relation(
        "wrong entry picked", "1:1", "DISCONTINUED with 110514 (or another reason that puts back)", STARTED, SCHEDULED, True, (NOTHING,),
        "the exam that was meant is performed in a performed step of its own",
    ),
    Relation(
        "canceled and performed all the same", "1:1", "the item of a step that was canceled meanwhile", STARTED, COMPLETED, False, (FULL,),
        "with a finding; the charge is held until a person has looked",
    ),
)  # fmt: skip
