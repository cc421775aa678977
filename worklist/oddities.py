"""What a query meets on its way that people should look at, as findings about the station that asks."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword

from ris import clock
from ris.models import Site
from worklist import findings
from worklist.find import Found
from worklist.findings import Code, Observed
from worklist.plans import Misfit, Plan

_NAMED = 5  # characters that a finding names


@dataclass(frozen=True, slots=True)
class Oddities:
    """Reports for the queries of one AE title."""

    site: Site
    calling_ae_title: str

    def report_tolerated(self, notes: Iterable[str]) -> None:
        """What was odd about the identifier and understood all the same, each note with the attribute that it begins with."""
        for note in notes:
            path = note.split(" ")[0].rstrip(":")
            attribute = path if tag_for_keyword(path.rpartition(".")[2]) is not None else ""
            self._report(Code.TOLERATED_IN_QUERY, attribute, note)

    def report_misfits(self, plan: Plan, answered: Iterable[Found]) -> None:
        """Answers that went out in UTF-8 since the character set of the station does not have a character."""
        if not plan.has_misfits:
            return
        wanted = "\\".join(plan.character_set.terms)
        for one in answered:
            for misfit in plan.misfits(one.item):
                text = f"{_named(misfit)} not in {wanted}; the answer went out in ISO_IR 192"
                self._report(Code.NOT_IN_CHARACTER_SET, misfit.attribute, text, one.step_id)

    def report_cut(self, text: str) -> None:
        """More exams matched than the station is answered."""
        self._report(Code.ANSWERS_CUT, "", text)

    def _report(self, code: Code, attribute: str, text: str, step_id: int | None = None) -> None:
        findings.report(
            Observed(
                site_id=self.site.pk,
                station_ae_title=self.calling_ae_title,
                step_id=step_id,
                code=code,
                attribute=attribute,
                text=text,
                seen=clock.now(self.site),
            )
        )


def _named(misfit: Misfit) -> str:
    characters = ", ".join(f"{character} (U+{ord(character):04X})" for character in misfit.characters[:_NAMED])
    return f"{misfit.attribute} holds {characters}{' and others' if len(misfit.characters) > _NAMED else ''},"
