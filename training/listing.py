"""The worklist as a machine shows it: asked for as its profile asks, sorted out as it sorts out, and kept for as long as it keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from dimse.outcomes import ScuError
from training import query
from training.memory import Memory
from training.query import Question
from training.quirks import habits
from training.telling import Teller


@dataclass(frozen=True)
class Listing:
    """`find` always asks; `show` asks unless what was asked before is still good. Both raise NoAnswer or Refused."""

    teller: Teller

    def find(self, questions: Sequence[Question]) -> list[Dataset]:
        """The items that answer the first of the questions that finds any, in order of start."""
        profile = self.teller.wire.profile
        try:
            found = self.teller.wire.find([profile.asked(question.identifier()) for question in questions])
        except ScuError as error:
            raise self.teller.failed(error, "C-FIND") from error
        if profile.has(habits.DROPS_INCOMPLETE_ANSWERS):
            found = [item for item in found if is_complete(item)]
        return sorted(found, key=lambda item: (query.start(item), query.step_id(item)))

    def show(self, remembered: Memory, questions: Sequence[Question], now: datetime, *, fresh: bool = False) -> list[Dataset]:
        """The same, out of what is kept when the same was asked before and that is not too long ago. `fresh` asks anew."""
        keeps = self.teller.wire.profile.list_kept_minutes
        if not keeps:
            return self.find(questions)
        asked = "; ".join(str(question) for question in questions)
        if not fresh and remembered.listed_for == asked and (kept := self.kept(remembered, now)):
            return kept
        found = self.find(questions)
        remembered.listed, remembered.listed_at = [item.to_json_dict() for item in found], now.isoformat()
        remembered.listed_for = asked
        remembered.save()
        return found

    def kept(self, remembered: Memory, now: datetime) -> list[Dataset]:
        """The list that is kept; none when it is too old, or the machine keeps none."""
        keeps = timedelta(minutes=self.teller.wire.profile.list_kept_minutes)
        if not remembered.listed_at or now - datetime.fromisoformat(remembered.listed_at) >= keeps:
            return []
        return [Dataset.from_json(item) for item in remembered.listed]


def is_complete(item: Dataset) -> bool:
    """Whether a machine that insists on identifiers can use it."""
    wanted = (query.text(item, "StudyInstanceUID"), query.text(item, "RequestedProcedureID"), query.step_id(item))
    return all(wanted)
