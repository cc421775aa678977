"""Which worklist item a person means who says a step ID or an accession number."""

from collections.abc import Callable, Sequence
from random import Random

from pydicom.dataset import Dataset

from training import query
from training.errors import ModalityError
from training.query import Question
from training.target import Target

_SH_LENGTH = 16

Find = Callable[[Sequence[Question]], list[Dataset]]


def pick(name: str, station: str, target: Target, find: Find) -> Dataset:
    """The one worklist item of a step ID or accession number. `station` is "" for those of all stations. Raises ModalityError."""
    if not 0 < len(name) <= _SH_LENGTH:
        raise ModalityError(f"{name!r} is no step ID and no accession number: they hold 1 to {_SH_LENGTH} characters.")
    found = find([Question(station=station, step_id=name), Question(station=station, accession_number=name)])
    # An SCP need not match on a step ID (PS3.4 Table K.6-1): what it sends beyond is sorted out here.
    fitting = [item for item in found if query.step_id(item) == name]
    fitting = fitting or [item for item in found if query.text(item, "AccessionNumber") == name]
    if not fitting:
        whose = f"the worklist of {station}" if station else "the worklist"
        hint = "; --any-station also looks at those of other stations" if station else ""
        raise ModalityError(
            f"{name} is not on {whose} (asked {target} for it as step ID and as accession number): it may be finished, "
            f"canceled, or planned for another station{hint}. `list --all` shows what is there."
        )
    if len(fitting) > 1:
        steps = ", ".join(query.step_id(item) for item in fitting)
        raise ModalityError(f"{name} stands for {len(fitting)} steps; say which one: {steps}.")
    return fitting[0]


def another_patient(meant: Dataset, listed: Sequence[Dataset], chance: Random) -> Dataset:
    """An item beside the one that is meant, as a hurried person picks it: of somebody else. Raises ModalityError."""
    others = [n for n, item in enumerate(listed) if query.text(item, "PatientID") != query.text(meant, "PatientID")]
    if not others:
        raise ModalityError(f"Nobody but the patient of {query.step_id(meant)} is on the list, so no wrong one can be picked.")
    own = next((n for n, item in enumerate(listed) if query.step_id(item) == query.step_id(meant)), 0)
    nearest = sorted(others, key=lambda n: abs(n - own))[:2]
    return listed[chance.choice(nearest)]
